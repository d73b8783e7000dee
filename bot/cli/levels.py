"""`nervecheck patient levels` and the commands next to it: what staff decide about levels. Decides nothing itself."""

from typing import Annotated

import typer

from bot.app.concerns import agreed_levels, agreeing, close_watch, level_view, new_baseline, references, usual_signs
from bot.app.concerns.level_view import LevelLine
from bot.app.records.levels import LevelDecision
from bot.cli.command_context import AsJson, in_transaction, print_json, print_table
from bot.cli.names import ByOption
from bot.cli.patient import CodeArgument

SymptomArgument = Annotated[str, typer.Argument(help="Symptom of the protocol, such as numbness or breathing.")]
LevelArgument = Annotated[str, typer.Argument(help='Answer to its question, such as medium; "there" for a sign.')]
WhyOption = Annotated[str, typer.Option(help="Why, in a few words; stored encrypted.")]
_SECRET = {"patient_id", "version"}


def add_to(app: typer.Typer) -> None:
    """Add the commands on levels to `nervecheck patient`."""
    for command in (levels, agree, end_agreement, usual_sign, accept_sign, decline_sign, reference, confirm_reference,
                    reject_reference, baseline, watch, end_watch):  # fmt: skip
        app.command(command.__name__.replace("_", "-"))(command)


def levels(code: CodeArgument, as_json: AsJson = False) -> None:
    """List a patient's concerns and levels; what waits for a decision comes first."""
    lines = in_transaction(lambda work: level_view.level_lines(work, code))
    if as_json:
        print_json([line.model_dump(mode="json") for line in lines])
    elif not lines:
        typer.echo(f"{code}: no concerns, and no level is accepted as usual.")
    else:
        columns = ("symptom", "concern", "tier", "since", "now", "usual", "agreed", "until", "watched until")
        print_table(columns, [_row(line) for line in lines])
        for line in lines:
            if line.needs_staff:
                typer.echo(f"to do: {line.symptom}: {_to_do(line)}")


def _row(line: LevelLine) -> tuple[object, ...]:
    tier = line.tier if line.state != "none" else None
    return (
        *(line.symptom, line.state, tier, line.since, line.level, line.reference),
        *(line.agreed, line.agreed_until, line.watched_until),
    )


def _to_do(line: LevelLine) -> str:
    if line.proposed is not None:
        return f"accept or decline: usual for this patient, says {line.proposed_by}"
    if line.confirm_until is not None:
        return f"confirm or reject by {line.confirm_until:%Y-%m-%d}: the patient named it"
    return "decide: the agreement has ended"


