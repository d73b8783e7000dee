"""The one writer of alerts: applies an act of the team, or a change on the patient's side, and saves the record.

No other module of the program saves an alert, with one exception: after the computer's clock was corrected,
`SqlClock.shift_back` in `bot/db/stores/operations.py` moves the times of all alerts back; it changes no state. What an
act of the team may change is decided by `core/alert.py`; the patient's side can't change a field of the team's.
"""

from datetime import datetime
from typing import TypedDict, Unpack

from bot.app.ports.alerts import AlertStore
from bot.app.records.alerts import AlertRow, AlertState
from bot.core.alert import Refused, TeamAct, TeamSide, TeamState, apply_act, new_team_side
from bot.core.protocol import Tier
from bot.core.safety_follow_up import CONFIRMS, Reply

_FIELDS = frozenset(TeamSide.model_fields)


class PatientSide(TypedDict, total=False):
    """The fields of an alert that follow from what the patient said, or didn't say."""

    state: AlertState
    asked_tier: Tier
    next_patient_prompt_at: datetime | None
    safety_follow_ups: int
    last_reply: Reply | None
    replied_at: datetime
    mistake_at: datetime
    declared: str


class FoundSince(TypedDict):
    """The fields of an alert that follow from what was found since it was raised."""

    tier: Tier
    asked_tier: Tier
    rules: tuple[str, ...]
    symptoms: tuple[str, ...]
    named_at: datetime
    checkin_id: int | None
    is_agreed: bool
    declared: str | None
    mistake_at: datetime | None


def add(alerts: AlertStore, alert: AlertRow, at: datetime) -> AlertRow:
    """Store a new alert, raised at `at`, with the team's side in its initial state."""
    side = new_team_side(at)
    return alerts.add(alert.model_copy(update=_changes(team_side(alert), side)))


def update_patient_side(alerts: AlertStore, alert: AlertRow, **changes: Unpack[PatientSide]) -> AlertRow:
    """Change fields of the patient's side and return the saved alert. Raise TypeError for any other field."""
    if foreign := set(changes) - PatientSide.__optional_keys__:
        raise TypeError(f"not fields of the patient's side: {', '.join(sorted(foreign))}")
    return alerts.save(alert.model_copy(update=dict(changes)))


def name_more(alerts: AlertStore, alert: AlertRow, **changes: Unpack[FoundSince]) -> AlertRow:
    """Let an alert name what was found since, and return the saved alert."""
    return alerts.save(alert.model_copy(update=dict(changes)))


def keep_team_side(alerts: AlertStore, alert: AlertRow, kept: AlertRow) -> AlertRow:
    """Save `kept` in place of an alert, with the team's side of it, and return it as saved."""
    return alerts.save(kept.model_copy(update={name: getattr(alert, name) for name in _FIELDS}))


def act_on(alerts: AlertStore, alert: AlertRow, act: TeamAct, at: datetime) -> AlertRow | Refused:
    """Apply an act of the team at `at` and return the saved alert, or why it was refused.

    An act that changes nothing saves nothing and returns the same alert.
    """
    before = team_side(alert)
    after = apply_act(before, act, at)
    if isinstance(after, Refused):
        return after
    if after == before:
        return alert
    changed = alert.model_copy(update={**_changes(before, after), **_prompts(alert, before, after)})
    return alerts.save(changed)


def team_side(alert: AlertRow) -> TeamSide:
    """Return the team's side of a stored alert."""
    return TeamSide.model_construct(**{name: getattr(alert, name) for name in _FIELDS})


def _changes(before: TeamSide, after: TeamSide) -> dict[str, object]:
    return {name: getattr(after, name) for name in _FIELDS if getattr(after, name) != getattr(before, name)}


def _prompts(alert: AlertRow, before: TeamSide, after: TeamSide) -> dict[str, object]:
    """Return changes of the patient's side: a closed alert stops asking, and a reopened one does not ask again."""
    if after.state is before.state:
        return {}
    if after.state is TeamState.CLOSED:
        return {"state": AlertState.CLOSED, "next_patient_prompt_at": None}
    if before.state is TeamState.CLOSED:
        return {"state": AlertState.CONFIRMED if alert.last_reply in CONFIRMS else AlertState.UNCONFIRMED}
    return {}
