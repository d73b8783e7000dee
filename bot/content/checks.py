"""Finds what is wrong with a protocol as a whole: its forms, plans, tips, clocks and strings. Rules: see rule_checks.

Each check takes the source with its parsed items and notes faults on it; none stops at the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, pairwise, product
from typing import Any, NamedTuple

from bot.content.reader import LISTS, Loc, Source
from bot.content.texts import ENGLISH, Texts, choice_key, short_key, topic_keys
from bot.core.protocol import (
    BUTTON_ROOM,
    SKIP,
    Again,
    Answers,
    Clocks,
    Condition,
    Form,
    FormStep,
    Question,
    Tier,
    Tip,
    any_holds,
    applicable,
)
from bot.core.schedule import PlanTemplate, check_template, in_quiet_hours

NEEDED_FORMS = ("quick", "baseline")
"""The forms the program opens by name."""
_ID_ROOM = 24
"""Characters of one id that an `Action` takes (see core/screen.py)."""
_RATING = "not_for_me"
"""The longest choice that stands beside a tip's id in a button."""


class Ground(NamedTuple):
    """What checks look things up in: questions and forms by id; None for one that stands there but is itself faulty."""

    source: Source
    questions: Mapping[str, Question | None]
    forms: Mapping[str, Form | None]


def ground_of(source: Source) -> Ground:
    """Return the look-up tables of a source."""
    return Ground(source, _by_id(source, "questions"), _by_id(source, "forms"))


def _by_id(source: Source, section: str) -> dict[str, Any]:
    parsed = dict(source.items(section))
    return {name: parsed.get(n) for n, name in source.ids(section)}


def check_ids(ground: Ground) -> None:
    """No id stands twice in its section."""
    for section in LISTS:
        seen: set[str] = set()
        for n, name in ground.source.ids(section):
            if name in seen:
                ground.source.fault((section, n), f"'{name}' stands twice in '{section}': give each its own id")
            seen.add(name)


# --- Questions --------------------------------------------------------------------------------------------------------


def check_questions(ground: Ground) -> None:
    """Every question is asked by a form, and its buttons fit into Telegram's 64 bytes."""
    asked = {step.ask for form in ground.forms.values() if form is not None for step in form.steps}
    all_forms_known = None not in ground.forms.values()
    for n, question in ground.source.items("questions"):
        if all_forms_known and question.id not in asked:
            ground.source.fault(("questions", n), f"'{question.id}' is unreachable: no form asks it; ask or remove it")
        for reason, loc in _button_faults(question):
            ground.source.fault(("questions", n, *loc), reason)


def _button_faults(question: Question) -> Iterator[tuple[str, Loc]]:
    sign = 1 if question.kind == "several" else 0
    for k, choice in enumerate(question.choices):
        length = len(question.id) + len(choice.id) + sign
        if length > BUTTON_ROOM or len(question.id) > _ID_ROOM or len(choice.id) + sign > _ID_ROOM:
            yield _too_long(f"'{question.id}' and '{choice.id}'", length), ("choices", k)


def _too_long(what: str, length: int) -> str:
    room = f"{BUTTON_ROOM} characters together and {_ID_ROOM} each"
    return f"the callback data of a button with {what} ({length}) would pass 64 bytes: shorten them to {room}"


# --- Conditions -------------------------------------------------------------------------------------------------------


def check_condition(ground: Ground, loc: Loc, condition: Condition) -> bool:
    """Every question and choice named exists. True if so."""
    count = len(ground.source.faults)
    if not condition:
        ground.source.fault(loc, "this condition is empty: name a question and its choices, or remove it")
    for name, choices in condition.items():
        where = (*loc, name)
        if name not in ground.questions:
            ground.source.fault(where, f"there is no question '{name}': correct the id or add the question")
            continue
        if not choices:
            ground.source.fault(where, f"no choice of '{name}' is named, so this never holds: name one or remove it")
        question = ground.questions[name]
        for choice in choices if question is not None else ():
            if choice != SKIP and question is not None and question.choice(choice) is None:
                ids = ", ".join([*(c.id for c in question.choices), SKIP])
                ground.source.fault(where, f"question '{name}' has no choice '{choice}': use one of {ids}")
    return len(ground.source.faults) == count


# --- Forms ------------------------------------------------------------------------------------------------------------


def check_forms(ground: Ground) -> None:
    """Steps ask known questions once each, look only at earlier ones, and can be reached."""
    for needed in NEEDED_FORMS:
        if needed not in ground.forms:
            ground.source.fault(("forms",), f"there is no form '{needed}', which the program opens by name: add it")
    for n, form in ground.source.items("forms"):
        sound = [_check_step(ground, ("forms", n, "steps", k), form, k) for k in range(len(form.steps))]
        if not form.steps:
            ground.source.fault(("forms", n), f"form '{form.id}' asks nothing: give it steps")
        if all(sound):
            _check_reachable(ground, n, form)