def agree(
    code: CodeArgument,
    symptom: SymptomArgument,
    level: LevelArgument,
    by: ByOption,
    reason: WhyOption,
    days: Annotated[int, typer.Option(min=1, max=agreeing.MAX_DAYS, help="Duration in days.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Accept a level for some days: up to it, the symptom raises nothing. Never for an EMERGENCY: see `usual-sign`."""
    agreed = in_transaction(
        lambda work: agreeing.agree_level(work.acting(by), code, symptom, level, days, reason=reason)
    )
    if as_json:
        print_json(agreed.model_dump(mode="json", exclude=_SECRET))
    else:
        typer.echo(f"{code}: agreed: {agreed_levels.describe(agreed)}.")


def end_agreement(code: CodeArgument, symptom: SymptomArgument, by: ByOption) -> None:
    """End an agreed level now."""
    in_transaction(lambda work: agreeing.end_agreed_level(work.acting(by), code, symptom))
    typer.echo(f"{code}: agreed level of {symptom} ended.")


def usual_sign(
    code: CodeArgument,
    symptom: SymptomArgument,
    by: ByOption,
    reason: WhyOption,
    decided_by: Annotated[str, typer.Option(help="Name of the clinician who decided; stored encrypted.")],
    level: Annotated[str, typer.Option(help='Level that is usual: "there" for a sign.')] = "there",
    days: Annotated[
        int, typer.Option(min=1, max=usual_signs.MAX_DAYS, help="Duration in days.")
    ] = usual_signs.MAX_DAYS,
    as_json: AsJson = False,
) -> None:
    """Record that an EMERGENCY sign is usual for a patient; a second coordinator or lead has to accept it.

    "Worse than usual" stays an EMERGENCY.
    """
    made = in_transaction(
        lambda work: usual_signs.agree_usual_sign(
            work.acting(by), code, symptom, level, days, reason=reason, decided_by=decided_by
        )
    )
    waits = "; a second coordinator or lead has to accept it" if made.kind == "proposed" else ""
    _print(made, f"{code}: {symptom} recorded as usual{waits}.", as_json=as_json)


def accept_sign(code: CodeArgument, symptom: SymptomArgument, by: ByOption, as_json: AsJson = False) -> None:
    """Accept, as the second person, that an EMERGENCY sign is usual for a patient."""
    made = in_transaction(lambda work: usual_signs.accept_usual_sign(work.acting(by), code, symptom))
    _print(made, f"{code}: {symptom} is usual until {made.until:%Y-%m-%d}.", as_json=as_json)


def decline_sign(code: CodeArgument, symptom: SymptomArgument, by: ByOption) -> None:
    """Decline, or take back, what was recorded as usual and waits for a second person."""
    in_transaction(lambda work: usual_signs.decline_usual_sign(work.acting(by), code, symptom))
    typer.echo(f"{code}: {symptom} declined.")


def reference(
    code: CodeArgument,
    symptom: SymptomArgument,
    level: LevelArgument,
    by: ByOption,
    reason: WhyOption,
    as_json: AsJson = False,
) -> None:
    """Set the level that is usual for a patient, without an end date; "none" if nothing is."""
    made = in_transaction(lambda work: references.set_reference(work.acting(by), code, symptom, level, reason=reason))
    _print(made, f"{code}: reference level of {symptom}: {made.level}.", as_json=as_json)


def confirm_reference(code: CodeArgument, symptom: SymptomArgument, by: ByOption, as_json: AsJson = False) -> None:
    """Confirm the level that the patient named as usual at the first check-in."""
    made = in_transaction(lambda work: references.confirm_reference(work.acting(by), code, symptom))
    _print(made, f"{code}: reference level of {symptom} confirmed: {made.level}.", as_json=as_json)


def reject_reference(
    code: CodeArgument,
    symptom: SymptomArgument,
    by: ByOption,
    reason: WhyOption = "",
    as_json: AsJson = False,
) -> None:
    """Reject a reference level: the symptom is open for the team, and the next answer counts in full."""
    made = in_transaction(lambda work: references.reject_reference(work.acting(by), code, symptom, reason=reason))
    _print(made, f"{code}: reference level of {symptom} rejected.", as_json=as_json)


def baseline(code: CodeArgument, by: ByOption) -> None:
    """Send a new baseline now: a full check of how it is. It sets no reference level; you do."""
    in_transaction(lambda work: new_baseline.take_baseline(work.acting(by), code))
    typer.echo(f"{code}: baseline sent.")


def watch(
    code: CodeArgument,
    symptoms: Annotated[list[str], typer.Argument(metavar="SYMPTOM...", help="Symptoms to ask about daily.")],
    by: ByOption,
    reason: WhyOption,
    days: Annotated[int, typer.Option(min=1, max=close_watch.MAX_DAYS, help="Duration in days.")] = 14,
) -> None:
    """Watch symptoms closely, as during a steroid taper: they are asked about daily, whatever was answered."""
    in_transaction(lambda work: close_watch.watch(work.acting(by), code, symptoms, days, reason=reason))
    typer.echo(f"{code}: watched for {days} days: {', '.join(symptoms)}.")


def end_watch(
    code: CodeArgument,
    by: ByOption,
    symptoms: Annotated[list[str] | None, typer.Argument(metavar="[SYMPTOM...]", help="Default: all.")] = None,
) -> None:
    """End a close watch."""
    in_transaction(lambda work: close_watch.end_watch(work.acting(by), code, tuple(symptoms or ())))
    typer.echo(f"{code}: close watch ended.")


def _print(made: LevelDecision, line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(made.model_dump(mode="json", exclude=_SECRET))
    else:
        typer.echo(line)
