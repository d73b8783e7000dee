"""Decides the tier of a set of answers by the protocol's fixed rules; knows no screens, no alerts and no time.

The rules, each with a test:

* The tier is the highest of all rules that fired, and every rule that fired is named.
* Triage fails closed: an answer that the protocol doesn't know, or one without a cell in the composite table, counts
  as `protocol.unassessable`, never as ROUTINE.
* A worse answer never leads to a lower tier.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from bot.core.frozen import Frozen
from bot.core.protocol import SKIP, UNANSWERED, Answers, Protocol, Question, Rule, Tier, applicable, holds

UNASSESSABLE = "unassessable"
"""The rule and group of the reason for an answer that can't be assessed; no rule of the protocol has this name."""


class History(Frozen):
    """The answers to compare with: the last finished check-in's and the baseline's (None: there are none)."""

    previous: Answers | None = None
    baseline: Answers | None = None


class Reason(Frozen):
    """A rule that fired, its group (one body system) and its tier."""

    rule: str
    group: str
    tier: Tier


class Assessment(Frozen):
    """The tier, every reason (highest first), and the protocol version used, so that it can be re-assessed.

    `raised`: the highest tier of what is new; `fresh`: of what the newest answer itself opened; `open`: of what is OPEN
    and there, if its rules give less. `quiet`: rules that fired and raise nothing, because what they report is usual
    for the patient or a human knows it. `complete`: the form is finished and every question that it led to was
    answered, none skipped.
    """

    tier: Tier
    raised: Tier
    fresh: Tier = Tier.ROUTINE
    open: Tier = Tier.ROUTINE
    reasons: tuple[Reason, ...]
    quiet: tuple[str, ...] = ()
    complete: bool
    protocol_name: str
    protocol_version: str
    protocol_hash: str

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the ids of all rules that fired, highest tier first."""
        return tuple(r.rule for r in self.reasons)

    @property
    def concerns(self) -> tuple[str, ...]:
        """Return the ids of the rules that raise the tier above ROUTINE: those that staff need to see."""
        return tuple(r.rule for r in self.reasons if r.tier > Tier.ROUTINE and r.rule not in self.quiet)


def assess(
    answers: Answers,
    history: History,
    protocol: Protocol,
    *,
    form: str,
    finished: bool,
    about: Collection[str] = (),
    quiet: Collection[str] = (),
) -> Assessment:
    """Return the tier of a form's answers, with every reason.

    `finished`: no more questions follow, so `alone` rules ("worse, but nothing else found") count too. `about`: the
    symptoms that the form asks about again. `quiet`: rules that raise nothing for this patient.
    """
    reasons = list(_unassessable(answers, protocol))
    pending = set() if finished else _pending_questions(answers, protocol, form, about)
    single = [r for r in protocol.rules if r.groups is None and not r.alone and r.waits_for not in pending]
    reasons += [_reason(r) for r in single if _fires(r, answers, history, protocol)]
    paired = _paired(reasons, protocol)
    # A screen that was left open is nothing that was found: it must not hide that something is new.
    left_open = {r.id for r in protocol.rules if r.group == UNANSWERED and not r.pairs}
    reasons += [_reason(r) for r in protocol.rules if _enough_groups_fired(r, paired, answers)]
    if finished and all(r.tier < Tier.SOON or r.rule in quiet or r.rule in left_open for r in reasons):
        reasons += [_reason(r) for r in protocol.rules if r.alone and _fires(r, answers, history, protocol)]
    reasons.sort(key=lambda r: -r.tier)  # stable: within a tier in the order of the file
    tier = max((r.tier for r in reasons if r.rule not in quiet), default=Tier.ROUTINE)
    return Assessment(
        tier=tier,
        raised=tier,
        reasons=tuple(reasons),
        quiet=tuple(dict.fromkeys(r.rule for r in reasons if r.rule in quiet)),
        complete=finished and _is_complete(answers, protocol, form, about),
        protocol_name=protocol.name,
        protocol_version=protocol.version,
        protocol_hash=protocol.content_hash,
    )


def _reason(rule: Rule) -> Reason:
    return Reason(rule=rule.id, group=rule.group, tier=rule.tier)


def _is_complete(answers: Answers, protocol: Protocol, form: str, about: Collection[str]) -> bool:
    steps = applicable(protocol.forms[form], answers, about) if form in protocol.forms else ()
    return bool(steps) and all(answers.get(s.ask, (SKIP,)) != (SKIP,) for s in steps)


def _pending_questions(answers: Answers, protocol: Protocol, form: str, about: Collection[str]) -> set[str | None]:
    """Return the questions that these answers lead to and that are not answered yet."""
    steps = applicable(protocol.forms[form], answers, about) if form in protocol.forms else ()
    return {step.ask for step in steps if step.ask not in answers}


# --- Unassessable answers ---------------------------------------------------------------------------------------------


def _unassessable(answers: Answers, protocol: Protocol) -> Iterator[Reason]:
    known = all(_is_known(question, choices, protocol) for question, choices in answers.items())
    if not known or any(_is_cell_missing(r, answers, protocol) for r in protocol.rules):
        yield Reason(rule=UNASSESSABLE, group=UNASSESSABLE, tier=protocol.unassessable)


def _is_known(question_id: str, choices: tuple[str, ...], protocol: Protocol) -> bool:
    """Return whether the protocol's question allows this answer."""
    question = protocol.questions.get(question_id)
    if question is None or not choices:
        return False
    if question.kind == "single" and len(choices) > 1:
        return False
    return choices == (SKIP,) or all(question.choice(c) is not None for c in choices)


