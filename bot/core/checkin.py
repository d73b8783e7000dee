"""The check-in: the table of its transitions. Shows nothing, stores nothing, reads no clock.

The rules, each held by a test:

* Every pair of state and input that may do something stands in `TRANSITIONS`; any other pair, and a tap on a screen
  that is no longer current, changes nothing and yields `Ignored`, naming input and state.
* A tap is current when its question is the one at `cursor` and its revision is not older than the question's first
  showing. A toggle carries its target, so doubled and quick taps are neither lost nor undone.
* Every answer is stored and assessed at the tap. Whatever lifts the tier above `acted_on` to EMERGENCY stops the form
  (only steps marked `after_emergency` are still asked); to URGENT pauses it (going on or finishing is offered).
* A claimed mistake deletes nothing and lowers nothing: `raised` stays, the question is asked anew, and the next red
  flag raises again, even at the same tier.
* An answer can be changed once the check-in is done. What rises is raised, what falls takes nothing back, and the
  check-in stays done: it is never open a second time.
* Silence clears nothing: a check-in that expires or is replaced is assessed by what was answered.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from bot.core.checkin_path import is_possible, is_unfinished, next_open, path, progress, taps_left
from bot.core.checkin_words import (
    AnswerForgotten,
    AnswerGiven,
    Back,
    Change,
    Changed,
    CheckIn,
    Choose,
    Closed,
    Event,
    Expire,
    Finish,
    Finished,
    GoOn,
    Ignored,
    Input,
    Mistake,
    MistakeClaimed,
    Reason,
    RedFlag,
    Replace,
    Skip,
    State,
    Step,
    Submit,
    Tap,
    Toggle,
)
from bot.core.protocol import SKIP, Answers, Protocol, Question, Tier, applicable
from bot.core.triage import Assessment, History, assess

__all__ = [
    "TRANSITIONS",
    "AnswerForgotten",
    "AnswerGiven",
    "Back",
    "Change",
    "Changed",
    "CheckIn",
    "Choose",
    "Closed",
    "Event",
    "Expire",
    "Finish",
    "Finished",
    "GoOn",
    "Ignored",
    "Input",
    "Mistake",
    "MistakeClaimed",
    "Reason",
    "RedFlag",
    "Replace",
    "Skip",
    "State",
    "Step",
    "Submit",
    "Tap",
    "Toggle",
    "next_open",
    "open_checkin",
    "progress",
    "step",
    "taps_left",
]

# --- What the rest of the program asks --------------------------------------------------------------------------------


def open_checkin(form: str, protocol: Protocol, answers: Answers | None = None) -> CheckIn:
    """Return a new check-in at its first open question. `answers` are known already ("I feel worse now").

    KeyError if the protocol has no such form.
    """
    empty = CheckIn(
        form=form, state=State.ASKING, revision=0, asked_revision=0, cursor=None, answers=dict(answers or {})
    )
    return empty.model_copy(update={"cursor": next_open(empty, protocol)})


def step(checkin: CheckIn, received: Input, protocol: Protocol, history: History, at: datetime) -> Step:
    """Take one input at `at`. Whatever can't be taken changes nothing and yields `Ignored`."""
    handler = TRANSITIONS.get((checkin.state, type(received)))
    if handler is None:
        outcome: _Outcome = Reason.NOT_NOW
    else:
        outcome = handler(_Ground(checkin, protocol, history), received)
    if isinstance(outcome, Reason):
        name = type(received).__name__
        return Step(checkin=checkin, events=(Ignored(reason=outcome, input=name, state=checkin.state),), at=at)
    return Step(checkin=outcome[0], events=outcome[1], at=at)


# --- Handlers ---------------------------------------------------------------------------------------------------------


class _Ground(NamedTuple):
    """What a handler stands on."""

    checkin: CheckIn
    protocol: Protocol
    history: History

    def at(self, checkin: CheckIn) -> "_Ground":
        return self._replace(checkin=checkin)

    def assess(self, *, finished: bool, answers: Answers | None = None) -> Assessment:
        given = self.checkin.answers if answers is None else answers
        return assess(given, self.history, self.protocol, form=self.checkin.form, finished=finished)

    def question(self, tap: Tap) -> Question | None:
        """Return the question tapped on, or None when the tap is stale."""
        current = tap.question == self.checkin.cursor and _is_current(self.checkin, tap.revision)
        return self.protocol.questions.get(tap.question) if current else None


_Outcome = tuple[CheckIn, tuple[Event, ...]] | Reason


def _choose(ground: _Ground, tap: Choose) -> _Outcome:
    question = ground.question(tap)
    if question is None:
        return Reason.STALE
    if question.kind != "single" or question.choice(tap.choice) is None:
        return Reason.UNKNOWN_CHOICE
    return _answered(ground, question.id, (tap.choice,), stay=False)


