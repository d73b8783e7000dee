"""What staff do about levels: agree, set, confirm and reject; usual signs with two people; close watch; tasks."""

from datetime import timedelta

import pytest

from bot.app.concerns import (
    agreed_levels,
    agreeing,
    close_watch,
    follow_up,
    level_tasks,
    level_view,
    new_baseline,
    references,
    usual_signs,
)
from bot.app.concerns.memory import remember
from bot.app.patients import participation
from bot.app.ports.errors import RefusedError
from bot.core.concern_values import Level
from bot.core.happenings import KnownBefore
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life
from tests.app.concerns.test_cases import life as made_life
from tests.contract import samples

life = made_life
DAY = timedelta(days=1)
WHY = {"reason": "since surgery"}
USUAL = {**WHY, "decided_by": "Dr. Weiss"}


def staff(life: Life, use_case, *args, day=1.0, by="lead-1", **more):
    return life.run(use_case, *args, at=life.at(day), by=by, **more)


def member(life: Life, name, role="coordinator", state="active"):
    life.run(lambda s: s.staff.add(samples.staff(name, role=role, state=state)))


def line(life: Life, symptom, day=1.0):
    found = life.run(level_view.level_lines, life.anna.code, at=life.at(day))
    return next((each for each in found if each.symptom == symptom), None)


def decisions(life: Life):
    return life.run(lambda s: s.levels.of_patient(life.anna.id))


def known(life: Life, symptom, level, day=0.0, *, is_helper=False):
    said = KnownBefore(symptom=symptom, level=level, is_helper=is_helper)
    life.run(remember, life.patient(), (said,), at=life.at(day))


# -- agreed levels


def test_agreed_level_has_a_reason_and_settles_the_concern(life):
    life.check(0, numbness="medium")
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 28, reason="after platinum")
    (made,) = decisions(life)
    assert (made.kind, made.level, made.reason, made.made_by) == ("agreed", "medium", "after platinum", "lead-1")
    assert made.until == life.at(29)
    shown = line(life, "numbness")
    assert (shown.state, shown.agreed, shown.agreed_until, shown.reason) == (
        *("settled", "medium", life.at(29)),
        "after platinum",
    )


def test_agreed_level_of_a_sign_is_there(life):
    life.check(0, safety_new="yes", which_new="eyes")
    staff(life, agreeing.agree_level, life.anna.code, "eyes", "there", 7, **WHY)
    assert (life.state("eyes"), line(life, "eyes").agreed) == ("settled", "there")
    (row,) = life.run(lambda w: agreed_levels.active(w, life.anna.id), at=life.at(2))
    assert (row.question, row.level) == ("eyes", "there")


@pytest.mark.parametrize(
    ("symptom", "level", "days", "why"),
    [
        ("eyes", "mild", 7, "eyes has there"),
        ("help", "there", 7, "nor a sign"),
        ("breathing", "there", 7, "EMERGENCY: choose a lower level"),
        ("chair", "cannot", 7, "EMERGENCY: choose a lower level"),
        ("numbness", "mild", 29, "between 1 and 28"),
    ],
)
def test_agreed_level_that_cannot_be_is_refused(life, symptom, level, days, why):
    with pytest.raises(RefusedError, match=why):
        staff(life, agreeing.agree_level, life.anna.code, symptom, level, days, **WHY)
    assert decisions(life) == []


def test_k43_level_agreed_on_an_older_page_is_refused(life):
    life.check(0, numbness="mild")
    life.check(0.5, numbness="strong")
    with pytest.raises(RefusedError, match="reported it again since"):
        staff(life, agreeing.agree_level, life.anna.code, "numbness", "strong", 7, **WHY, shown_at=life.at(0.2))
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "strong", 7, **WHY, shown_at=life.at(0.8))
    assert life.state("numbness") == "settled"


