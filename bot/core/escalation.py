"""Decides whom an unacknowledged alert notifies at each escalation level, and when. Sends nothing.

The levels, with the waits of the protocol (`clocks.ack` of the tier): the first person on call at once; the next person
after `next`; the whole team after `everyone`. The operator is notified together with the team of an EMERGENCY, and one
`next` later of any other alert.

The rules, each with a test:

* Each level is reached once; levels that were missed while the bot was down are reached together.
* Nobody is notified by two levels; a level with nobody new on call notifies the whole team instead.
* Only a SOON alert waits for the morning: out of hours, its first level is due when the next shift begins. Its other
  waits still count from when it was raised.
* Acknowledging the alert ends the escalation; that is decided in alert.py.
"""

from datetime import datetime, timedelta
from enum import IntEnum

from pydantic import AwareDatetime

from bot.core.frozen import Frozen
from bot.core.protocol import Ack, Tier


class EscalationLevel(IntEnum):
    """The escalation levels, in order."""

    ROTA = 0
    NEXT = 1
    EVERYONE = 2
    OPERATOR = 3


class AvailableTeam(Frozen):
    """Who can be notified now. `on_call`: in order; `in_hours`: a shift is running; `opens_at`: the next one begins."""

    on_call: tuple[str, ...] = ()
    in_hours: bool = True
    opens_at: AwareDatetime | None = None
    everyone: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


class UnacknowledgedAlert(Frozen):
    """An alert without an owner: since when it waits, how many levels it has reached, and who was notified."""

    tier: Tier
    since: AwareDatetime
    done: int = 0
    notified: frozenset[str] = frozenset()


class EscalationStep(Frozen):
    """A level that is reached, and the people it notifies who were not notified before."""

    level: EscalationLevel
    notify: tuple[str, ...]


class Escalation(Frozen):
    """The levels reached now, and when the next one is due (None: there is none)."""

    steps: tuple[EscalationStep, ...]
    next_at: AwareDatetime | None


def level_due_at(waiting: UnacknowledgedAlert, level: EscalationLevel, team: AvailableTeam, ack: Ack) -> datetime:
    """Return when a level is due; the waits (`ack`) are the protocol's."""
    operator = ack.everyone if waiting.tier is Tier.EMERGENCY else ack.everyone + ack.next
    waits = {
        EscalationLevel.ROTA: timedelta(0),
        EscalationLevel.NEXT: ack.next,
        EscalationLevel.EVERYONE: ack.everyone,
        EscalationLevel.OPERATOR: operator,
    }
    due = waiting.since + waits[level]
    if level is EscalationLevel.ROTA and waiting.tier is Tier.SOON and not team.in_hours:
        latest = waiting.since + ack.next
        return min(team.opens_at, latest) if team.opens_at is not None and team.opens_at > due else due
    return due


def escalate(waiting: UnacknowledgedAlert, team: AvailableTeam, ack: Ack, at: datetime) -> Escalation:
    """Return the levels that are due at `at`."""
    notified = set(waiting.notified)
    steps: list[EscalationStep] = []
    for level in EscalationLevel:
        if level < waiting.done:
            continue
        due = level_due_at(waiting, level, team, ack)
        if due > at:
            return Escalation(steps=tuple(steps), next_at=due)
        notify = tuple(who for who in _people_at(level, team, notified) if who not in notified)
        notified |= set(notify)
        steps.append(EscalationStep(level=level, notify=notify))
    return Escalation(steps=tuple(steps), next_at=None)


def _people_at(level: EscalationLevel, team: AvailableTeam, notified: set[str]) -> tuple[str, ...]:
    if level is EscalationLevel.OPERATOR:
        return team.operators
    if level is EscalationLevel.EVERYONE:
        return team.everyone
    new = tuple(who for who in team.on_call if who not in notified)
    # Somebody must be notified: if nobody else is left, the operator is, at once.
    return new[:1] or team.everyone or team.operators
