"""The queue of alerts as staff read it: every field of a line, and what it says has changed."""

from datetime import date, timedelta
from functools import partial

import pytest

from bot.app.alerts import queue
from bot.app.concerns import agreeing
from bot.app.records.checkins import Basis
from bot.core.checkin import State
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


@pytest.fixture
def made(run):
    return run(lambda s: s.patients.add(samples.patient("A-1", ici_start=date(2026, 2, 16))))


def alert(run, of, **changes):
    return run(lambda s: s.alerts.add(samples.alert(of.id, **{"raised_at": AT} | changes)))


def line(run, number, at=AT):
    return run(lambda w: queue.alert_line(w, w.alerts.get(number)), at=at)


def test_line_has_every_field_of_the_alert(run, made):
    facts = {
        "state": "confirmed",
        "declared": "is_urgent",
        "owner": "ann",
        "acknowledged_at": AT + MINUTE,
        "outcome": "drug_held",
        "closed_by": "ben",
        "rules": ("new.eyes",),
        "is_agreed": True,
    }
    found = alert(run, made, tier=Tier.URGENT, mistake_at=AT, **facts)
    seen = line(run, found.id)
    assert {name: getattr(seen, name) for name in facts} == facts
    assert (seen.id, seen.code, seen.tier, seen.raised_at, seen.week) == (found.id, "A-1", "URGENT", AT, 3)
    assert (seen.acknowledge_by, seen.overdue, seen.mistake, seen.changes) == (AT + HOUR, False, True, ())
    assert (seen.first, seen.agreed_levels) == (True, ())
    assert seen.summary == (
        "new.eyes, week 3, first report, the patient says it is urgent, tapped by mistake, within an agreed level"
    )


def test_line_of_a_later_alert_is_no_first_report(run, made):
    first, second = alert(run, made), alert(run, made)
    assert [line(run, found.id).first for found in (first, second)] == [True, False]
    other = run(lambda s: s.patients.add(samples.patient("A-2")))
    assert line(run, alert(run, other).id).first


def test_line_names_agreed_levels(run, made):
    run(agreeing.agree_level, "A-1", "numbness", "mild", 7, at=AT, by="lead-1")
    seen = line(run, alert(run, made, rules=("a", "b")).id)
    assert seen.agreed_levels == ("numbness up to mild until 2026-03-09 (lead-1)",)
    assert seen.summary.endswith("agreed level: numbness up to mild until 2026-03-09 (lead-1)")
    assert seen.summary.startswith("a, b, week 3")


@pytest.mark.parametrize(
    ("changes", "overdue"),
    [
        ({}, True),
        ({"owner": "ann"}, False),
        ({"is_agreed": True}, False),
        ({"closed_at": AT, "closed_by": "ann"}, False),
        ({"clock_from": AT + MINUTE}, False),
    ],
)
def test_line_is_overdue_when_it_waits_past_its_time(run, made, changes, overdue):
    found = alert(run, made, tier=Tier.URGENT, **changes)
    assert line(run, found.id, AT + HOUR).overdue is overdue
    assert not line(run, found.id, AT + HOUR - MINUTE).overdue


def test_line_of_an_alert_without_a_patient_is_an_error(run, made):
    found = alert(run, made).model_copy(update={"patient_id": 99})
    with pytest.raises(LookupError, match=rf"^alert {found.id} belongs to no patient$"):
        run(lambda w: queue.alert_line(w, found))


def checkin(run, of, day, **answers):
    row = run(lambda s: s.checkins.add(samples.checkin(of.id, AT + day, State.DONE, opened_at=AT + day, closed_at=AT)))
    for question, choice in answers.items():
        run(lambda s, q=question, c=choice: s.answers.record(samples.answer(row.id, of.id, q, c)))
    return row


def assessed(run, row, answers, previous=None, baseline=None, at=AT):
    basis = Basis(form="quick", answers=answers, previous=previous, baseline=baseline, finished=True)
    found = samples.assessment(row.id, row.patient_id).model_copy(update={"basis": basis, "at": at})
    run(lambda s: s.assessments.add(found))


MILD, MEDIUM, STRONG = ("mild",), ("medium",), ("strong",)


@pytest.mark.parametrize(
    ("previous", "baseline", "before"),
    [
        ({"numbness": MILD}, {"numbness": MEDIUM}, "mild"),
        ({"numbness": ("skip",)}, {"numbness": MEDIUM}, "medium"),
        ({}, {"numbness": MEDIUM}, "medium"),
        (None, {"numbness": MEDIUM}, "medium"),
        (None, {"numbness": ("skip",)}, "none"),
        (None, None, "none"),
    ],
)
def test_change_is_against_the_last_answer_or_the_baseline(run, made, previous, baseline, before):
    row = checkin(run, made, timedelta(0))
    assessed(run, row, {"numbness": STRONG}, previous, baseline)
    (change,) = line(run, alert(run, made, checkin_id=row.id).id).changes
    assert change.model_dump() == {"question": "numbness", "before": before, "after": "strong", "days": None}