def _toggle(ground: _Ground, tap: Toggle) -> _Outcome:
    question = ground.question(tap)
    if question is None:
        return Reason.STALE
    choice = question.choice(tap.choice)
    if question.kind != "several" or choice is None:
        return Reason.UNKNOWN_CHOICE
    if choice.exclusive and tap.on:
        return _answered(ground, question.id, (choice.id,), stay=False)
    before = ground.checkin.answers.get(question.id, ())
    ticked = {c for c in before if c != choice.id} | ({choice.id} if tap.on else set())
    after = tuple(c.id for c in question.choices if c.id in ticked and not (tap.on and c.exclusive))
    if after == before:
        return ground.checkin, ()  # a doubled tap: what it asked for is so already
    return _answered(ground, question.id, after, stay=True)


def _submit(ground: _Ground, tap: Submit) -> _Outcome:
    question = ground.question(tap)
    if question is None:
        return Reason.STALE
    if question.kind != "several":
        return Reason.UNKNOWN_CHOICE
    if question.id not in ground.checkin.answers:
        return Reason.NOTHING_CHOSEN
    return _judged(ground, (), stay=False)


def _skip(ground: _Ground, tap: Skip) -> _Outcome:
    question = ground.question(tap)
    if question is None:
        return Reason.STALE
    return _answered(ground, question.id, (SKIP,), stay=False)


def _back(ground: _Ground, tap: Back) -> _Outcome:
    if ground.question(tap) is None:
        return Reason.STALE
    asked = [s.ask for s in path(ground.checkin, ground.protocol)]
    position = asked.index(tap.question) if tap.question in asked else 0
    if position == 0:
        return Reason.FIRST_QUESTION
    return _at_question(ground.checkin, asked[position - 1]), ()


def _go_on(ground: _Ground, tap: GoOn) -> _Outcome:
    if not _is_current(ground.checkin, tap.revision):
        return Reason.STALE
    checkin = ground.checkin
    asking = ground.at(checkin.model_copy(update={"state": State.ASKING}))
    if is_unfinished(checkin, ground.protocol):
        return _at_question(asking.checkin, checkin.cursor), ()
    return _moved_on(asking, ())


def _finish(ground: _Ground, tap: Finish) -> _Outcome:
    if not _is_current(ground.checkin, tap.revision):
        return Reason.STALE
    return _done(ground, ())


def _mistake(ground: _Ground, _received: Mistake) -> _Outcome:
    checkin = ground.checkin
    if checkin.acted_on < Tier.URGENT:
        return Reason.NOT_NOW
    anew = checkin.model_copy(update={"state": State.ASKING, "acted_on": Tier.ROUTINE})
    return _at_question(anew, _raised_by(ground) or checkin.cursor), (MistakeClaimed(tier=checkin.acted_on),)


def _expire(ground: _Ground, _received: Expire) -> _Outcome:
    return _closed(ground, State.EXPIRED)


def _replace(ground: _Ground, _received: Replace) -> _Outcome:
    return _closed(ground, State.REPLACED)


def _change(ground: _Ground, received: Change) -> _Outcome:
    question = ground.protocol.questions.get(received.question)
    if question is None or question.id not in {s.ask for s in path(ground.checkin, ground.protocol)}:
        return Reason.STALE
    if not is_possible(question, received.choices):
        return Reason.UNKNOWN_CHOICE
    if ground.checkin.answers.get(question.id) == received.choices:
        return ground.checkin, ()  # a doubled tap: it says so already
    before = ground.assess(finished=True).tier
    checkin, events = _with_answer(ground, question.id, received.choices)
    found = ground.at(checkin).assess(finished=True)
    checkin = checkin.model_copy(update={"revision": checkin.revision + 1})
    if found.tier >= Tier.URGENT and found.tier > min(before, ground.checkin.acted_on):
        raised = {"raised": max(checkin.raised, found.tier), "acted_on": found.tier}
        return checkin.model_copy(update=raised), (*events, RedFlag(assessment=found), Changed(assessment=found))
    return checkin, (*events, Changed(assessment=found))


# --- What handlers share ----------------------------------------------------------------------------------------------


def _is_current(checkin: CheckIn, revision: int) -> bool:
    return checkin.asked_revision <= revision <= checkin.revision


def _at_question(checkin: CheckIn, question: str | None) -> CheckIn:
    """Show another question: taps on the screens before this one are stale from now on."""
    revision = checkin.revision + 1
    return checkin.model_copy(update={"cursor": question, "revision": revision, "asked_revision": revision})


def _answered(ground: _Ground, question: str, choices: tuple[str, ...], *, stay: bool) -> _Outcome:
    """Store an answer (an empty one forgets it) and act on what it means."""
    checkin, events = _with_answer(ground, question, choices)
    return _judged(ground.at(checkin), events, stay=stay)


