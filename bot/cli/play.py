"""`nervecheck play`: a check-in in the terminal with the real protocol and texts, without Telegram or a database.

Each line of input is one tap, so a text file can play a whole conversation.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.command_context import AsJson, print_json
from bot.cli.errors import REFUSED, refuse
from bot.cli.playing import TerminalConversation, demo_clinic
from bot.cli.protocol import ProtocolArgument
from bot.clock import SystemClock
from bot.config import Settings
from bot.content.faults import ContentError
from bot.content.loader import load_protocol
from bot.content.texts import Texts
from bot.core.triage import History


def add_to(app: typer.Typer) -> None:
    """Add the command to the given app."""
    app.command()(play)


def play(
    file: ProtocolArgument = None,
    form: Annotated[str, typer.Option(help="Form to play.")] = "quick",
    language: Annotated[str, typer.Option(help="Language of the texts.")] = "en",
    record: Annotated[
        Path | None, typer.Option(dir_okay=False, writable=True, help="File to create with a transcript.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play a check-in: numbers choose, b back, s skip, d done, h help now, m mistake, q quit."""
    settings = Settings.load(sandbox=True).for_sandbox()
    try:
        texts = Texts.load((language,))
        protocol = load_protocol(file or settings.protocol)
    except ContentError as error:
        refuse([str(fault) for fault in error.faults])
    if form not in protocol.forms:
        raise typer.BadParameter(f"unknown form; the protocol has {', '.join(protocol.forms)}", param_hint="--form")
    conversation = TerminalConversation(demo_clinic(settings, protocol), texts, language, form, History())
    heading = f"{form}, {language}, protocol {protocol.name} {protocol.version}"
    with _recorder(record, heading) as write:
        for block in _blocks(conversation, write):
            write(block)
            # With --json, standard output carries only the result.
            typer.echo(block, err=as_json)
    if as_json:
        print_json(conversation.result())
    if not conversation.finished:
        raise typer.Exit(REFUSED)


@contextlib.contextmanager
def _recorder(path: Path | None, heading: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that writes a block to the file and flushes it, so that an aborted conversation is kept too."""
    if path is None:
        yield lambda _block: None
        return
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise typer.BadParameter(f"{path} already exists: choose a new file", param_hint="--record") from None
    with file:

        def write(block: str) -> None:
            file.write(f"{block}\n")
            file.flush()

        write(heading)
        yield write


def _blocks(conversation: TerminalConversation, write: Callable[[str], None]) -> Iterator[str]:
    """Yield what the patient sees, block by block, until the end of the check-in or of the input."""
    clock = SystemClock()
    yield conversation.question()
    while not conversation.finished:
        line = _read_tap()
        if line is None or line.lower() in {"q", "quit"}:
            yield "\nStopped before the end. " + conversation.assessment_summary()
            return
        if line:
            write(f"\n      patient taps: [{line}]")
            yield from conversation.tap(line, clock.now())
    yield conversation.assessment_summary()


def _read_tap() -> str | None:
    """Read one line of input; return None at its end."""
    typer.echo("> ", nl=False, err=True)
    line = sys.stdin.readline()
    return line.strip() if line else None
