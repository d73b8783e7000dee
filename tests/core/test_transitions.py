"""The table of a check-in's transitions: every check-in that taps can lead to takes every input, in small forms.

The forms are made of the four kinds of questions that differ for the table: one that raises, of a single choice and of
several, and one that is still asked after an EMERGENCY, of each kind.
"""

from collections import defaultdict
from datetime import UTC, datetime
from functools import cache

import pytest

from bot.content.loader import load_protocol
from bot.core import checkin as core
from bot.core.checkin import TRANSITIONS, IgnoredReason, State, UnlistedStateError
from bot.core.protocol import SKIP, Choice, Form, FormStep, Question, Rule, Tier
from bot.core.triage import History

SHIPPED = load_protocol()
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KINDS = core.Input.__args__
TAPS = (core.Choose, core.Toggle, core.Submit, core.Skip, core.Back, core.Mistake)
FEW = [
    (("twice", "some"), KINDS),
    (("some", "which"), KINDS),
    (("which", "now", "signs"), TAPS),
    (("now", "signs", "which"), TAPS),
    (("danger", "unsafe", "soon", "which"), TAPS),
    (("danger", "unsafe", "soon"), TAPS),
]
"""Forms, and inputs, of few check-ins that lead to every transition."""
FORMS = [
    (asked, KINDS)
    for asked in (
        ("one",),
        ("some",),
        ("one", "some"),
        ("one", "which", "signs"),
        ("signs", "some", "which"),
        ("again", "one"),
        ("danger", "unsafe", "soon"),
        ("danger", "unsafe", "soon", "which"),
    )
]
LOST = (("soon", "which"), ("soon",))
"""A form, and what a later version of it asks."""
LOST_OF_ALL = (("one", "some"), ("one",))
NOTHING = History()
SINGLE = ("fine", "urgent", "emergency")
SEVERAL = ("urgent", "emergency", "fine")


def question(name, choices, kind="single"):
    exclusive = kind == "several"
    return Question(
        id=name, kind=kind, choices=tuple(Choice(id=c, exclusive=exclusive and c == "fine") for c in choices)
    )


def rule(name, choice):
    return Rule(id=f"{name}.{choice}", group=name, tier=Tier[choice.upper()], if_={name: (choice,)})


def screen_of(name):
    """Return what makes a question a safety screen."""
    return SHIPPED.questions[name].signs


def protocol_of(*asked, judged=()):
    """Return a protocol whose form asks these questions in this order, and whose rules judge these and those."""
    questions = {
        "one": question("one", SINGLE),
        "soon": question("soon", ("fine", "urgent")),
        "now": question("now", ("fine", "emergency")),
        "some": question("some", SEVERAL, "several"),
        "which": question("which", ("fine", "other")),
        "signs": question("signs", ("other", "fine"), "several"),
        "again": question("again", SINGLE).model_copy(update={"on_skip": "ask_again"}),
        "twice": question("twice", ("fine", "urgent")).model_copy(update={"on_skip": "ask_again"}),
        "unsafe": question("unsafe", ("none", "yes")).model_copy(update={"signs": screen_of("safety_new")}),
        "danger": question("danger", ("none", "yes")).model_copy(update={"signs": screen_of("safety_now")}),
    }
    rules = tuple(
        rule(name, choice.id)
        for name in ("one", "soon", "now", "some", "again", "twice")
        if name in {*asked, *judged}
        for choice in questions[name].choices
        if choice.id != "fine"
    )
    screens = (("unsafe", Tier.URGENT), ("danger", Tier.EMERGENCY))
    rules += tuple(Rule(id=f"{q}.yes", group=q, tier=t, if_={q: ("yes",)}) for q, t in screens if q in asked)
    steps = tuple(FormStep(ask=name, after_emergency=name in {"which", "signs"}) for name in asked)
    parts = {"forms": {"quick": Form(id="quick", steps=steps)}, "questions": questions, "rules": rules}
    return SHIPPED.model_copy(update=parts)


def inputs(revision, asked, protocol):
    """Yield each input that can mean something at this question; each kind at least once."""
    for choice in protocol.questions[asked].choices:
        yield core.Choose(question=asked, choice=choice.id, revision=revision)
        yield core.Toggle(question=asked, choice=choice.id, on=True, revision=revision)
        yield core.Toggle(question=asked, choice=choice.id, on=False, revision=revision)
    # "Yes" on an earlier screen, by a second finger.
    yield from (core.Choose(question=screen, choice="yes", revision=0) for screen in ("danger", "unsafe"))
    yield core.Submit(question=asked, revision=revision)
    yield core.Skip(question=asked, revision=revision)
    yield core.Back(question=asked, revision=revision)
    yield from (core.Continue(revision=revision), core.Finish(revision=revision))
    yield from (core.Mistake(), core.Expire(), core.Replace())
    for step in protocol.forms["quick"].steps:
        for choice in (*(c.id for c in protocol.questions[step.ask].choices), SKIP):
            yield core.Change(question=step.ask, choices=(choice,))