def _judged(ground: _Ground, events: tuple[Event, ...], *, stay: bool) -> _Outcome:
    """Assess what is answered so far: raise a red flag or move on; `stay`: the question isn't finished yet."""
    checkin, assessment = ground.checkin, ground.assess(finished=False)
    if assessment.tier >= Tier.URGENT and assessment.tier > checkin.acted_on:
        return _raised(ground, assessment, events, stay=stay)
    if stay:
        return checkin.model_copy(update={"revision": checkin.revision + 1}), events
    return _moved_on(ground, events)


def _with_answer(ground: _Ground, question: str, choices: tuple[str, ...]) -> tuple[CheckIn, tuple[Event, ...]]:
    given = {q: c for q, c in ground.checkin.answers.items() if q != question}
    answers = {**given, question: choices} if choices else given
    form = ground.protocol.forms[ground.checkin.form]
    asked = {s.ask for s in applicable(form, answers)}
    gone = [q for q in answers if q not in asked]
    first: Event = AnswerGiven(question=question, choices=choices) if choices else AnswerForgotten(question=question)
    kept: Mapping[str, tuple[str, ...]] = {q: c for q, c in answers.items() if q in asked}
    return ground.checkin.model_copy(update={"answers": kept}), (first, *(AnswerForgotten(question=q) for q in gone))


def _raised(ground: _Ground, assessment: Assessment, events: tuple[Event, ...], *, stay: bool) -> _Outcome:
    raised = {"raised": max(ground.checkin.raised, assessment.tier), "acted_on": assessment.tier}
    stops = assessment.tier is Tier.EMERGENCY
    checkin = ground.checkin.model_copy(update={**raised, "state": State.STOPPED if stops else State.PAUSED})
    events = (*events, RedFlag(assessment=assessment))
    if stops:
        return _moved_on(ground.at(checkin), events)
    if stay or next_open(checkin, ground.protocol) is not None:
        return checkin.model_copy(update={"revision": checkin.revision + 1}), events
    return _done(ground.at(checkin), events)


def _moved_on(ground: _Ground, events: tuple[Event, ...]) -> _Outcome:
    following = next_open(ground.checkin, ground.protocol)
    if following is None:
        return _done(ground, events)
    return _at_question(ground.checkin, following), events


def _done(ground: _Ground, events: tuple[Event, ...]) -> _Outcome:
    done = _at_question(ground.checkin, None).model_copy(update={"state": State.DONE})
    return done, (*events, Finished(assessment=ground.assess(finished=True)))


def _closed(ground: _Ground, state: State) -> _Outcome:
    closed = _at_question(ground.checkin, None).model_copy(update={"state": state})
    finished = (Finished(assessment=ground.assess(finished=True)),) if ground.checkin.answers else ()
    return closed, (*finished, Closed(state=state))


def _raised_by(ground: _Ground) -> str | None:
    """Return the question with whose answer the tier that was acted on was first reached, in the order of the form."""
    for question, answers in _growing(ground):
        if ground.assess(finished=False, answers=answers).tier >= ground.checkin.acted_on:
            return question
    return None


def _growing(ground: _Ground) -> Iterator[tuple[str, Answers]]:
    """Yield each answered question with the answers up to and including it."""
    so_far: dict[str, tuple[str, ...]] = {}
    for step_ in applicable(ground.protocol.forms[ground.checkin.form], ground.checkin.answers):
        if step_.ask in ground.checkin.answers:
            so_far[step_.ask] = ground.checkin.answers[step_.ask]
            yield step_.ask, dict(so_far)


# --- The table --------------------------------------------------------------------------------------------------------

_Handler = Callable[[_Ground, Any], _Outcome]

TRANSITIONS: Mapping[tuple[State, type[Input]], _Handler] = {
    (State.ASKING, Choose): _choose,
    (State.ASKING, Toggle): _toggle,
    (State.ASKING, Submit): _submit,
    (State.ASKING, Skip): _skip,
    (State.ASKING, Back): _back,
    (State.ASKING, Mistake): _mistake,
    (State.ASKING, Expire): _expire,
    (State.ASKING, Replace): _replace,
    # A quick third tick may still arrive after the second one paused the form: it is a symptom, so it counts.
    (State.PAUSED, Toggle): _toggle,
    (State.PAUSED, GoOn): _go_on,
    (State.PAUSED, Finish): _finish,
    (State.PAUSED, Mistake): _mistake,
    (State.PAUSED, Expire): _expire,
    (State.PAUSED, Replace): _replace,
    (State.STOPPED, Choose): _choose,
    (State.STOPPED, Toggle): _toggle,
    (State.STOPPED, Submit): _submit,
    (State.STOPPED, Skip): _skip,
    (State.STOPPED, Back): _back,
    (State.STOPPED, Mistake): _mistake,
    (State.STOPPED, Expire): _expire,
    (State.STOPPED, Replace): _replace,
    (State.DONE, Change): _change,
}
"""What every state takes. EXPIRED and REPLACED take nothing: they are final."""