@pytest.mark.parametrize(
    "answers",
    [{"numbness": MILD}, {"numbness": ("none",)}, {"numbness": ("skip",)}, {"change": ("yes",)}, {"lost": ("yes",)}],
)
def test_change_for_the_better_or_without_a_scale_is_none(run, made, answers):
    row = checkin(run, made, timedelta(0))
    assessed(run, row, answers, {"numbness": MILD, "change": ("no",), "lost": ("no",)})
    assert line(run, alert(run, made, checkin_id=row.id).id).changes == ()


def test_changes_are_all_shown_that_got_worse(run, made):
    row = checkin(run, made, timedelta(0))
    answers = {"change": ("yes",), "numbness": STRONG, "stairs": ("some",), "interference": ("somewhat",)}
    assessed(run, row, answers, {"numbness": MILD, "stairs": ("some",)})
    seen = line(run, alert(run, made, checkin_id=row.id).id)
    assert [c.question for c in seen.changes] == ["numbness", "interference"]
    assert seen.summary == "numbness mild → strong, interference not_at_all → somewhat, week 3, first report"


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (6 * DAY, " in 6 days"),
        (36 * HOUR - MINUTE, " in 1 day"),
        (DAY, " in 1 day"),
        (11 * HOUR, " in 0 days"),
        (-DAY, " in 0 days"),
    ],
)
def test_change_says_how_many_days_lie_between(run, made, ago, words):
    checkin(run, made, -ago, numbness="mild")
    row = checkin(run, made, timedelta(0), numbness="strong")
    assessed(run, row, {"numbness": STRONG}, {"numbness": MILD})
    seen = line(run, alert(run, made, checkin_id=row.id).id)
    assert seen.summary == f"numbness mild → strong{words}, week 3, first report"


def test_change_counts_from_the_newest_check_in_with_that_answer(run, made):
    for days, answer in ((9, "mild"), (5, "mild"), (2, "medium")):
        checkin(run, made, -days * DAY, numbness=answer)
    row = checkin(run, made, timedelta(0), numbness="strong")
    checkin(run, made, DAY, numbness="mild")
    assessed(run, row, {"numbness": STRONG}, {"numbness": MILD})
    (change,) = line(run, alert(run, made, checkin_id=row.id).id).changes
    assert change.days == 5


def test_change_is_of_the_newest_assessment_of_the_alerts_check_in(run, made):
    row = checkin(run, made, timedelta(0))
    assessed(run, row, {"numbness": MEDIUM})
    assessed(run, row, {"numbness": STRONG}, at=AT + MINUTE)
    later = checkin(run, made, DAY)
    assessed(run, later, {"numbness": MILD}, at=AT + DAY)
    found = alert(run, made, checkin_id=row.id)
    assert [c.after for c in line(run, found.id).changes] == ["strong"]
    assert line(run, alert(run, made, rules=("asked_for_help",)).id).changes == ()


def test_assessment_without_a_basis_shows_the_rules(run, made):
    row = checkin(run, made, timedelta(0))
    run(lambda s: s.assessments.add(samples.assessment(row.id, made.id).model_copy(update={"basis": None})))
    assert line(run, alert(run, made, checkin_id=row.id, rules=("a",)).id).summary == "a, week 3, first report"


def test_queue_is_by_tier_overdue_declared_and_deadline(run, made):
    hour_ago = {"raised_at": AT - HOUR, "tier": Tier.URGENT}
    numbers = {
        "soon": alert(run, made, tier=Tier.SOON),
        "can wait": alert(run, made, tier=Tier.URGENT, declared="can_wait"),
        "plain later": alert(run, made, tier=Tier.URGENT, raised_at=AT + MINUTE),
        "plain": alert(run, made, tier=Tier.URGENT),
        "urgent": alert(run, made, tier=Tier.URGENT, raised_at=AT + MINUTE, declared="is_urgent"),
        "overdue can wait": alert(run, made, declared="can_wait", **hour_ago),
        "owned": alert(run, made, owner="ann", **hour_ago),
        "emergency": alert(run, made, tier=Tier.EMERGENCY, raised_at=AT + MINUTE),
    }
    names = {found.id: name for name, found in numbers.items()}
    seen = [names[x.id] for x in run(queue.queue, at=AT + MINUTE)]
    assert seen == ["emergency", "overdue can wait", "urgent", "owned", "plain", "plain later", "can wait", "soon"]
    assert [names[x.id] for x in run(lambda w: queue.queue(w, 2), at=AT + MINUTE)] == seen[:2]
    assert run(queue.count_open) == 8


@pytest.mark.parametrize(("hours", "day"), [(-11, -2), (-10, -1), (0, -1), (13, -1), (14, 0)])
def test_day_of_the_clinic_begins_at_its_midnight(clinic, hours, day):
    """In Berlin, 23:00 UTC is midnight."""
    assert queue.start_of_day(clinic, AT + hours * HOUR) == AT.replace(hour=23) + day * DAY


def test_week_counts_from_the_first_day_of_treatment(run, clinic, made):
    weeks = [queue.current_week(clinic, made, AT + days * DAY) for days in (-14, -8, -7, 0)]
    assert weeks == [1, 1, 2, 3]