def _check_step(ground: Ground, loc: Loc, form: Form, position: int) -> bool:
    step = form.steps[position]
    before = [s.ask for s in form.steps[:position]]
    later = [s.ask for s in form.steps[position:]]
    count = len(ground.source.faults)
    if step.ask not in ground.questions:
        ground.source.fault(loc, f"there is no question '{step.ask}' to ask: correct the id or add the question")
    if step.ask in before:
        ground.source.fault(loc, f"'{step.ask}' is asked twice in form '{form.id}': ask it once, with two 'when' lines")
    for w, condition in enumerate(step.when):
        where = (*loc, "when", w)
        check_condition(ground, where, condition)
        for name in condition:
            if name in later:
                reason = f"'{step.ask}' waits for '{name}', which is asked with or after it: the form would loop"
                ground.source.fault((*where, name), f"{reason}; name a question asked earlier")
            elif name in ground.questions and name not in before:
                reason = f"'{step.ask}' is unreachable this way: form '{form.id}' does not ask '{name}' before it"
                ground.source.fault((*where, name), f"{reason}; ask it or remove the line")
    return len(ground.source.faults) == count and ground.questions.get(step.ask) is not None


def _check_reachable(ground: Ground, n: int, form: Form) -> None:
    for k, step in enumerate(form.steps):
        for w, condition in enumerate(step.when):
            if not _can_hold(ground, form, k, condition):
                reason = f"'{step.ask}' is unreachable: this can never hold, whatever is answered before it"
                ground.source.fault(("forms", n, "steps", k, "when", w), f"{reason}; correct or remove the line")


def _can_hold(ground: Ground, form: Form, position: int, condition: Condition) -> bool:
    """Tell whether some answers to the questions it hangs on, all really asked, make the condition hold."""
    steps = _hangs_on(form, position, condition)
    part = Form(id=form.id, steps=steps)
    questions = [question for step in steps if (question := ground.questions[step.ask]) is not None]
    for picked in product(*(_options(question) for question in questions)):
        answers: Answers = dict(zip((s.ask for s in steps), picked, strict=True))
        asked = {s.ask for s in applicable(part, answers)}
        if any_holds((condition,), {q: c for q, c in answers.items() if q in asked}):
            return True
    return False


def _hangs_on(form: Form, position: int, condition: Condition) -> tuple[FormStep, ...]:
    wanted = set(condition)
    for step in reversed(form.steps[:position]):
        if step.ask in wanted:
            wanted |= {name for c in step.when for name in c}
    return tuple(step for step in form.steps[:position] if step.ask in wanted)


def _options(question: Question) -> Sequence[tuple[str, ...]]:
    """Return the answers that matter to conditions: each choice alone, skipped, or all symptoms at once."""
    alone = [(c.id,) for c in question.choices] + [(SKIP,)]
    symptoms = tuple(c.id for c in question.choices if not c.exclusive)
    return [*alone, symptoms] if question.kind == "several" else alone


# --- Tips, plans, clocks ----------------------------------------------------------------------------------------------


def check_tips(ground: Ground) -> None:
    """Tips fit answers that exist, and their buttons fit Telegram's 64 bytes."""
    for n, tip in ground.source.items("tips"):
        for w, condition in enumerate(tip.when):
            check_condition(ground, ("tips", n, "when", w), condition)
        if len(tip.id) + len(_RATING) > BUTTON_ROOM:
            ground.source.fault(("tips", n), _too_long(f"'{tip.id}' and '{_RATING}'", len(tip.id) + len(_RATING)))


def check_reading(ground: Ground) -> None:
    """Tips and topics name sources that are listed, and every source listed is named."""
    listed: Mapping[str, str] | None = ground.source.value("sources")
    if listed is None:
        return
    named: set[str] = set()
    for section in ("tips", "topics"):
        for n, item in ground.source.items(section):
            named |= set(item.sources)
            for source in item.sources:
                if source not in listed:
                    ground.source.fault((section, n), f"there is no source '{source}': add it to 'sources'")
    for source in listed:
        if source not in named:
            ground.source.fault(("sources", source), f"source '{source}' is named by no tip and no topic: remove it")


def check_again(ground: Ground) -> None:
    """The form that is asked daily exists."""
    again: Again | None = ground.source.value("again")
    if again is not None and again.form not in ground.forms:
        ground.source.fault(("again",), f"there is no form '{again.form}': correct the name or add the form")


def check_plans(ground: Ground) -> None:
    """Phases have no gap and no overlap, cadences can be kept, and their forms exist."""
    for n, plan in ground.source.items("plans"):
        for fault in check_template(plan):
            ground.source.fault(_place(n, plan, fault), f"plan '{plan.name}': {fault}")
        for loc, form in _planned_forms(plan):
            if form not in ground.forms:
                ground.source.fault(("plans", n, *loc), f"there is no form '{form}': correct the name or add the form")


def _place(n: int, plan: PlanTemplate, fault: str) -> Loc:
    """Return where a fault that names its phase stands: in that phase."""
    for k, phase in enumerate(plan.phases):
        if fault.startswith(f"phase '{phase.name}'"):
            return "plans", n, "phases", k
    return ("plans", n, "tail") if fault.startswith(f"phase '{plan.tail.name}'") else ("plans", n)


