"""The check-in: its types, the path through its form and the table of its transitions. Shows and stores nothing.

Everything that affects the state of a check-in belongs in this file. As much of it as possible is in `TRANSITIONS`:
each row names the handler of an input and every state that the input can lead to.

The rules, each with a test:

* Every pair of state and input that can have an effect is a row of `TRANSITIONS`. Any other pair, and a tap on a screen
  that is no longer current, changes nothing and returns `Ignored`, which names the input and the state.
* `step` never returns a state that its row doesn't list: it raises `UnlistedStateError`, which names the input and the
  states. That is an error in this file; the transaction is rolled back and the update becomes a dead letter. A step
  that raises a red flag is returned in any case: an error in the table must not suppress a call screen.
* A tap is current if its question is the one at `cursor` and its revision is not older than the question's first
  showing. A toggle carries its target state, so that double and quick taps are neither lost nor undone.
* "Yes" or "not sure" on an earlier safety screen of the form replaces a milder answer: the cautious answer wins.
* A safety screen that was skipped (`on_skip: ask_again`) is asked once more when nothing else is left; skipped again,
  it stays open. Going back to it and skipping it there counts as the second time.
* Every answer is stored and assessed when it is tapped. An answer that raises the tier above `acted_on`, or opens
  something new at URGENT or more, is a red flag: EMERGENCY stops the form (only steps marked `after_emergency` are
  still asked), URGENT pauses it (the patient may continue or finish).
* A claimed mistake deletes nothing and lowers nothing: `raised` is kept, the question is asked again, and the next red
  flag is raised again, even at the same tier.
* An answer can be changed once the check-in is done. A higher tier is raised, a lower one retracts nothing, and the
  check-in stays done: it is never reopened.
* Silence retracts nothing: a check-in that expires or is replaced is assessed by the answers it has.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from bot.core.choices import has_ticked_choices, is_possible
from bot.core.findings import ALARMING
from bot.core.frozen import Frozen
from bot.core.hearing import FormAnswers, Remembered
from bot.core.protocol import SKIP, Answers, FormStep, Protocol, Question, Tier, applicable
from bot.core.triage import Assessment, History
from bot.core.weighing import weigh

# --- The check-in -----------------------------------------------------------------------------------------------------


class State(StrEnum):
    """The state of a check-in."""

    ASKING = "asking"
    PAUSED = "paused"
    """URGENT was raised: the call screen is shown, and the patient may continue or finish."""
    STOPPED = "stopped"
    """EMERGENCY was raised: only steps marked `after_emergency` are still asked."""
    DONE = "done"
    EXPIRED = "expired"
    REPLACED = "replaced"


class CheckIn(Frozen):
    """One check-in of one patient. `raised`: the highest tier that it has raised."""

    form: str
    state: State
    revision: int
    asked_revision: int
    """The revision at which the question at `cursor` was first shown; older taps are stale."""
    cursor: str | None
    answers: Answers
    raised: Tier = Tier.ROUTINE
    acted_on: Tier = Tier.ROUTINE
    """The tier that an answer must exceed to raise a red flag: `raised`, but ROUTINE after a claimed mistake."""
    about: tuple[str, ...] = ()
    """The symptoms that it asks about again."""
    usual: tuple[str, ...] = ()
    """EMERGENCY signs that are usual for the patient: the safety screen asks whether each is worse than that."""


# --- Inputs -----------------------------------------------------------------------------------------------------------


class Choose(Frozen):
    """The patient taps a choice of a single-choice question. `then`: it answers the next question, too."""

    question: str
    choice: str
    revision: int
    then: str = ""


class Toggle(Frozen):
    """The patient taps a choice of a multiple-choice question; `on` is its new state."""

    question: str
    choice: str
    on: bool
    revision: int


class Submit(Frozen):
    """The patient taps "Done" under a multiple-choice question."""

    question: str
    revision: int


class Skip(Frozen):
    """The patient skips the question."""

    question: str
    revision: int


class Back(Frozen):
    """The patient returns to the previous question."""

    question: str
    revision: int


class Continue(Frozen):
    """The patient continues the form after URGENT."""

    revision: int


class Finish(Frozen):
    """The patient ends the form after URGENT."""

    revision: int


class Mistake(Frozen):
    """The patient taps "I tapped by mistake". `question` is behind what is open; an answer that raised comes first."""

    question: str = ""


class Expire(Frozen):
    """The time to answer the check-in has expired."""


class Replace(Frozen):
    """Another check-in supersedes this one."""


class Change(Frozen):
    """The patient changes an answer of the finished check-in."""

    question: str
    choices: tuple[str, ...]


Tap = Choose | Toggle | Submit | Skip | Back
Input = Tap | Continue | Finish | Mistake | Expire | Replace | Change

# --- Events -----------------------------------------------------------------------------------------------------------


class AnswerGiven(Frozen):
    """The question is answered; this replaces an earlier answer."""

    question: str
    choices: tuple[str, ...]


class AnswerRemoved(Frozen):
    """The question's answer is removed: every choice was unticked, or the question is no longer asked."""

    question: str


