"""`nervecheck patient replay`: derives assessments and concerns again and compares them with what is stored."""

from typing import Annotated

import typer

from bot.app.concerns import replay as replays
from bot.app.concerns.replay_concerns import replay_concerns
from bot.cli.command_context import AsJson, database_session, print_json, print_table
from bot.cli.errors import REFUSED
from bot.cli.patient import CodeArgument


def add_to(app: typer.Typer) -> None:
    """Add the command to `nervecheck patient`."""
    app.command()(replay)


def replay(
    code: CodeArgument,
    concerns: Annotated[bool, typer.Option("--concerns", help="Replay concerns instead of assessments.")] = False,
    as_json: AsJson = False,
) -> None:
    """Re-assess stored answers with the protocol version used at the time; report differences.

    With --concerns, derive again what is remembered of each symptom, and its tier, from all that happened.
    """
    from bot import protocol_files  # noqa: PLC0415 - see command_context.load

    if concerns:
        _replay_concerns(code, as_json=as_json)
        return
    with database_session() as session:
        replayed = session.run(lambda stores: replays.replay(stores, code, protocol_files.load))
    differing = [one for one in replayed if one.result != "same"]
    if as_json:
        print_json([one.model_dump(mode="json") for one in replayed])
    else:
        rows = [(one.at, one.checkin, _difference(one), one.stored_tier, one.derived_tier) for one in differing]
        if rows:
            print_table(("assessed", "check-in", "difference", "stored tier", "re-assessed tier"), rows)
        typer.echo(f"{len(replayed)} assessments, {len(differing)} that differ or could not be repeated.")
    if differing:
        raise typer.Exit(REFUSED)


def _replay_concerns(code: str, *, as_json: bool) -> None:
    from bot import protocol_files  # noqa: PLC0415 - see command_context.load

    with database_session() as session:
        found = session.run(lambda stores: replay_concerns(stores, code, protocol_files.load))
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        rows = [(one.symptom, one.at, one.stored, one.derived) for one in found.differences]
        if rows:
            print_table(("symptom", "at", "stored", "derived again"), rows)
        typer.echo(_REPLAYED[found.status].format(n=found.events))
    if found.status in {"differs", "no_protocol"}:
        raise typer.Exit(REFUSED)


_REPLAYED = {
    "same": "{n} events; all concerns are as they were derived then.",
    "differs": "{n} events; the concerns above differ.",
    "no_events": "No event of this patient is stored, so there is nothing to repeat.",
    "no_protocol": "{n} events; a protocol of one of them is not stored or not readable.",
}


def _difference(one: replays.Replayed) -> str:
    descriptions = {"no_basis": "its input was not stored", "no_protocol": "its protocol is not stored or not readable"}
    if one.missing:
        return f"answers not stored: {', '.join(one.missing)}"
    return descriptions.get(one.result, one.result)
