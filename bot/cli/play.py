"""`nervecheck play`: the conversation in a terminal, by the real protocol and texts. No Telegram, database or patient.

Each line of input is one tap, so a file of lines plays a whole conversation.
"""

import sys
from collections.abc import Iterator
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
        Path | None, typer.Option(dir_okay=False, writable=True, help="Write the conversation to this file, too.")
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
    said = [f"{form}, {language}, protocol {protocol.name} {protocol.version}"]
    for block in _spoken(conversation, said):
        said.append(block)
        # With --json standard output is for the result alone.
        typer.echo(block, err=as_json)
    if record is not None:
        record.write_text("\n".join(said).rstrip() + "\n", encoding="utf-8")
    if as_json:
        print_json(conversation.result())
    if not conversation.finished:
        raise typer.Exit(REFUSED)


def _spoken(conversation: Conversation, said: list[str]) -> Iterator[str]:
    """Yield what the patient sees, one block after another, until the end of the check-in or of the input."""
    clock = SystemClock()
    yield conversation.question()
    while not conversation.finished:
        line = _tapped()
        if line is None or line.lower() in {"q", "quit"}:
            yield "\nLeft before the end. " + conversation.verdict()
            return
        if line:
            said.append(f"\n      patient taps: [{line}]")
            yield from conversation.tap(line, clock.now())
    yield conversation.verdict()


def _tapped() -> str | None:
    """Read one line; None at the end of the input."""
    typer.echo("> ", nl=False, err=True)
    line = sys.stdin.readline()
    return line.strip() if line else None