class RedFlag(Frozen):
    """The tier rose to URGENT or EMERGENCY: show the call screen at once."""

    assessment: Assessment


class Finished(Frozen):
    """No more questions follow: the final assessment."""

    assessment: Assessment


class Changed(Frozen):
    """An answer of the finished check-in was changed: the new assessment of all its answers."""

    assessment: Assessment


class MistakeClaimed(Frozen):
    """The patient says that the answer behind this tier was a mistake. It is recorded and retracts nothing."""

    tier: Tier


class Closed(Frozen):
    """The check-in ended without being finished."""

    state: State


class IgnoredReason(StrEnum):
    """The reason why an input was ignored."""

    NOT_NOW = "not_now"
    STALE = "stale"
    UNKNOWN_CHOICE = "unknown_choice"
    NOTHING_CHOSEN = "nothing_chosen"
    FIRST_QUESTION = "first_question"


class Ignored(Frozen):
    """Nothing changed: the input (`input`: its type's name) has no effect in `state`."""

    reason: IgnoredReason
    input: str
    state: State


Event = AnswerGiven | AnswerRemoved | RedFlag | Finished | Changed | MistakeClaimed | Closed | Ignored


class Step(Frozen):
    """The check-in after an input, and the events."""

    checkin: CheckIn
    events: tuple[Event, ...]


class UnlistedStateError(AssertionError):
    """A handler returned a state that its row of `TRANSITIONS` doesn't list: an error in the table."""

    def __init__(self, received: Input, state: State, reached: State) -> None:
        super().__init__(f"{type(received).__name__} in {state} led to {reached}, which its transition doesn't list")


# --- Opening and stepping ---------------------------------------------------------------------------------------------


def open_checkin(form: str, protocol: Protocol, answers: Answers | None = None, about: tuple[str, ...] = ()) -> CheckIn:
    """Return a new check-in at its first unanswered question. `answers`: already known ("I feel worse now").

    `about`: the symptoms that it asks about again. KeyError if the protocol has no such form.
    """
    empty = CheckIn(
        form=form, state=State.ASKING, revision=0, asked_revision=0, cursor=None, answers=answers or {}, about=about
    )
    return empty.model_copy(update={"cursor": next_open(empty, protocol)})


def step(
    checkin: CheckIn, received: Input, protocol: Protocol, history: History, remembered: Remembered | None = None
) -> Step:
    """Return the check-in after an input, with the events; `Ignored` if the input has no effect.

    `remembered`: what its answers are weighed by; without it, every finding counts in full.

    UnlistedStateError if the new state is not listed in the input's row of `TRANSITIONS`, unless a red flag is raised.
    """
    transition = TRANSITIONS.get((checkin.state, type(received)))
    if transition is None:
        return _ignored(checkin, received, IgnoredReason.NOT_NOW)
    outcome = transition.handle(_Context(checkin, protocol, history, remembered), received)
    if isinstance(outcome, IgnoredReason):
        return _ignored(checkin, received, outcome)
    after, events = outcome
    flagged = any(isinstance(event, RedFlag) for event in events)
    if after.state not in transition.leads_to and not flagged:
        raise UnlistedStateError(received, checkin.state, after.state)
    return Step(checkin=after, events=events)


def _ignored(checkin: CheckIn, received: Input, reason: IgnoredReason) -> Step:
    ignored = Ignored(reason=reason, input=type(received).__name__, state=checkin.state)
    return Step(checkin=checkin, events=(ignored,))


