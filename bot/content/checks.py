"""Checks a protocol as a whole: its questions, forms, plans, tips, clocks and strings. Rules: see rule_checks.

Each check records faults on the source and continues after the first one.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, pairwise, product
from typing import Any, NamedTuple

from bot.content.faults import Fault
from bot.content.reader import LISTS, Loc, Source
from bot.content.texts import ENGLISH, choice_key, short_key, sign_keys, step_keys, topic_keys
from bot.core.back_off import check_steps
from bot.core.local_time import in_quiet_hours
from bot.core.plan_template import PlanTemplate, check_template
from bot.core.protocol import (
    BUTTON_ROOM,
    SKIP,
    Answers,
    Clocks,
    Condition,
    FollowUpRule,
    Form,
    FormStep,
    Question,
    SignList,
    Tier,
    Tip,
    Topic,
    any_holds,
    applicable,
)

NEEDED_FORMS = ("quick", "baseline")
"""Forms that the program opens by name."""
_MAX_ID_LENGTH = 24
"""Maximum length of an id in an `Action` (see core/screen.py)."""
_LONGEST_RATING = "not_for_me"
"""The longest choice that is combined with a tip's id in a button."""


class CheckContext(NamedTuple):
    """The source, and its questions and forms by id; None for one that exists but could not be parsed."""

    source: Source
    questions: Mapping[str, Question | None]
    forms: Mapping[str, Form | None]


def context_of(source: Source) -> CheckContext:
    """Return the context for the checks of a source."""
    return CheckContext(source, _by_id(source, "questions"), _by_id(source, "forms"))


def _by_id(source: Source, section: str) -> dict[str, Any]:
    parsed = dict(source.items(section))
    return {name: parsed.get(n) for n, name in source.ids(section)}


def check_ids(context: CheckContext) -> None:
    """Check that no id is used twice in its section."""
    for section in LISTS:
        seen: set[str] = set()
        for n, name in context.source.ids(section):
            if name in seen:
                context.source.fault((section, n), f"'{name}' is used twice in '{section}': give each item its own id")
            seen.add(name)


# --- Questions --------------------------------------------------------------------------------------------------------


def check_questions(context: CheckContext) -> None:
    """Check that each question is asked by a form and that its buttons fit into Telegram's 64 bytes."""
    asked_ids = {step.ask for form in context.forms.values() if form is not None for step in form.steps}
    all_forms_known = None not in context.forms.values()
    for n, question in context.source.items("questions"):
        if all_forms_known and question.id not in asked_ids:
            context.source.fault(
                ("questions", n), f"'{question.id}' is unreachable: no form asks it; add it to a form or remove it"
            )
        for reason, loc in _button_faults(question):
            context.source.fault(("questions", n, *loc), reason)
        if question.signs is not None:
            for reason, loc in _sign_faults(context, question.signs):
                context.source.fault(("questions", n, "signs", *loc), f"'{question.id}': {reason}")


def _sign_faults(context: CheckContext, signs: SignList) -> Iterator[tuple[str, Loc]]:
    """Yield the faults of a safety screen: each sign that can be tapped afterwards is on exactly one of its lines."""
    if signs.named_in not in context.questions:
        yield f"there is no question '{signs.named_in}': correct the id or add the question", ("named_in",)
    named_in = context.questions.get(signs.named_in)
    if named_in is None:
        return
    named = [choice for line in signs.lines for choice in line.choices]
    for k, line in enumerate(signs.lines):
        for choice in line.choices:
            if named_in.choice(choice) is None:
                yield f"'{named_in.id}' has no choice '{choice}': correct or remove it", ("lines", k)
            elif named.count(choice) > 1:
                yield f"the sign '{choice}' is on more than one line: name it once", ("lines", k)
    for sign in named_in.choices:
        if not sign.exclusive and sign.id not in named:
            yield f"the sign '{sign.id}' of '{named_in.id}' is on no line: a patient would not be asked", ("lines",)


def _button_faults(question: Question) -> Iterator[tuple[str, Loc]]:
    prefix = 1 if question.kind == "several" else 0  # the sign for on or off
    for k, choice in enumerate(question.choices):
        length = len(question.id) + len(choice.id) + prefix
        if length > BUTTON_ROOM or len(question.id) > _MAX_ID_LENGTH or len(choice.id) + prefix > _MAX_ID_LENGTH:
            yield _too_long(f"'{question.id}' and '{choice.id}'", length), ("choices", k)


