"""Decides who of the team is told of an alert that nobody took up, and when. Sends nothing.

The steps, as the clinic's table of tiers has them: at once the first on duty; after `next` the next person; after
`everyone` everyone. The operator is told with everyone of an EMERGENCY, and of the others one `next` later.

What holds here, each with a test:

* Each step is done once; steps that were missed (the bot was down) are done together.
* Nobody is told twice by different steps; a step that finds nobody new on the rota tells everyone instead.
* Only a SOON alert waits for the morning: out of hours its first step comes when the next shift begins, and its clocks
  run all the same.
* Whoever takes the alert up ends it all; that is not decided here.
"""

from datetime import datetime, timedelta
from enum import IntEnum

from pydantic import AwareDatetime

from bot.core.protocol import Ack, Tier
from bot.core.screen import Frozen


class Stage(IntEnum):
    """The steps, in order."""

    ROTA = 0
    NEXT = 1
    EVERYONE = 2
    OPERATOR = 3


class Team(Frozen):
    """Who can be told now, by name. `on_duty` in order; `in_hours`: whether a shift runs; `opens_at`: the next one."""

    on_duty: tuple[str, ...] = ()
    in_hours: bool = True
    opens_at: AwareDatetime | None = None
    everyone: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


class Waiting(Frozen):
    """An alert that nobody took up: since when its clocks run, how many steps were done, who was told."""

    tier: Tier
    since: AwareDatetime
    done: int = 0
    told: frozenset[str] = frozenset()


class Escalated(Frozen):
    """One step done: who is told by it, who was not told before."""

    stage: Stage
    tell: tuple[str, ...]


class Escalation(Frozen):
    """The steps to do now, and when to look again (None: all were done)."""

    steps: tuple[Escalated, ...]
    next_at: AwareDatetime | None


def step_at(waiting: Waiting, stage: Stage, team: Team, ack: Ack) -> datetime:
    """Return when a step is due."""
    later = ack.everyone if waiting.tier is Tier.EMERGENCY else ack.everyone + ack.next
    waits = {Stage.ROTA: timedelta(0), Stage.NEXT: ack.next, Stage.EVERYONE: ack.everyone, Stage.OPERATOR: later}
    due = waiting.since + waits[stage]
    if stage is Stage.ROTA and waiting.tier is Tier.SOON and not team.in_hours:
        latest = waiting.since + ack.next
        return min(team.opens_at, latest) if team.opens_at is not None and team.opens_at > due else due
    return due


def escalate(waiting: Waiting, team: Team, ack: Ack, at: datetime) -> Escalation:
    """Return the steps that are due at `at`."""
    told = set(waiting.told)
    steps: list[Escalated] = []
    for stage in Stage:
        if stage < waiting.done:
            continue
        due = step_at(waiting, stage, team, ack)
        if due > at:
            return Escalation(steps=tuple(steps), next_at=due)
        tell = tuple(who for who in _asked(stage, team, told) if who not in told)
        told |= set(tell)
        steps.append(Escalated(stage=stage, tell=tell))
    return Escalation(steps=tuple(steps), next_at=None)


def _asked(stage: Stage, team: Team, told: set[str]) -> tuple[str, ...]:
    if stage is Stage.OPERATOR:
        return team.operators
    if stage is Stage.EVERYONE:
        return team.everyone
    fresh = tuple(who for who in team.on_duty if who not in told)
    # Somebody must hear of it: with nobody else to tell, the operator does at once.
    return fresh[:1] or team.everyone or team.operators