# --- The path through its form ----------------------------------------------------------------------------------------


def progress(checkin: CheckIn, protocol: Protocol) -> tuple[int, int]:
    """Return (position, total) for "3 of 8": the current question's position among all that the answers lead to."""
    asked = [s.ask for s in path(checkin, protocol)]
    if checkin.cursor in asked:
        return asked.index(checkin.cursor) + 1, len(asked)
    return sum(q in checkin.answers for q in asked), len(asked)


def taps_left(checkin: CheckIn, protocol: Protocol) -> int:
    """Return the number of questions left, including the current one: one tap each if nothing is wrong."""
    left = {*_left_open(checkin, protocol), checkin.cursor if is_unfinished(checkin, protocol) else None}
    return sum(s.ask not in checkin.answers or s.ask in left for s in path(checkin, protocol))


def path(checkin: CheckIn, protocol: Protocol) -> tuple[FormStep, ...]:
    """Return the steps of this check-in; after an EMERGENCY, only those marked `after_emergency`."""
    steps = applicable(protocol.forms[checkin.form], checkin.answers, checkin.about)
    return tuple(s for s in steps if s.after_emergency) if checkin.state is State.STOPPED else steps


def next_open(checkin: CheckIn, protocol: Protocol) -> str | None:
    """Return the first question without an answer; None if all are answered."""
    return next((s.ask for s in path(checkin, protocol) if s.ask not in checkin.answers), None)


def is_asked_again(checkin: CheckIn, protocol: Protocol) -> bool:
    """Return whether the question at the cursor is a safety screen that was skipped."""
    return checkin.cursor in _left_open(checkin, protocol)


def _left_open(checkin: CheckIn, protocol: Protocol) -> tuple[str, ...]:
    """Return the skipped safety screens still to be asked again, in the form's order: from the cursor, if at one."""
    asked = [s.ask for s in path(checkin, protocol)]
    skipped = [q for q in asked if protocol.questions[q].on_skip == "ask_again" and checkin.answers.get(q) == (SKIP,)]
    return tuple(skipped[skipped.index(checkin.cursor) :] if checkin.cursor in skipped else skipped)


def is_unfinished(checkin: CheckIn, protocol: Protocol) -> bool:
    """Return whether the question at the cursor waits for a tap although it may have an answer.

    This is so while the answer can still change: after Back, after a claimed mistake, and before "Done" under ticked
    choices.
    """
    if checkin.state is not State.PAUSED:
        return checkin.cursor is not None
    return checkin.cursor is not None and has_ticked_choices(protocol.questions[checkin.cursor], checkin.answers)


# --- Handlers ---------------------------------------------------------------------------------------------------------


class _Context(NamedTuple):
    """What a handler works with: the check-in before the input, the protocol and what is known of the patient."""

    checkin: CheckIn
    protocol: Protocol
    history: History
    remembered: Remembered | None = None
    skipped_again: bool = False

    def at(self, checkin: CheckIn) -> "_Context":
        return self._replace(checkin=checkin)

    def assess(self, *, finished: bool, answers: Answers | None = None) -> Assessment:
        given = self.checkin.answers if answers is None else answers
        form = FormAnswers(self.checkin.form, given, self.checkin.about, finished)
        return weigh(form, self.history, self.remembered, self.protocol)

    def question(self, tap: Tap) -> Question | None:
        """Return the tapped question; None if the tap is stale."""
        current = tap.question == self.checkin.cursor and _is_current(self.checkin, tap.revision)
        return self.protocol.questions.get(tap.question) if current else None


_Given = tuple[CheckIn, tuple[Event, ...]]
_Outcome = _Given | IgnoredReason


def _choose(context: _Context, tap: Choose) -> _Outcome:
    question = context.question(tap)
    if question is None:
        return _late_yes(context, tap)
    if question.kind != "single" or question.choice(tap.choice) is None:
        return IgnoredReason.UNKNOWN_CHOICE
    return _answered(context, question.id, (tap.choice,), stay=False, then=tap.then)