def _planned_forms(plan: PlanTemplate) -> Iterator[tuple[Loc, str]]:
    for k, phase in enumerate(plan.phases):
        for c, cadence in enumerate(phase.cadences):
            yield ("phases", k, "cadences", c), cadence.form
    for c, cadence in enumerate(plan.tail.cadences):
        yield ("tail", "cadences", c), cadence.form


def check_clocks(ground: Ground) -> None:
    """Every wait is a wait, and they stand in an order that makes sense."""
    clocks: Clocks | None = ground.source.value("clocks")
    for name in ("tip_rest", "tip_rest_disliked"):
        rest = ground.source.value(name)
        if rest is not None and rest <= timedelta(0):
            ground.source.fault((name,), f"{name} is no time at all: write a length such as '14 days'")
    for name, reason in _clock_faults(clocks) if clocks is not None else ():
        ground.source.fault(("clocks", name), reason)


def _clock_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    for name in ("cutoff", "reminder_when_daily", "silent_after", "remind_again_soon", "invite_valid", "change_for"):
        if getattr(clocks, name) <= timedelta(0):
            yield name, f"{name} is no time at all: write a length such as '12 h'"
    if any(wait <= timedelta(0) for wait in clocks.reminders) or any(b <= a for a, b in pairwise(clocks.reminders)):
        yield "reminders", "reminders must each come later than the one before: sort them"
    if clocks.reminders and clocks.silent_after <= clocks.reminders[-1]:
        yield "silent_after", "silent_after comes before the last reminder: make it longer"
    if clocks.jitter >= clocks.cutoff:
        yield "jitter", "the jitter is as long as the cutoff, so check-ins would be skipped: make it shorter"
    yield from _loop_back_faults(clocks)
    yield from _ack_faults(clocks)
    yield from _night_faults(clocks)


def _loop_back_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    for tier in (Tier.EMERGENCY, Tier.URGENT, Tier.SOON):
        repeat = clocks.loop_back.get(tier)
        if repeat is None:
            yield "loop_back", f"loop_back has nothing for {tier.name}: nobody would ask if the call was made; add it"
        elif repeat.after <= timedelta(0):
            yield "loop_back", f"loop_back for {tier.name} waits no time at all: write a length such as '15 min'"
    for higher, lower in combinations(sorted(clocks.loop_back, reverse=True), 2):
        if clocks.loop_back[higher].after > clocks.loop_back[lower].after:
            yield "loop_back", f"loop_back for {higher.name} waits longer than for {lower.name}: make it shorter"


def _ack_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    for tier in (Tier.EMERGENCY, Tier.URGENT, Tier.SOON):
        ack = clocks.ack.get(tier)
        if ack is None:
            yield "ack", f"ack has nothing for {tier.name}: an alert that nobody takes up would wait for ever; add it"
        elif not timedelta(0) < ack.next < ack.everyone:
            yield "ack", f"ack for {tier.name}: 'everyone' must come after 'next', and 'next' after some time"
    for higher, lower in combinations(sorted(clocks.ack, reverse=True), 2):
        if clocks.ack[higher].next > clocks.ack[lower].next:
            yield "ack", f"ack for {higher.name} waits longer than for {lower.name}: make it shorter"


def _night_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    times: dict[str, time] = {name: getattr(clocks, name) for name in ("quiet_from", "quiet_to", "send_time")}
    zoned = [name for name, value in times.items() if value.tzinfo is not None]
    yield from ((name, f"{name} carries a time zone, but the patient's own applies: leave it off") for name in zoned)
    sent_at = datetime.combine(date(2000, 1, 1), times["send_time"].replace(tzinfo=UTC))
    if not zoned and in_quiet_hours(sent_at, "UTC", times["quiet_from"], times["quiet_to"]):
        yield "send_time", "send_time lies in the quiet hours: move one of them"


# --- Strings ----------------------------------------------------------------------------------------------------------


def check_strings(ground: Ground, texts: Texts) -> None:
    """Everything that is shown has an English string."""
    for loc, key in _strings(ground):
        if not texts.has(ENGLISH, key):
            ground.source.fault(loc, f"the string '{key}' is missing: write it in locales/{ENGLISH}/clinical.po")


def _strings(ground: Ground) -> Iterator[tuple[Loc, str]]:
    for n, question in ground.source.items("questions"):
        yield ("questions", n), short_key(question)
        for k, choice in enumerate(question.choices):
            yield ("questions", n, "choices", k), choice_key(question.id, choice.id, choice.text)
    for n, form in ground.source.items("forms"):
        for k, step in enumerate(form.steps):
            yield ("forms", n, "steps", k), step.text or f"question.{step.ask}"
    for n, tip in ground.source.items("tips"):
        yield ("tips", n), _tip_key(tip)
    for n, topic in ground.source.items("topics"):
        yield from ((("topics", n), key) for key in topic_keys(topic))


def _tip_key(tip: Tip) -> str:
    return f"tip.{tip.id}"