def _too_long(what: str, length: int) -> str:
    limit = f"{BUTTON_ROOM} characters together and {_MAX_ID_LENGTH} each"
    return f"the callback data of a button with {what} ({length}) would exceed 64 bytes: shorten them to {limit}"


# --- Conditions -------------------------------------------------------------------------------------------------------


def check_condition(context: CheckContext, loc: Loc, condition: Condition) -> bool:
    """Check that every question and choice in the condition exists; return whether no fault was found."""
    count = len(context.source.faults)
    if not condition:
        context.source.fault(loc, "this condition is empty: add a question and its choices, or remove it")
    for name, choices in condition.items():
        where = (*loc, name)
        if name not in context.questions:
            context.source.fault(where, f"there is no question '{name}': correct the id or add the question")
            continue
        if not choices:
            context.source.fault(
                where, f"'{name}' has no choices here, so this condition never holds: add one or remove it"
            )
        question = context.questions[name]
        for choice in choices if question is not None else ():
            if choice != SKIP and question is not None and question.choice(choice) is None:
                ids = ", ".join([*(c.id for c in question.choices), SKIP])
                context.source.fault(where, f"question '{name}' has no choice '{choice}': use one of {ids}")
    return len(context.source.faults) == count


# --- Forms ------------------------------------------------------------------------------------------------------------


def check_forms(context: CheckContext) -> None:
    """Check that each step asks a known question once, refers only to earlier questions and is reachable."""
    for needed in NEEDED_FORMS:
        if needed not in context.forms:
            context.source.fault(("forms",), f"there is no form '{needed}', which the program opens by name: add it")
    for n, form in context.source.items("forms"):
        is_valid = [_check_step(context, ("forms", n, "steps", k), form, k) for k in range(len(form.steps))]
        if not form.steps:
            context.source.fault(("forms", n), f"form '{form.id}' has no steps: add at least one")
        if all(is_valid):
            _check_reachable(context, n, form)


def _check_step(context: CheckContext, loc: Loc, form: Form, position: int) -> bool:
    step = form.steps[position]
    earlier = [s.ask for s in form.steps[:position]]
    later = [s.ask for s in form.steps[position:]]
    count = len(context.source.faults)
    if step.ask not in context.questions:
        context.source.fault(loc, f"there is no question '{step.ask}': correct the id or add the question")
    if step.ask in earlier:
        context.source.fault(loc, f"form '{form.id}' asks '{step.ask}' twice: ask it once, with two 'when' lines")
    for w, condition in enumerate(step.when):
        where = (*loc, "when", w)
        check_condition(context, where, condition)
        for name in condition:
            if name in later:
                reason = f"'{step.ask}' depends on '{name}', which is not asked before it: the form would loop"
                context.source.fault((*where, name), f"{reason}; use a question that is asked earlier")
            elif name in context.questions and name not in earlier:
                reason = f"'{step.ask}' is unreachable by this line: form '{form.id}' does not ask '{name}' before it"
                context.source.fault((*where, name), f"{reason}; ask it or remove the line")
    return len(context.source.faults) == count and context.questions.get(step.ask) is not None


def _check_reachable(context: CheckContext, n: int, form: Form) -> None:
    for k, step in enumerate(form.steps):
        for w, condition in enumerate(step.when):
            if not _can_hold(context, form, k, condition):
                reason = f"'{step.ask}' is unreachable: no earlier answers can fulfil this condition"
                context.source.fault(("forms", n, "steps", k, "when", w), f"{reason}; correct or remove the line")


def _can_hold(context: CheckContext, form: Form, position: int, condition: Condition) -> bool:
    """Return whether possible answers to the questions it depends on, all actually asked, fulfil the condition."""
    steps = _dependencies(form, position, condition)
    partial_form = Form(id=form.id, steps=steps)
    questions = [question for step in steps if (question := context.questions[step.ask]) is not None]
    about = {symptom for step in steps for symptom in step.about}
    for combination in product(*(_options(question) for question in questions)):
        answers: Answers = dict(zip((s.ask for s in steps), combination, strict=True))
        asked = {s.ask for s in applicable(partial_form, answers, about)}
        if any_holds((condition,), {q: c for q, c in answers.items() if q in asked}):
            return True
    return False