def identity(checkin):
    """Return what sets a check-in apart, the number of screens that it has shown aside."""
    return checkin.state, checkin.cursor, tuple(sorted(checkin.answers.items())), checkin.raised, checkin.acted_on


@cache
def walk(asked, kinds):
    """Return (check-in, input, step) for every check-in that inputs of these kinds can lead to."""
    protocol = protocol_of(*asked)
    waiting = [core.open_checkin("quick", protocol)]
    seen = {identity(waiting[0])}
    steps, taps = [], {}
    while waiting:
        checkin = waiting.pop()
        at = checkin.revision, checkin.cursor or "one"
        if at not in taps:
            taps[at] = [received for received in inputs(*at, protocol) if isinstance(received, kinds)]
        for received in taps[at]:
            step = core.step(checkin, received, protocol, NOTHING)
            steps.append((checkin, received, step))
            if (found := identity(step.checkin)) not in seen:
                seen.add(found)
                waiting.append(step.checkin.model_copy(update={"revision": 0, "asked_revision": 0}))
    return steps


def under_a_later_protocol(asked, then):
    """Return the same when the form lost a question after the check-in had begun."""
    later = protocol_of(*then, judged=asked)
    taken = [(checkin, received) for checkin, received, _ in walk(asked, KINDS)]
    return [(checkin, received, core.step(checkin, received, later, NOTHING)) for checkin, received in taken]


def was_ignored(step):
    return any(isinstance(event, core.Ignored) for event in step.events)


def led_to(steps):
    """Return which states each pair of state and input was seen to lead to."""
    found = defaultdict(set)
    for checkin, received, step in steps:
        if not was_ignored(step):
            found[checkin.state, type(received)].add(step.checkin.state)
    return found


ASKED = [
    *(pytest.param(*form, id="-".join(form[0])) for form in FEW),
    *(pytest.param(*form, id="-".join(form[0]), marks=pytest.mark.slow) for form in FORMS),
]
LISTED = {pair: set(transition.leads_to) for pair, transition in TRANSITIONS.items()}


@pytest.mark.parametrize(
    ("forms", "lost"),
    [
        pytest.param(FEW, [LOST], id="few check-ins"),
        pytest.param(FORMS, [LOST_OF_ALL], id="all", marks=pytest.mark.slow),
    ],
)
def test_transitions_list_exactly_the_states_that_are_reached(forms, lost):
    found = defaultdict(set)
    for steps in (*(walk(*form) for form in forms), *(under_a_later_protocol(*each) for each in lost)):
        for pair, states in led_to(steps).items():
            found[pair] |= states
    assert found == LISTED


@pytest.mark.parametrize(("asked", "kinds"), ASKED)
def test_step_ignored_input_changes_nothing_and_is_named(asked, kinds):
    for checkin, received, step in walk(asked, kinds):
        if was_ignored(step):
            (event,) = step.events
            assert step.checkin == checkin
            assert (event.input, event.state) == (type(received).__name__, checkin.state)
            if (checkin.state, type(received)) not in TRANSITIONS:
                assert event.reason is IgnoredReason.NOT_NOW


@pytest.mark.parametrize(("asked", "kinds"), ASKED)
def test_step_raised_tier_always_yields_a_red_flag(asked, kinds):
    for checkin, _, step in walk(asked, kinds):
        flags = [event for event in step.events if isinstance(event, core.RedFlag)]
        if step.checkin.raised > checkin.raised:
            assert [flag.assessment.tier for flag in flags] == [step.checkin.raised]


def test_final_states_have_no_transition():
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.EXPIRED, State.REPLACED}
    assert {kind for _, kind in TRANSITIONS} == set(KINDS)


@pytest.fixture
def unlisted(monkeypatch):
    """Leave only a state that isn't reached in the row of a single choice."""
    row = TRANSITIONS[State.ASKING, core.Choose]
    wrong = {**TRANSITIONS, (State.ASKING, core.Choose): row._replace(leads_to=frozenset({State.EXPIRED}))}
    monkeypatch.setattr(core, "TRANSITIONS", wrong)


def chosen(choice):
    protocol = protocol_of("one", "which")
    received = core.Choose(question="one", choice=choice, revision=0)
    return core.step(core.open_checkin("quick", protocol), received, protocol, History())


@pytest.mark.usefixtures("unlisted")
def test_step_to_an_unlisted_state_names_input_and_states():
    with pytest.raises(UnlistedStateError, match="Choose in asking led to asking, which its transition doesn't list"):
        chosen("fine")


@pytest.mark.usefixtures("unlisted")
@pytest.mark.parametrize(("choice", "state"), [("urgent", State.PAUSED), ("emergency", State.STOPPED)])
def test_step_to_an_unlisted_state_keeps_the_red_flag(choice, state):
    step = chosen(choice)
    assert step.checkin.state is state
    assert [type(event) for event in step.events] == [core.AnswerGiven, core.RedFlag]
