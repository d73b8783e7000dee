"""`nervecheck play`: the conversation in a terminal, by the real protocol and texts. No Telegram, database or patient.

Each line of input is one tap, so a file of lines plays a whole conversation.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.errors import REFUSED, refuse
from bot.cli.office import AsJson, print_json
from bot.cli.playing import Conversation, made_up_clinic
from bot.cli.protocol import ProtocolFile
from bot.clock import SystemClock
from bot.config import Settings
from bot.content.faults import ContentError
from bot.content.loader import load_protocol
from bot.content.texts import Texts
from bot.core.triage import History


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(play)


def play(
    file: ProtocolFile = None,
    form: Annotated[str, typer.Option(help="Form of the protocol to go through.")] = "quick",
    language: Annotated[str, typer.Option(help="Language of the texts.")] = "en",
    record: Annotated[
        Path | None, typer.Option(dir_okay=False, writable=True, help="Write the conversation to this new file, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go through a check-in here: numbers choose, b back, s skip, d done, h help now, m mistake, q quit."""
    settings = Settings.load(sandbox=True).in_sandbox()
    try:
        texts = Texts.load((language,))
        protocol = load_protocol(file or settings.protocol)
    except ContentError as error:
        refuse([str(fault) for fault in error.faults])
    if form not in protocol.forms:
        raise typer.BadParameter(f"the protocol has {', '.join(protocol.forms)}", param_hint="--form")
    conversation = Conversation(made_up_clinic(settings, protocol), texts, language, form, History())
    heading = f"{form}, {language}, protocol {protocol.name} {protocol.version}"
    with _recorded(record, heading) as keep:
        for block in _spoken(conversation, keep):
            keep(block)
            # With --json standard output is for the result alone.
            typer.echo(block, err=as_json)
    if as_json:
        print_json(conversation.result())
    if not conversation.finished:
        raise typer.Exit(REFUSED)


@contextlib.contextmanager
def _recorded(path: Path | None, heading: str) -> Iterator[Callable[[str], None]]:
    """Yield what writes a block into the file, at once: a conversation that is broken off is kept as far as it went."""
    if path is None:
        yield lambda _block: None
        return
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise typer.BadParameter(f"{path} is there already: name a new file", param_hint="--record") from None
    with file:

        def keep(block: str) -> None:
            file.write(f"{block}\n")
            file.flush()

        keep(heading)
        yield keep


def _spoken(conversation: Conversation, keep: Callable[[str], None]) -> Iterator[str]:
    """Yield what the patient sees, one block after another, until the end of the check-in or of the input."""
    clock = SystemClock()
    yield conversation.question()
    while not conversation.finished:
        line = _tapped()
        if line is None or line.lower() in {"q", "quit"}:
            yield "\nLeft before the end. " + conversation.verdict()
            return
        if line:
            keep(f"\n      patient taps: [{line}]")
            yield from conversation.tap(line, clock.now())
    yield conversation.verdict()


def _tapped() -> str | None:
    """Read one line; None at the end of the input."""
    typer.echo("> ", nl=False, err=True)
    line = sys.stdin.readline()
    return line.strip() if line else None