@pytest.mark.parametrize(
    ("decide", "args", "more"),
    [
        (references.set_reference, ("strong",), WHY),
        (references.confirm_reference, (), {}),
        (references.reject_reference, (), {}),
    ],
)
def test_k43_reference_decided_on_an_older_page_is_refused(life, decide, args, more):
    known(life, "numbness", Level(Tier.SOON, 1), is_helper=True)
    life.check(0.5, numbness="strong")
    for page in (life.at(0.2), life.at(9)):
        with pytest.raises(RefusedError, match="reported it again since"):
            staff(life, decide, life.anna.code, "numbness", *args, **more, shown_at=page)
    assert life.state("numbness") == "open"
    staff(life, decide, life.anna.code, "numbness", *args, **more, shown_at=life.at(0.8))


def test_operator_decides_about_no_level(life):
    member(life, "op-1", "operator")
    for use_case, args in (
        (agreeing.agree_level, ("numbness", "mild", 7)),
        (agreeing.end_agreed_level, ("numbness",)),
        (references.set_reference, ("numbness", "mild")),
        (references.confirm_reference, ("numbness",)),
        (references.reject_reference, ("numbness",)),
        (new_baseline.take_baseline, ()),
        (close_watch.watch, (("numbness",), 7)),
        (close_watch.end_watch, ()),
    ):
        needs = WHY if use_case in {references.set_reference, close_watch.watch} else {}
        with pytest.raises(RefusedError, match="only they decide"):
            staff(life, use_case, life.anna.code, *args, by="op-1", **needs)


# -- usual EMERGENCY signs


def test_k13_usual_sign_is_agreed_for_91_days_by_two(life):
    member(life, "lead-1", "lead")
    member(life, "coord-1")
    made = staff(life, usual_signs.agree_usual_sign, life.anna.code, "bladder", "there", 91, **USUAL)
    assert (made.kind, line(life, "bladder").proposed_by) == ("proposed", "lead-1")
    assert line(life, "bladder").agreed is None, "not before a second person accepted it"
    with pytest.raises(RefusedError, match="second person"):
        staff(life, usual_signs.accept_usual_sign, life.anna.code, "bladder")
    done = staff(life, usual_signs.accept_usual_sign, life.anna.code, "bladder", by="coord-1", day=2)
    assert (done.made_by, done.closed_by, done.until) == ("lead-1", "coord-1", life.at(93))
    assert (done.reason, done.decided_by) == ("since surgery", "Dr. Weiss")
    shown = line(life, "bladder", 2)
    assert (shown.agreed, shown.proposed, shown.decided_by) == ("there", None, "Dr. Weiss")
    assert "call.emergency" in life.check(3, safety_now="yes", which_now="bladder"), "yes is worse than usual"


def test_usual_sign_needs_no_second_where_the_team_has_none(life):
    member(life, "lead-1", "lead")
    member(life, "op-1", "operator")
    member(life, "coord-2", state="gone")
    made = staff(life, usual_signs.agree_usual_sign, life.anna.code, "chair", "cannot", 91, **USUAL)
    assert (made.kind, made.until) == ("agreed", life.at(92))
    assert line(life, "chair").agreed == "cannot"


def test_usual_sign_that_was_declined_can_be_proposed_again(life):
    member(life, "lead-1", "lead")
    member(life, "coord-1")
    propose = (usual_signs.agree_usual_sign, life.anna.code, "bladder", "there", 91)
    staff(life, *propose, **USUAL)
    staff(life, usual_signs.decline_usual_sign, life.anna.code, "bladder", by="coord-1")
    with pytest.raises(RefusedError, match="waits for a second person"):
        staff(life, usual_signs.accept_usual_sign, life.anna.code, "bladder", by="coord-1")
    staff(life, *propose, **USUAL)
    staff(life, *propose, **USUAL, by="coord-1")
    with pytest.raises(RefusedError, match="a second person has to accept"):
        staff(life, usual_signs.accept_usual_sign, life.anna.code, "bladder", by="coord-1")