def _is_cell_missing(rule: Rule, answers: Answers, protocol: Protocol) -> bool:
    if rule.composite is None:
        return False
    severity = _step(rule.composite.severity, answers, protocol)
    interference = _step(rule.composite.interference, answers, protocol)
    return severity is not None and interference is not None and _composite(severity, interference, protocol) is None


# --- Rules ------------------------------------------------------------------------------------------------------------


def _fires(rule: Rule, answers: Answers, history: History, protocol: Protocol) -> bool:
    if rule.unless is not None and holds(rule.unless, answers):
        return False
    return any(clause(rule, answers, history, protocol) for clause in _CLAUSES)


def _if(rule: Rule, answers: Answers, _history: History, _protocol: Protocol) -> bool:
    return rule.if_ is not None and holds(rule.if_, answers)


def _worse(rule: Rule, answers: Answers, history: History, protocol: Protocol) -> bool:
    if rule.worse is None:
        return False
    now = _step(rule.worse.question, answers, protocol)
    reference = history.previous if rule.worse.than == "last" else history.baseline
    # The cautious reading: a symptom that was never recorded, or was skipped, is new.
    before = _step(rule.worse.question, reference or {}, protocol) or 0
    least = _level(rule.worse.question, rule.worse.reaching, protocol) if rule.worse.reaching is not None else 0
    return now is not None and now - before >= rule.worse.by and now >= (least or 0)


def _composite_reached(rule: Rule, answers: Answers, _history: History, protocol: Protocol) -> bool:
    if rule.composite is None:
        return False
    severity = _step(rule.composite.severity, answers, protocol)
    interference = _step(rule.composite.interference, answers, protocol)
    if severity is None or interference is None:
        return False
    value = _composite(severity, interference, protocol)
    return value is not None and value >= rule.composite.at_least


def _counted(rule: Rule, answers: Answers, _history: History, protocol: Protocol) -> bool:
    if rule.count is None:
        return False
    question = protocol.questions.get(rule.count.question)
    given = answers.get(rule.count.question, ())
    counted = [c for c in given if not rule.count.choices or c in rule.count.choices]
    return question is not None and sum(_is_symptom(question, c) for c in counted) >= rule.count.at_least


def _paired(reasons: list[Reason], protocol: Protocol) -> list[Reason]:
    """Return the reasons that name a sign of their own, so that their group can be one of several."""
    without = {rule.id for rule in protocol.rules if not rule.pairs}
    return [reason for reason in reasons if reason.rule not in without]


def _enough_groups_fired(rule: Rule, reasons: list[Reason], answers: Answers) -> bool:
    """Return whether rules of enough different groups fired: two ambers make a red [UKONS]."""
    if rule.groups is None or (rule.unless is not None and holds(rule.unless, answers)):
        return False
    return len({r.group for r in reasons if r.tier >= rule.groups.tier}) >= rule.groups.at_least


_CLAUSES: tuple[Callable[[Rule, Answers, History, Protocol], bool], ...] = (_if, _worse, _composite_reached, _counted)


def _is_symptom(question: Question, choice_id: str) -> bool:
    choice = question.choice(choice_id)
    return choice is not None and not choice.exclusive


def _step(question_id: str, answers: Mapping[str, tuple[str, ...]], protocol: Protocol) -> int | None:
    """Return the position of an answer on its scale; None if it is missing, skipped or unknown."""
    given = answers.get(question_id)
    return _level(question_id, given[0], protocol) if given else None


def _level(question_id: str, choice_id: str, protocol: Protocol) -> int | None:
    question = protocol.questions.get(question_id)
    return question.step_of(choice_id) if question is not None else None


def _composite(severity: int, interference: int, protocol: Protocol) -> int | None:
    table = protocol.composite_table
    if severity >= len(table) or interference >= len(table[severity]):
        return None
    return table[severity][interference]