def _late_yes(context: _Context, tap: Choose) -> _Outcome:
    """Let "yes" on an earlier safety screen replace a milder answer, and act each time."""
    asked = context.protocol.questions.get(tap.question)
    is_yes = asked is not None and asked.signs is not None and tap.choice in ALARMING
    is_yes = is_yes and tap.question in {s.ask for s in context.protocol.forms[context.checkin.form].steps}
    if not is_yes or ALARMING & set(context.checkin.answers.get(tap.question, ())):
        return IgnoredReason.STALE
    fresh = context.checkin.model_copy(update={"acted_on": Tier.ROUTINE})
    return _answered(context.at(fresh), tap.question, (tap.choice,), stay=False)


def _toggle(context: _Context, tap: Toggle) -> _Outcome:
    question = context.question(tap)
    if question is None:
        return IgnoredReason.STALE
    choice = question.choice(tap.choice)
    if question.kind != "several" or choice is None:
        return IgnoredReason.UNKNOWN_CHOICE
    if choice.exclusive and tap.on:
        return _answered(context, question.id, (choice.id,), stay=False)
    before = context.checkin.answers.get(question.id, ())
    ticked = {*before} - {choice.id} | ({choice.id} if tap.on else set())
    after = tuple(c.id for c in question.choices if c.id in ticked and not (tap.on and c.exclusive))
    if after == before:
        return context.checkin, ()  # a double tap: the choice already has this state
    return _answered(context, question.id, after, stay=True)


def _submit(context: _Context, tap: Submit) -> _Outcome:
    question = context.question(tap)
    if question is None:
        return IgnoredReason.STALE
    if question.kind != "several":
        return IgnoredReason.UNKNOWN_CHOICE
    if question.id not in context.checkin.answers:
        return IgnoredReason.NOTHING_CHOSEN
    return _assessed(context, (), stay=False)


def _skip(context: _Context, tap: Skip) -> _Outcome:
    question = context.question(tap)
    if question is None:
        return IgnoredReason.STALE
    # Skipped a second time, it stays open: the next one is asked.
    again = context._replace(skipped_again=is_asked_again(context.checkin, context.protocol))
    return _answered(again, question.id, (SKIP,), stay=False)


def _back(context: _Context, tap: Back) -> _Outcome:
    if context.question(tap) is None:
        return IgnoredReason.STALE
    asked = [s.ask for s in path(context.checkin, context.protocol)]
    position = asked.index(tap.question) if tap.question in asked else 0
    if position == 0:
        return IgnoredReason.FIRST_QUESTION
    return _at_question(context.checkin, asked[position - 1]), ()


def _continue(context: _Context, tap: Continue) -> _Outcome:
    if not _is_current(context.checkin, tap.revision):
        return IgnoredReason.STALE
    checkin = context.checkin
    asking = context.at(checkin.model_copy(update={"state": State.ASKING}))
    if is_unfinished(checkin, context.protocol):
        return _at_question(asking.checkin, checkin.cursor), ()
    return _moved_on(asking, ())


def _finish(context: _Context, tap: Finish) -> _Outcome:
    return _done(context, ()) if _is_current(context.checkin, tap.revision) else IgnoredReason.STALE


def _mistake(context: _Context, received: Mistake) -> _Outcome:
    checkin = context.checkin
    known = received.question if received.question in checkin.answers else None
    raised = _question_that_raised(context) if checkin.acted_on >= Tier.URGENT else None
    if checkin.acted_on < Tier.URGENT and known is None:
        return IgnoredReason.NOT_NOW
    again = checkin.model_copy(update={"state": State.ASKING, "acted_on": Tier.ROUTINE})
    asked = raised or known or checkin.cursor
    return _at_question(again, asked), (MistakeClaimed(tier=max(checkin.acted_on, checkin.raised)),)


def _close(context: _Context, received: Expire | Replace) -> _Outcome:
    state = State.EXPIRED if isinstance(received, Expire) else State.REPLACED
    closed = _at_question(context.checkin, None).model_copy(update={"state": state})
    finished = (Finished(assessment=context.assess(finished=True)),) if context.checkin.answers else ()
    return closed, (*finished, Closed(state=state))