def test_proposal_expires(life):
    member(life, "lead-1", "lead")
    member(life, "coord-1")
    staff(life, usual_signs.agree_usual_sign, life.anna.code, "bladder", "there", 91, **USUAL)
    with pytest.raises(RefusedError, match="waits for a second person"):
        staff(life, usual_signs.accept_usual_sign, life.anna.code, "bladder", by="coord-1", day=15)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"symptom": "numbness", "level": "strong"}, "no EMERGENCY sign"),
        ({"level": "much"}, "EMERGENCY at there"),
        ({"days": 92}, "between 1 and 91"),
        ({"reason": " "}, "reason is missing"),
        ({"decided_by": " "}, "clinician who decided is missing"),
    ],
)
def test_usual_sign_that_cannot_be_is_refused(life, more, why):
    member(life, "lead-1", "lead")
    wanted = {"symptom": "bladder", "level": "there", "days": 91, **USUAL, **more}
    with pytest.raises(RefusedError, match=why):
        staff(life, usual_signs.agree_usual_sign, life.anna.code, **wanted)
    assert decisions(life) == []


@pytest.mark.parametrize("role", [None, "operator"])
def test_usual_sign_is_for_coordinators_and_leads(life, role):
    if role is not None:
        member(life, "lead-1", role)
    with pytest.raises(RefusedError, match="no coordinator or lead"):
        staff(life, usual_signs.agree_usual_sign, life.anna.code, "bladder", "there", 91, **USUAL)


def test_usual_sign_is_not_accepted_over_a_new_emergency(life):
    member(life, "lead-1", "lead")
    member(life, "coord-1")
    staff(life, usual_signs.agree_usual_sign, life.anna.code, "bladder", "there", 91, **USUAL)
    page = life.at(1.5)
    life.check(2, safety_now="yes", which_now="bladder")
    with pytest.raises(RefusedError, match="reported it again since"):
        staff(life, usual_signs.accept_usual_sign, life.anna.code, "bladder", by="coord-1", day=3, shown_at=page)
    assert life.state("bladder") == "open"


# -- reference levels


def test_reference_level_is_set_with_a_reason(life):
    life.check(0, numbness="strong")
    staff(life, references.set_reference, life.anna.code, "numbness", "strong", **WHY)
    shown = line(life, "numbness")
    assert (shown.state, shown.reference, shown.reason) == ("settled", "strong", "since surgery")
    assert line(life, "numbness", 300).reference == "strong", "it has no end date"


def test_reference_level_replaces_an_agreed_one(life):
    life.check(0, numbness="mild")
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 7, **WHY)
    staff(life, references.set_reference, life.anna.code, "numbness", "mild", **WHY)
    assert life.run(lambda w: agreed_levels.active(w, life.anna.id), at=life.at(1)) == []
    shown = line(life, "numbness")
    assert (shown.reference, shown.agreed) == ("mild", None)


def test_reference_level_none_makes_the_next_answer_count(life):
    staff(life, references.set_reference, life.anna.code, "numbness", "mild", **WHY)
    staff(life, references.set_reference, life.anna.code, "numbness", "none", **WHY)
    life.check(3, numbness="mild")
    assert life.state("numbness") == "open"


@pytest.mark.parametrize(
    ("symptom", "level", "more", "why"),
    [
        ("breathing", "there", WHY, "never a reference level"),
        ("chair", "cannot", WHY, "never a reference level"),
        ("numbness", "huge", WHY, "numbness has none, mild"),
        ("numbness", "mild", {"reason": ""}, "reason is missing"),
        ("help", "there", WHY, "has no reference level"),
    ],
)
def test_reference_level_that_cannot_be_is_refused(life, symptom, level, more, why):
    with pytest.raises(RefusedError, match=why):
        staff(life, references.set_reference, life.anna.code, symptom, level, **more)