def _dependencies(form: Form, position: int, condition: Condition) -> tuple[FormStep, ...]:
    wanted = set(condition)
    for step in reversed(form.steps[:position]):
        if step.ask in wanted:
            wanted |= {name for c in step.when for name in c}
    return tuple(step for step in form.steps[:position] if step.ask in wanted)


def _options(question: Question) -> Sequence[tuple[str, ...]]:
    """Return the answers that conditions distinguish: each choice alone, skipped, or all symptoms together."""
    single = [(c.id,) for c in question.choices] + [(SKIP,)]
    symptoms = tuple(c.id for c in question.choices if not c.exclusive)
    return [*single, symptoms] if question.kind == "several" else single


# --- Tips, plans, clocks ----------------------------------------------------------------------------------------------


def check_tips(context: CheckContext) -> None:
    """Check that the conditions of tips are valid and that their buttons fit into Telegram's 64 bytes."""
    for n, tip in context.source.items("tips"):
        for w, condition in enumerate(tip.when):
            check_condition(context, ("tips", n, "when", w), condition)
        if len(tip.id) + len(_LONGEST_RATING) > BUTTON_ROOM:
            context.source.fault(
                ("tips", n), _too_long(f"'{tip.id}' and '{_LONGEST_RATING}'", len(tip.id) + len(_LONGEST_RATING))
            )


def check_reading(context: CheckContext) -> None:
    """Check that tips and topics cite only listed sources and that each listed source is cited."""
    listed: Mapping[str, str] | None = context.source.value("sources")
    if listed is None:
        return
    cited: set[str] = set()
    for section in ("tips", "topics"):
        for n, item in context.source.items(section):
            cited |= set(item.sources)
            for source in item.sources:
                if source not in listed:
                    context.source.fault((section, n), f"there is no source '{source}': add it to 'sources'")
            for name in item.signs if isinstance(item, Topic) else ():
                question = context.questions.get(name)
                if name not in context.questions or (question is not None and question.signs is None):
                    reason = f"'{name}' is not a safety screen with signs: name one, or remove it"
                    context.source.fault((section, n, "signs"), reason)
    for source in listed:
        if source not in cited:
            context.source.fault(("sources", source), f"no tip or topic cites the source '{source}': remove it")


def check_again(context: CheckContext) -> None:
    """Check that the form of the daily follow-up exists."""
    again: FollowUpRule | None = context.source.value("again")
    if again is not None and again.form not in context.forms:
        context.source.fault(("again",), f"there is no form '{again.form}': correct the name or add the form")


def check_plans(context: CheckContext) -> None:
    """Check that phases have no gaps and no overlaps, that cadences are valid and that their forms exist."""
    for n, plan in context.source.items("plans"):
        for fault in check_template(plan):
            context.source.fault(_place(n, plan, fault), f"plan '{plan.name}': {fault}")
        for loc, form in _planned_forms(plan):
            if form not in context.forms:
                context.source.fault(("plans", n, *loc), f"there is no form '{form}': correct the name or add the form")


def _place(n: int, plan: PlanTemplate, fault: str) -> Loc:
    """Return the location of a fault: that of its phase, if it names one."""
    if "' after the stop" in fault:
        return "plans", n, "after_stop"
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
    for k, stop_phase in enumerate(plan.after_stop.phases if plan.after_stop is not None else ()):
        for c, cadence in enumerate(stop_phase.cadences):
            yield ("after_stop", "phases", k, "cadences", c), cadence.form


def check_silence(context: CheckContext) -> None:
    """Check that silence asks more and more rarely, and reminds no more often."""
    for n, reason in check_steps(context.source.value("silence") or ()):
        context.source.fault(("silence", n), reason)


def check_clocks(context: CheckContext) -> None:
    """Check that all durations are positive and in a plausible order."""
    clocks: Clocks | None = context.source.value("clocks")
    for name in ("tip_rest", "tip_rest_disliked"):
        rest = context.source.value(name)
        if rest is not None and rest <= timedelta(0):
            context.source.fault((name,), f"{name} must be positive: write a duration such as '14 days'")
    for name, reason in _clock_faults(clocks) if clocks is not None else ():
        context.source.fault(("clocks", name), reason)


