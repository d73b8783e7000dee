"""What a patient's taps must have led to: the check-in's own table of transitions, replayed with them.

The model reads nothing of what the bot made of them but timestamps: when each tap was processed, and when a check-in
was closed by another one or by time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations, pairwise, product

from bot.app.checkins.opening import WORSE_ANSWERS
from bot.app.concerns.assessments import history
from bot.app.records.checkins import CheckInRow
from bot.core import checkin as core
from bot.core.checkin import CheckIn, State
from bot.core.concern_values import Concern, ConcernState, Level
from bot.core.hearing import Remembered
from bot.core.memory import Memory
from bot.core.protocol import Tier
from bot.core.triage import Assessment
from bot.dialog.checkins import KINDS, _input
from tests.chaos.stored import ProcessedTap, Stored
from tests.fakes.work import work_on

TOGETHER = timedelta(seconds=5)
"""Two taps that a webhook delivers within this time may have been processed in either order, by two processes."""
MOST_PAIRS = 8
"""Up to this many pairs are tried in every combination."""
CLOSING = timedelta(seconds=60)
"""How far the time of a closing may be from its commit: the database may have been locked."""
JUMP = timedelta(hours=2)
FRESH = timedelta(hours=6)
"""How long "none" on a safety screen counts (law 7); the clock may have been set back in between."""
SAFETY_SCREENS = ("safety_now", "safety_new")

Given = tuple[str, tuple[str, ...], datetime]


@dataclass
class Led:
    """The result of the taps on one check-in."""

    value: CheckIn
    given: list[Given] = field(default_factory=list)
    """Question, choices and time of every answer, whether later forgotten or not."""
    flags: list[tuple[Assessment, datetime]] = field(default_factory=list)
    ended: list[tuple[Assessment, datetime, Tier]] = field(default_factory=list)
    """The final assessment, its time, and what had been raised before."""
    helped: list[datetime] = field(default_factory=list)
    """When "need help now" was tapped."""
    tapped: int = 0

    def take(self, step: core.Step, at: datetime) -> None:
        """Record what happened in a step."""
        before, self.value = self.value.raised, step.checkin
        for event in step.events:
            match event:
                case core.AnswerGiven(question=question, choices=choices):
                    self.given.append((question, choices, at))
                case core.RedFlag(assessment=assessment):
                    self.flags.append((assessment, at))
                    before = max(before, assessment.tier)
                case core.Finished(assessment=assessment):
                    self.ended.append((assessment, at, before))
                case _:
                    pass


def led_to(stored: Stored, row: CheckInRow, *, in_turn: bool, set_back: bool) -> tuple[Led, str | None]:
    """Return what the taps led to, and how the stored check-in differs from it (None if it doesn't)."""
    taps = _of(stored, row)
    first: tuple[Led, str] | None = None
    for order in _orders(taps, in_turn=in_turn):
        for cut in _cuts(row, order, set_back=set_back):
            led = _led(stored, row, order, cut)
            difference = _difference(stored, row, led)
            if difference is None:
                return led, None
            first = first or (led, difference)
    assert first is not None, "there is always one order"
    return first


def _of(stored: Stored, row: CheckInRow) -> list[ProcessedTap]:
    """The taps that may have changed it: on its own buttons, and "by mistake" on its alerts."""
    chat = stored.patient(row.patient_id).chat_id
    return [
        one
        for one in stored.taps.get(chat or 0, [])
        if (one.tap.action.kind in KINDS and one.tap.action.subject == row.id) or _is_mistake(stored, row, one)
    ]


def _is_mistake(stored: Stored, row: CheckInRow, one: ProcessedTap) -> bool:
    """Whether it is "by mistake" on an alert that this check-in was the last to raise or join by then."""
    action = one.tap.action
    if action.kind != "alert" or action.choice not in {"mistake", "was_mistake"}:
        return False
    last = None
    # By their order, not by their times: the clock may have been set back in between.
    for line in reversed(stored.lines[stored.patient(row.patient_id).code]):
        if line.detail.get("alert") != action.subject:
            continue
        if line.action in {"alert_raised", "alert_joined"}:
            last = line.detail.get("checkin") or last
        elif line.action == "patient_mistake" and line.at == one.at:
            return last == row.id
    return False


def _orders(taps: list[ProcessedTap], *, in_turn: bool) -> Iterator[list[ProcessedTap]]:
    """By the numbers of the updates; where one may arrive before an earlier one, every order that is possible."""
    yield taps
    if in_turn:
        return
    by_time = sorted(taps, key=lambda one: (one.at, one.tap.update_id))
    yield by_time
    for base in (by_time, taps):
        close = _close(base)
        for swaps in product((False, True), repeat=len(close)):
            order = list(base)
            for number, swap in zip(close, swaps, strict=True):
                if swap:
                    order[number], order[number + 1] = order[number + 1], order[number]
            yield order


def _close(taps: Sequence[ProcessedTap]) -> list[int]:
    """Which taps may have changed places with the next one: first of all those on one screen, of which one counts."""
    pairs = [(n, one, two) for n, (one, two) in enumerate(pairwise(taps)) if _are_together(one.at, two.at)]
    pairs.sort(key=lambda pair: pair[1].tap.action.revision != pair[2].tap.action.revision)
    return sorted(n for n, _, _ in pairs[:MOST_PAIRS])


def _are_together(one: datetime, two: datetime) -> bool:
    """Whether two taps came so close that they may have changed places; the clock may have been set in between."""
    return any(abs(abs(two - one) - jump) < TOGETHER for jump in (timedelta(0), JUMP))


def _cuts(row: CheckInRow, order: Sequence[ProcessedTap], *, set_back: bool) -> Iterator[int]:
    """How many of the taps came before it was closed by something else."""
    if row.value.state not in {State.REPLACED, State.EXPIRED} or row.closed_at is None:
        yield len(order)
        return
    slack = CLOSING + (JUMP if set_back else timedelta(0))
    likely = sum(one.at < row.closed_at for one in order)
    yield likely
    for cut in range(len(order), -1, -1):
        before, after = order[:cut], order[cut:]
        in_time = all(one.at <= row.closed_at + slack for one in before)
        if cut != likely and in_time and all(one.at >= row.closed_at - slack for one in after):
            yield cut


def _led(stored: Stored, row: CheckInRow, order: Sequence[ProcessedTap], cut: int) -> Led:
    protocol = stored.clinic.protocol
    known = WORSE_ANSWERS if row.kind == "worse" else {}
    led = Led(core.open_checkin(row.value.form, protocol, known, row.value.about))
    led.given += [(question, choices, row.opened_at) for question, choices in known.items()]
    compared = history(work_on(stored.stores, stored.clinic), row)
    for number, one in enumerate(order[:cut], 1):
        if led.value.state is State.DONE:
            break
        led.tapped += 1
        action = one.tap.action
        if action.kind == "help_now":
            led.helped.append(one.at)
            continue
        # Going back ends no form: nothing expires by it.
        value = led.value if action.kind == "back" else _fresh(led, one.at)
        asked = _asked_next(row, value, order[number:cut]) if action.kind == "alert" else ""
        received = core.Mistake(question=asked) if action.kind == "alert" else _input(action)
        step = _step(stored, row, value, received, one.at)
        if not any(isinstance(event, core.Ignored) for event in step.events):
            led.take(step, one.at)
            if asked:
                led.value = led.value.model_copy(update={"cursor": asked})
    closing = {State.REPLACED: core.Replace, State.EXPIRED: core.Expire}.get(row.value.state)
    if closing is not None and row.closed_at is not None:
        led.take(core.step(led.value, closing(), protocol, compared), row.closed_at)
    return led


def _fresh(led: Led, at: datetime) -> CheckIn:
    """Return the check-in without "none" on a safety screen that was tapped more than six hours before or after."""
    given = {question: when for question, _, when in led.given}
    stale = {
        q
        for q in SAFETY_SCREENS
        if led.value.state is State.ASKING and led.value.answers.get(q) == ("none",) and abs(at - given[q]) >= FRESH
    }
    return led.value.model_copy(update={"answers": {q: c for q, c in led.value.answers.items() if q not in stale}})


def _asked_next(row: CheckInRow, value: CheckIn, after: Sequence[ProcessedTap]) -> str:
    """Return the question that was asked after a mistake, which depends on what is still open; "" if it can't be seen.

    It is one that was answered, or the one that was asked: that of the next tap at that revision, or the stored one.
    """
    revision = value.revision + 1
    asked = [one.tap.action.question for one in after if one.tap.action.revision == revision]
    asked += [row.value.cursor or ""] if row.value.revision == revision else []
    return next((question for question in asked if question in {*value.answers, value.cursor}), "")


NEWS = frozenset({"opened", "rose", "reopened"})


def _step(stored: Stored, row: CheckInRow, value: CheckIn, received: core.Input, at: datetime) -> core.Step:
    """Take a step by the answers alone; if that is a red flag where none was raised, or the other way round, as weighed.

    What is known of the patient is not read: whether it excuses the silence is checked with the alerts (`audit_flags`).
    """
    protocol, compared = stored.clinic.protocol, history(work_on(stored.stores, stored.clinic), row)
    alone = core.step(value, received, protocol, compared)
    mine = [a.tier for a in stored.raised if a.patient_id == row.patient_id and a.raised_at == at]
    ever = stored.stores.concerns.changes(row.patient_id, limit=10_000)
    changes = [c for c in ever if c.at == at]
    question = protocol.questions.get(getattr(received, "question", ""))
    if question is not None and question.signs is not None and getattr(received, "choice", "") in {"yes", "not_sure"}:
        # "Yes" on a safety screen acts at its tier each time, whatever was acted on before (law 8).
        return core.step(value.model_copy(update={"acted_on": Tier.ROUTINE}), received, protocol, compared)
    is_naming = question is not None and question.id.startswith("which_") and max(mine, default=0) < Tier.URGENT
    opened = {c.symptom: c.tier for c in changes if c.what in NEWS and c.tier >= Tier.URGENT and not is_naming}
    # What an open alert names already shows its call screen again, and changes nothing else. So does the same answer
    # after a mistake, as long as nobody is known to have spoken with the patient.
    is_shown = any(r.created_at == at for a in stored.raised for r in stored.slots.get(f"alert:{a.id}", ()))
    is_unsaid = value.acted_on < value.raised and not any(c.what == "reached" for c in ever)
    is_again = is_unsaid or is_shown or any(c.what == "found_again" for c in changes)
    expected = max((tier for tier in (*mine, *opened.values()) if tier >= Tier.URGENT), default=Tier.ROUTINE)
    if _flag(alone) is expected or (is_again and _flag(alone) > expected):
        return alone
    for combined in (False, True):
        memory = _quiet(stored, opened, at, combined=combined)
        remembered = Remembered(memory, {}, at - timedelta(seconds=1), at, at.date(), "patient")
        weighed = core.step(value, received, protocol, compared, remembered)
        if _flag(weighed) is expected:
            return weighed
    return alone


def _flag(step: core.Step) -> Tier:
    """Return the tier at which a step raised a red flag; ROUTINE if it didn't."""
    return max((e.assessment.raised for e in step.events if isinstance(e, core.RedFlag)), default=Tier.ROUTINE)


def _quiet(stored: Stored, opened: Mapping[str, Tier], at: datetime, *, combined: bool) -> Memory:
    """A memory by which everything is open already, but for what opened now; or which is part of a pair (`combined`)."""
    protocol = stored.clinic.protocol
    names = {*protocol.symptoms, *(rule.group for rule in protocol.rules), *opened.keys()}
    old = {"state": ConcernState.OPEN, "own_tier": Tier.EMERGENCY, "highest": Level(Tier.EMERGENCY, 9)}
    long_ago = at - timedelta(days=9)
    found = {"first_found_at": long_ago, "sign_found_at": long_ago}
    concerns = {name: Concern(symptom=name, opened_at=long_ago, **found, **old) for name in names - opened.keys()}
    if combined:
        concerns |= {n: Concern(symptom=n, opened_at=at, combined=t, **found, **old) for n, t in opened.items()}
    # No pair raises anything by itself: whether one did is in `opened`.
    return Memory(concerns=concerns, pairs=frozenset(combinations(sorted(names), 2)))


def _difference(stored: Stored, row: CheckInRow, led: Led) -> str | None:
    kept = [(answer.question, answer.choices, answer.given_at) for answer in stored.answers[row.id]]
    if missing := [one for one in led.given if one not in kept]:
        return f"{_described(missing)} is not stored, of {len(led.given)} answers that were tapped"
    if beyond := [one for one in kept if one not in led.given]:
        return f"{_described(beyond)} is stored and was not tapped then"
    if _was_counted_by_the_clock(stored, row):
        return None
    for name in ("state", "revision", "cursor"):
        was, must = getattr(row.value, name), getattr(led.value, name)
        if was != must:
            return f"its {name} is {was}, and by what was tapped {must}"
    if dict(row.value.answers) != dict(led.value.answers):
        return f"its answers are {dict(row.value.answers)}, and by what was tapped {dict(led.value.answers)}"
    return None


def _was_counted_by_the_clock(stored: Stored, row: CheckInRow) -> bool:
    """Whether half an answer counted between two taps: the call screen that it raised decides what the next one leads to."""
    times = {one.at for one in _of(stored, row)}
    mine = [each.raised_at for each in stored.raised if each.checkin_id == row.id]
    return any(at not in times and at < max(times, default=at) for at in mine)


def _described(given: Sequence[Given]) -> str:
    question, choices, at = given[0]
    return f"{question} {list(choices)} of {at:%d %H:%M:%S}"