def test_level_that_the_patient_named_is_confirmed(life):
    known(life, "numbness", Level(Tier.URGENT, 3))
    assert (line(life, "numbness").reference, line(life, "numbness").is_for_decision) == ("strong", True)
    staff(life, references.confirm_reference, life.anna.code, "numbness")
    shown = line(life, "numbness", 30)
    assert (shown.reference, shown.confirm_until, shown.is_for_decision) == ("strong", None, False)
    with pytest.raises(RefusedError, match="waits to be confirmed"):
        staff(life, references.confirm_reference, life.anna.code, "numbness")


def test_level_that_nobody_confirmed_in_time_can_still_be(life):
    known(life, "numbness", Level(Tier.URGENT, 3))
    life.check(9, numbness="none")
    assert (life.state("numbness"), line(life, "numbness", 9).is_ended) == ("open", True)
    staff(life, references.confirm_reference, life.anna.code, "numbness", day=9)
    assert (life.state("numbness"), line(life, "numbness", 9).reference) == ("settled", "strong")


@pytest.mark.parametrize(
    ("decide", "reference"), [(references.confirm_reference, "medium"), (references.reject_reference, None)]
)
def test_agreement_that_ended_unnoticed_is_decided(life, decide, reference):
    life.check(0, numbness="medium")
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 7, **WHY)
    assert (line(life, "numbness", 9).is_ended, line(life, "numbness", 9).needs_staff) == (True, True)
    staff(life, decide, life.anna.code, "numbness", day=9)
    assert (line(life, "numbness", 9).reference, line(life, "numbness", 9).needs_staff) == (reference, False)


def test_level_that_the_patient_named_is_rejected(life):
    known(life, "numbness", Level(Tier.SOON, 1), is_helper=True)
    staff(life, references.reject_reference, life.anna.code, "numbness", reason="new since March")
    assert (life.state("numbness"), line(life, "numbness").reference) == ("open", None)
    assert "call.soon" in life.check(2, numbness="mild")
    with pytest.raises(RefusedError, match="nothing was rejected"):
        staff(life, references.reject_reference, life.anna.code, "numbness")


def test_new_baseline_is_sent_and_sets_no_reference(life):
    row = staff(life, new_baseline.take_baseline, life.anna.code)
    assert (row.value.form, row.kind) == ("baseline", "baseline")
    life.check(1, start=False, numbness="medium", known_before="yes_known")
    life.check(2, "baseline", numbness="strong", known_before="yes_known")
    assert line(life, "numbness", 2).reference in {None, "medium"}, "the first baseline's word only"


def test_new_baseline_needs_an_active_patient(life):
    life.run(participation.withdraw, life.anna.code)
    with pytest.raises(RefusedError, match="nothing was sent"):
        staff(life, new_baseline.take_baseline, life.anna.code)


# -- close watch


def test_close_watch_names_symptoms_until_its_end(life):
    staff(life, close_watch.watch, life.anna.code, ("numbness", "eyes"), 14, reason="steroid taper")

    def watched(day):
        return life.run(lambda w: follow_up.close_watch_of(w, life.anna), at=life.at(day))

    assert watched(1) == watched(14.9) == {"numbness", "eyes"}
    assert watched(15) == frozenset()
    staff(life, close_watch.watch, life.anna.code, ("eyes",), 28, reason="steroid taper", day=2)
    assert watched(20) == {"eyes"}
    assert line(life, "eyes", 20).watched_until == life.at(30)
    staff(life, close_watch.end_watch, life.anna.code, ("numbness",), day=3)
    assert watched(4) == {"eyes"}
    staff(life, close_watch.end_watch, life.anna.code, day=5)
    assert watched(5) == frozenset()
    with pytest.raises(RefusedError, match="nothing was ended"):
        staff(life, close_watch.end_watch, life.anna.code, day=5)