def _clock_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    for name in ("cutoff", "reminder_when_daily", "silent_after", "remind_again_soon", "invite_valid", "change_for"):
        if getattr(clocks, name) <= timedelta(0):
            yield name, f"{name} must be positive: write a duration such as '12 h'"
    if any(wait <= timedelta(0) for wait in clocks.reminders) or any(b <= a for a, b in pairwise(clocks.reminders)):
        yield "reminders", "each reminder must be later than the one before: sort them"
    if clocks.reminders and clocks.silent_after <= clocks.reminders[-1]:
        yield "silent_after", "silent_after is not later than the last reminder: make it longer"
    if clocks.jitter >= clocks.cutoff:
        yield "jitter", "jitter is not shorter than cutoff, so check-ins would be skipped: make it shorter"
    yield from _safety_follow_up_faults(clocks)
    yield from _ack_faults(clocks)
    yield from _night_faults(clocks)


def _safety_follow_up_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    for tier in (Tier.EMERGENCY, Tier.URGENT, Tier.SOON):
        repeat = clocks.safety_follow_up.get(tier)
        if repeat is None:
            yield (
                "loop_back",
                f"loop_back lacks {tier.name}: the patient would not be asked whether they called; add it",
            )
        elif repeat.after <= timedelta(0):
            yield "loop_back", f"loop_back for {tier.name} must be positive: write a duration such as '15 min'"
    for higher, lower in combinations(sorted(clocks.safety_follow_up, reverse=True), 2):
        if clocks.safety_follow_up[higher].after > clocks.safety_follow_up[lower].after:
            yield "loop_back", f"loop_back for {higher.name} waits longer than for {lower.name}: make it shorter"


def _ack_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    for tier in (Tier.EMERGENCY, Tier.URGENT, Tier.SOON):
        ack = clocks.ack.get(tier)
        if ack is None:
            yield "ack", f"ack lacks {tier.name}: an alert that nobody acknowledges would never escalate; add it"
        elif not timedelta(0) < ack.next < ack.everyone:
            yield "ack", f"ack for {tier.name}: 'next' must be positive and 'everyone' later than 'next'"
    for higher, lower in combinations(sorted(clocks.ack, reverse=True), 2):
        if clocks.ack[higher].next > clocks.ack[lower].next:
            yield "ack", f"ack for {higher.name} waits longer than for {lower.name}: make it shorter"


def _night_faults(clocks: Clocks) -> Iterator[tuple[str, str]]:
    times: dict[str, time] = {name: getattr(clocks, name) for name in ("quiet_from", "quiet_to", "send_time")}
    zoned = [name for name, value in times.items() if value.tzinfo is not None]
    yield from ((name, f"{name} has a time zone, but the patient's time zone applies: remove it") for name in zoned)
    sent_at = datetime.combine(date(2000, 1, 1), times["send_time"].replace(tzinfo=UTC))
    if not zoned and in_quiet_hours(sent_at, "UTC", times["quiet_from"], times["quiet_to"]):
        yield "send_time", "send_time is within the quiet hours: change one of them"


# --- Strings ----------------------------------------------------------------------------------------------------------


def needed_strings(context: CheckContext) -> Iterator[tuple[str, Fault]]:
    """Yield the key of everything that is shown, with the fault that it is if there is no English string."""
    for loc, key in _strings(context):
        missing = f"the string '{key}' is missing: write it in locales/{ENGLISH}/clinical.po"
        yield key, context.source.fault_at(loc, missing)


def _strings(context: CheckContext) -> Iterator[tuple[Loc, str]]:
    for n, question in context.source.items("questions"):
        yield ("questions", n), short_key(question)
        for k, choice in enumerate(question.choices):
            yield ("questions", n, "choices", k), choice_key(question.id, choice.id, choice.text)
        yield from ((("questions", n, "signs"), key) for key in sign_keys(question))
    for n, form in context.source.items("forms"):
        for k, step in enumerate(form.steps):
            keys = step_keys(step, context.questions.get(step.ask))
            yield from ((("forms", n, "steps", k), key) for key in keys)
    for n, tip in context.source.items("tips"):
        yield ("tips", n), _tip_key(tip)
    for n, topic in context.source.items("topics"):
        yield from ((("topics", n), key) for key in topic_keys(topic))


def _tip_key(tip: Tip) -> str:
    return f"tip.{tip.id}"
