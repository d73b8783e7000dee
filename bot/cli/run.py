"""`nervecheck run`: starts everything in one process, and says where it is."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.office import ready
from bot.config import Settings

if TYPE_CHECKING:
    from bot.wiring import Running


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Use the stand-in for Telegram even where a token is set.")
    ] = False,
    speed: Annotated[
        float, typer.Option(min=0.001, max=100_000, help="Sandbox seconds a real second: 3600 makes an hour of each.")
    ] = 1.0,
) -> None:
    """Run bot, ticker and delivery until Ctrl-C; without a token in the sandbox, which opens nothing to the network."""
    prepared = ready(sandbox=sandbox)
    if speed != 1.0 and not prepared.sandbox:
        raise typer.BadParameter("only the sandbox's clock can run faster: add --sandbox", param_hint="--speed")
    from bot import wiring  # noqa: PLC0415 - see office.ready

    def announce(running: "Running") -> None:
        for line in what_runs(prepared.settings, running, speed=speed):
            typer.echo(line)

    wiring.run(prepared, speed=speed, on_ready=announce)


def what_runs(settings: Settings, running: "Running", *, speed: float) -> tuple[str, str, str, str]:
    """Return the four lines: what runs, where to look, where the data is, what is next."""
    if running.chat_page is None:
        brought = f"brought to {settings.webhook_url}" if settings.webhook_url else "by polling"
        return (
            f"nervecheck runs for {settings.team_name}: bot, ticker and delivery, updates {brought}.",
            f"Is it well? {running.web}/readyz · The team's console: {settings.console_url or running.web}/console",
            f"Data: {settings.data_at}",
            "Add a patient: nervecheck patient add --code P-0001 --ici-start YYYY-MM-DD. Stop: Ctrl-C.",
        )
    pace = f", {speed:g} times as fast as the clock on the wall" if speed != 1.0 else ""
    return (
        f"nervecheck runs in the sandbox{pace}: bot, ticker, delivery and a made-up Telegram, on this machine only.",
        f"Open the chat page: {running.chat_page} · The team's console: {running.web}/console",
        f"Data: {settings.data_at} (made-up patients)",
        "To go live: set NERVECHECK_TOKEN, your keys and your numbers (.env.example), then run again. Stop: Ctrl-C.",
    )
