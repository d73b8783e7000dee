"""`nervecheck run`: start everything in one process and print the addresses."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.command_context import load
from bot.config import Settings

if TYPE_CHECKING:
    from bot.wiring import Running


def add_to(app: typer.Typer) -> None:
    """Add the command to the given app."""
    app.command()(run)


def run(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Use the simulated Telegram even if a token is set.")
    ] = False,
    speed: Annotated[
        float,
        typer.Option(min=0.001, max=100_000, help="Sandbox seconds per real second: 3600 turns a second into an hour."),
    ] = 1.0,
) -> None:
    """Run the bot and the console until Ctrl-C. Without a token: the sandbox, not reachable from the network."""
    loaded = load(sandbox=sandbox, speed=speed)
    if speed != 1.0 and not loaded.sandbox:
        raise typer.BadParameter(
            "only the clock of the sandbox can run at another speed: add --sandbox", param_hint="--speed"
        )
    from bot import wiring  # noqa: PLC0415 - see command_context.load

    def announce(running: "Running") -> None:
        for line in startup_lines(loaded.settings, running, speed=speed):
            typer.echo(line)

    wiring.run(loaded, on_ready=announce)


def startup_lines(settings: Settings, running: "Running", *, speed: float) -> tuple[str, str, str, str]:
    """Return four lines: what runs, the addresses, where the data is, and the next step."""
    if running.chat_page is None:
        updates = f"by webhook to {settings.webhook_url}" if settings.webhook_url else "by polling"
        return (
            f"nervecheck is running for {settings.team_name}: bot and console, updates {updates}.",
            f"Health: {running.web}/readyz · Console for the team: {settings.console_url or running.web}/console",
            f"Data: {settings.data_location}",
            "Add a patient: nervecheck patient add --code P-0001 --ici-start YYYY-MM-DD. Stop: Ctrl-C.",
        )
    speed_note = f" at {speed:g} times real time" if speed != 1.0 else ""
    return (
        f"nervecheck is running in the sandbox{speed_note}: bot, console, simulated Telegram. Local only.",
        f"Chat page: {running.chat_page} · Console for the team: {running.web}/console",
        f"Data: {settings.data_location} (sample patients)",
        "To go live: set NERVECHECK_TOKEN, your keys and your numbers (.env.example), then run again. Stop: Ctrl-C.",
    )