def _change(context: _Context, received: Change) -> _Outcome:
    question = context.protocol.questions.get(received.question)
    if question is None or question.id not in {s.ask for s in path(context.checkin, context.protocol)}:
        return IgnoredReason.STALE
    if not is_possible(question, received.choices):
        return IgnoredReason.UNKNOWN_CHOICE
    if context.checkin.answers.get(question.id) == received.choices:
        return context.checkin, ()  # a double tap: the answer is already this one
    before = context.assess(finished=True).raised
    checkin, events = _with_answer(context, question.id, received.choices)
    found = context.at(checkin).assess(finished=True)
    checkin = checkin.model_copy(update={"revision": checkin.revision + 1})
    if found.raised >= Tier.URGENT and found.raised > min(before, context.checkin.acted_on):
        raised = {"raised": max(checkin.raised, found.raised), "acted_on": found.raised}
        return checkin.model_copy(update=raised), (*events, RedFlag(assessment=found), Changed(assessment=found))
    return checkin, (*events, Changed(assessment=found))


# --- Shared by handlers -----------------------------------------------------------------------------------------------


def _is_current(checkin: CheckIn, revision: int) -> bool:
    return checkin.asked_revision <= revision <= checkin.revision


def _at_question(checkin: CheckIn, question: str | None) -> CheckIn:
    """Move to a question: taps on earlier screens become stale."""
    revision = checkin.revision + 1
    return checkin.model_copy(update={"cursor": question, "revision": revision, "asked_revision": revision})


def _answered(context: _Context, question: str, choices: tuple[str, ...], *, stay: bool, then: str = "") -> _Outcome:
    """Store an answer (remove it if empty) and assess it; `then` answers the next question."""
    checkin, events = _with_next(context, *_with_answer(context, question, choices), then)
    return _assessed(context.at(checkin), events, stay=stay)


def _assessed(context: _Context, events: tuple[Event, ...], *, stay: bool) -> _Outcome:
    """Assess the answers so far: raise a red flag or move on; `stay`: the question isn't finished yet."""
    checkin, assessment = context.checkin, context.assess(finished=False)
    if assessment.raised >= Tier.URGENT and (assessment.raised > checkin.acted_on or assessment.fresh >= Tier.URGENT):
        return _raised(context, assessment, events, stay=stay)
    if stay:
        return checkin.model_copy(update={"revision": checkin.revision + 1}), events
    return _moved_on(context, events)


def _with_answer(context: _Context, question: str, choices: tuple[str, ...]) -> tuple[CheckIn, tuple[Event, ...]]:
    given = {q: c for q, c in context.checkin.answers.items() if q != question}
    answers = {**given, question: choices} if choices else given
    form = context.protocol.forms[context.checkin.form]
    asked = {s.ask for s in applicable(form, answers, context.checkin.about)}
    gone = [q for q in answers if q not in asked]
    first: Event = AnswerGiven(question=question, choices=choices) if choices else AnswerRemoved(question=question)
    kept: Mapping[str, tuple[str, ...]] = {q: c for q, c in answers.items() if q in asked}
    return context.checkin.model_copy(update={"answers": kept}), (first, *(AnswerRemoved(question=q) for q in gone))


def _with_next(context: _Context, checkin: CheckIn, events: tuple[Event, ...], then: str) -> _Given:
    """Answer the next question if it has that choice. A question that can't wait is only answered for itself."""
    following = context.protocol.questions.get(next_open(checkin, context.protocol) or "")
    if following is None or following.red_flag or following.kind != "single" or following.choice(then) is None:
        return checkin, events
    checkin, more = _with_answer(context.at(checkin), following.id, (then,))
    return checkin, (*events, *more)


def _raised(context: _Context, assessment: Assessment, events: tuple[Event, ...], *, stay: bool) -> _Outcome:
    raised = {"raised": max(context.checkin.raised, assessment.raised), "acted_on": assessment.raised}
    stops = assessment.raised is Tier.EMERGENCY
    checkin = context.checkin.model_copy(update={**raised, "state": State.STOPPED if stops else State.PAUSED})
    events = (*events, RedFlag(assessment=assessment))
    if stops:
        return _moved_on(context.at(checkin), events)
    if not stay and _following(context.at(checkin)) is None:
        return _done(context.at(checkin), events)
    return checkin.model_copy(update={"revision": checkin.revision + 1}), events


def _following(context: _Context) -> str | None:
    """Return the next question: one without an answer, or else a safety screen that was left open."""
    left_open = _left_open(context.checkin, context.protocol)[1 if context.skipped_again else 0 :]
    return next_open(context.checkin, context.protocol) or next(iter(left_open), None)