@pytest.mark.parametrize(
    ("symptoms", "days", "reason", "why"),
    [
        (("numbness",), 29, "x", "between 1 and 28"),
        (("help",), 7, "x", "no symptom with a question"),
        ((), 7, "x", "no symptom is named"),
        (("numbness",), 7, "", "reason is missing"),
        (("numbness",), 7, "x" * 201, "longer than 200"),
    ],
)
def test_close_watch_that_cannot_be_is_refused(life, symptoms, days, reason, why):
    with pytest.raises(RefusedError, match=why):
        staff(life, close_watch.watch, life.anna.code, symptoms, days, reason=reason)


# -- tasks


def tasks(life: Life, day=1.0):
    life.run(level_tasks.open_level_tasks, life.patient(), at=life.at(day))
    return [task.kind for task in life.run(lambda s: s.tasks.open(life.anna.id)) if "usual" not in task.kind]


def done(life: Life, day):
    for task in life.run(lambda s: s.tasks.open(life.anna.id)):
        life.run(lambda s, n=task.id: s.tasks.close(n, life.at(day)))


def test_level_that_waits_for_staff_is_a_task_once(life):
    known(life, "numbness", Level(Tier.URGENT, 3))
    assert tasks(life) == tasks(life) == ["confirm_reference"]
    done(life, 2)
    assert tasks(life, 3) == []
    known(life, "stairs", Level(Tier.URGENT, 2), day=4)
    assert tasks(life, 5) == ["confirm_reference"], "another level waits"
    staff(life, references.confirm_reference, life.anna.code, "stairs", day=5)
    staff(life, references.reject_reference, life.anna.code, "numbness", day=5)
    assert tasks(life, 5) == []


def test_agreement_is_a_task_seven_days_before_its_end(life):
    life.check(0, numbness="medium")
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 28, **WHY)
    assert tasks(life, 21.9) == []
    assert tasks(life, 22) == ["agreement_ends"]
    done(life, 23)
    assert tasks(life, 24) == []
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 28, **WHY, day=24)
    assert tasks(life, 30) == []
    assert tasks(life, 45) == ["agreement_ends"]
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 28, **WHY, day=46)
    assert tasks(life, 46) == [], "renewed: nothing to do"


def test_agreement_that_ended_below_the_reference_needs_no_decision(life):
    staff(life, references.set_reference, life.anna.code, "numbness", "mild", **WHY)
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 14, **WHY)
    life.check(2, numbness="mild")
    assert tasks(life, 16) == []
    assert not line(life, "numbness", 16).needs_staff


def test_short_agreement_is_a_task_of_its_own(life):
    life.check(0, numbness="mild")
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "mild", 3, **WHY)
    assert tasks(life, 1) == ["agreement_ends"]
    done(life, 1.5)
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "mild", 5, **WHY, day=2)
    assert tasks(life, 2.5) == ["agreement_ends"]


def test_usual_sign_is_a_task_for_the_second_person(life):
    member(life, "lead-1", "lead")
    member(life, "coord-1")
    staff(life, usual_signs.agree_usual_sign, life.anna.code, "bladder", "there", 91, **USUAL)
    assert tasks(life) == ["second_person"]
    staff(life, usual_signs.accept_usual_sign, life.anna.code, "bladder", by="coord-1", day=2)
    assert tasks(life, 2) == []


def test_patient_who_left_has_no_tasks_about_levels(life):
    known(life, "numbness", Level(Tier.URGENT, 3))
    life.run(participation.withdraw, life.anna.code)
    assert tasks(life) == []


def test_nothing_of_a_decision_is_in_the_audit_or_a_task(life):
    staff(life, agreeing.agree_level, life.anna.code, "numbness", "medium", 28, reason="after platinum")
    staff(life, close_watch.watch, life.anna.code, ("eyes",), 14, reason="steroid taper")
    lines = life.run(lambda s: s.audit.lines(limit=200))
    text = " ".join(f"{each.action} {each.subject} {dict(each.detail)}" for each in lines)
    assert not [word for word in ("numbness", "medium", "platinum", "eyes", "steroid") if word in text]