def _moved_on(context: _Context, events: tuple[Event, ...]) -> _Outcome:
    following = _following(context)
    if following is None:
        return _done(context, events)
    return _at_question(context.checkin, following), events


def _done(context: _Context, events: tuple[Event, ...]) -> _Outcome:
    done = _at_question(context.checkin, None).model_copy(update={"state": State.DONE})
    return done, (*events, Finished(assessment=context.assess(finished=True)))


def _question_that_raised(context: _Context) -> str | None:
    """Return the question, in the order of the form, whose answer first reached the tier acted on."""
    by_tier = ((q, context.assess(finished=False, answers=a).raised) for q, a in _answer_prefixes(context))
    return next((question for question, tier in by_tier if tier >= context.checkin.acted_on), None)


def _answer_prefixes(context: _Context) -> Iterator[tuple[str, Answers]]:
    """Yield each answered question with all answers up to and including its own."""
    answered: dict[str, tuple[str, ...]] = {}
    for step_ in path(context.checkin.model_copy(update={"state": State.ASKING}), context.protocol):
        if step_.ask in context.checkin.answers:
            answered[step_.ask] = context.checkin.answers[step_.ask]
            yield step_.ask, dict(answered)


# --- The table --------------------------------------------------------------------------------------------------------

_Handler = Callable[[_Context, Any], _Outcome]


class Transition(NamedTuple):
    """A row of the table: the handler of an input in a state, and all states that it can lead to."""

    handle: _Handler
    leads_to: frozenset[State]


def _to(handle: _Handler, *leads_to: State) -> Transition:
    return Transition(handle, frozenset(leads_to))


_ASKING, _PAUSED, _STOPPED, _DONE = State.ASKING, State.PAUSED, State.STOPPED, State.DONE

TRANSITIONS: Mapping[tuple[State, type[Input]], Transition] = {
    (State.ASKING, Choose): _to(_choose, _ASKING, _PAUSED, _STOPPED, _DONE),
    (State.ASKING, Toggle): _to(_toggle, _ASKING, _PAUSED, _STOPPED, _DONE),
    # After a claimed mistake, an unchanged answer raises again at "Done", and the other answers raise at "Skip".
    (State.ASKING, Submit): _to(_submit, _ASKING, _PAUSED, _STOPPED, _DONE),
    (State.ASKING, Skip): _to(_skip, _ASKING, _PAUSED, _STOPPED, _DONE),
    (State.ASKING, Back): _to(_back, _ASKING),
    (State.ASKING, Mistake): _to(_mistake, _ASKING),
    (State.ASKING, Expire): _to(_close, State.EXPIRED),
    (State.ASKING, Replace): _to(_close, State.REPLACED),
    # A quick third tap may arrive after the second one paused the form: it is a symptom, so it counts.
    (State.PAUSED, Choose): _to(_late_yes, _PAUSED, _STOPPED, _DONE),
    (State.PAUSED, Toggle): _to(_toggle, _PAUSED, _STOPPED, _DONE),
    (State.PAUSED, Continue): _to(_continue, _ASKING, _DONE),
    (State.PAUSED, Finish): _to(_finish, _DONE),
    (State.PAUSED, Mistake): _to(_mistake, _ASKING),
    (State.PAUSED, Expire): _to(_close, State.EXPIRED),
    (State.PAUSED, Replace): _to(_close, State.REPLACED),
    # EMERGENCY is the highest tier: no answer raises again, so no input leads back to PAUSED.
    (State.STOPPED, Choose): _to(_choose, _STOPPED, _DONE),
    (State.STOPPED, Toggle): _to(_toggle, _STOPPED, _DONE),
    (State.STOPPED, Submit): _to(_submit, _STOPPED, _DONE),
    (State.STOPPED, Skip): _to(_skip, _STOPPED, _DONE),
    (State.STOPPED, Back): _to(_back, _STOPPED),
    (State.STOPPED, Mistake): _to(_mistake, _ASKING),
    (State.STOPPED, Expire): _to(_close, State.EXPIRED),
    (State.STOPPED, Replace): _to(_close, State.REPLACED),
    (State.DONE, Change): _to(_change, _DONE),
}
"""Every input that has an effect in a state, and the states it can lead to. EXPIRED and REPLACED are final."""
