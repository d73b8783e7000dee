from bot.core.checkin import State
from bot.core.protocol import Tier
from tests.contract.samples import AT, MINUTE, answer, assessment, checkin, patient, protocol_file


def _patient(database, code="P-0001"):
    return database.run(lambda s: s.patients.add(patient(code))).id


def _checkin(database, patient_id, **changes):
    return database.run(lambda s: s.checkins.add(checkin(patient_id, **changes)))


def test_a_checkin_comes_back_as_stored(database):
    one = _patient(database)
    full = {"kind": "worse", "closed_at": AT, "reminders": 2, "next_action_at": AT, "silent_at": AT + MINUTE}
    full["remind_at"] = AT + 2 * MINUTE
    added = _checkin(database, one, **full)
    assert added.id > 0
    assert database.run(lambda s: s.checkins.get(added.id)) == added
    assert database.run(lambda s: s.checkins.get(added.id + 1)) is None


def test_every_field_of_a_checkin_is_overwritten(database):
    added = _checkin(database, _patient(database))
    value = {"state": State.STOPPED, "revision": 9, "asked_revision": 8, "cursor": "which", "form": "baseline"}
    tiers = {"raised": Tier.EMERGENCY, "acted_on": Tier.URGENT}
    timestamps = {"closed_at": AT, "next_action_at": AT + MINUTE, "silent_at": AT, "opened_at": AT - MINUTE}
    timestamps["remind_at"] = AT + 3 * MINUTE
    changed = added.model_copy(
        update={"value": added.value.model_copy(update=value | tiers), "reminders": 1, **timestamps}
    )
    changed = database.run(lambda s: s.checkins.save(changed))
    assert database.run(lambda s: s.checkins.get(added.id)) == changed


def test_one_checkin_for_a_patient_and_due_time(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    assert _checkin(database, one) is not None
    assert _checkin(database, one) is None
    assert _checkin(database, one, due_at=AT + MINUTE) is not None
    assert _checkin(database, other) is not None
    assert len(database.run(lambda s: s.checkins.of_patient(one))) == 2


def test_checkins_of_one_form_are_the_patients_newest_first(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    first = _checkin(database, one)
    form = first.value.form
    value = first.value.model_copy(update={"form": "baseline"})
    second = _checkin(database, one, due_at=AT + MINUTE, value=value)
    third = _checkin(database, one, due_at=AT + 2 * MINUTE)
    _checkin(database, other)
    assert [row.id for row in database.run(lambda s: s.checkins.of_form(one, form))] == [third.id, first.id]
    assert database.run(lambda s: s.checkins.of_form(one, "baseline")) == [second]


def test_the_answers_of_a_checkin_are_the_current_ones(database):
    one = _patient(database)
    row = _checkin(database, one)
    first = database.run(lambda s: s.answers.record(answer(row.id, one, "signs", "balance", "eyelid")))
    database.run(lambda s: s.answers.record(answer(row.id, one, "change", "no")))
    later = database.run(
        lambda s: s.answers.record(answer(row.id, one, "change", "yes", at=AT + MINUTE, caregiver_id=4))
    )
    assert database.run(lambda s: s.checkins.get(row.id)).value.answers == {
        "signs": ("balance", "eyelid"),
        "change": ("yes",),
    }
    history = database.run(lambda s: s.answers.of_checkin(row.id))
    assert [(a.question, a.choices, a.superseded_at) for a in history] == [
        ("signs", ("balance", "eyelid"), None),
        ("change", ("no",), AT + MINUTE),
        ("change", ("yes",), None),
    ]
    assert (history[0], history[2]) == (first, later)


def test_a_forgotten_answer_stays_on_record(database):
    one = _patient(database)
    row = _checkin(database, one)
    other = _checkin(database, one, due_at=AT + MINUTE)
    for which in (row, other):
        database.run(lambda s, w=which: s.answers.record(answer(w.id, one, "change", "yes")))
    database.run(lambda s: s.answers.supersede(row.id, "change", AT + MINUTE))
    assert database.run(lambda s: s.checkins.get(row.id)).value.answers == {}
    assert [a.superseded_at for a in database.run(lambda s: s.answers.of_checkin(row.id))] == [AT + MINUTE]
    assert database.run(lambda s: s.checkins.get(other.id)).value.answers == {"change": ("yes",)}


def test_the_open_checkin_is_one_that_still_asks(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    assert database.run(lambda s: s.checkins.open_of(one)) is None
    for n, state in enumerate((State.DONE, State.EXPIRED, State.REPLACED)):
        _checkin(database, one, due_at=AT + n * MINUTE, state=state)
    assert database.run(lambda s: s.checkins.open_of(one)) is None
    for n, state in enumerate((State.ASKING, State.PAUSED, State.STOPPED)):
        row = _checkin(database, one, due_at=AT - (n + 1) * MINUTE, state=state)
        database.run(lambda s, r=row: s.answers.record(answer(r.id, one, "change", "yes")))
        found = database.run(lambda s: s.checkins.open_of(one))
        assert (found.id, found.value.answers) == (row.id, {"change": ("yes",)})
    assert database.run(lambda s: s.checkins.open_of(other)) is None


def test_checkins_are_listed_newest_first(database):
    one = _patient(database)
    rows = [_checkin(database, one, due_at=AT + n * MINUTE) for n in range(3)]
    database.run(lambda s: s.answers.record(answer(rows[1].id, one, "change", "no")))
    listed = database.run(lambda s: s.checkins.of_patient(one, limit=2))
    assert [row.id for row in listed] == [rows[2].id, rows[1].id]
    assert [row.value.answers for row in listed] == [{}, {"change": ("no",)}]


def test_open_checkins_are_stepped_oldest_first(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    step = lambda minutes: {"next_action_at": AT + minutes * MINUTE}  # noqa: E731
    late = _checkin(database, one, **step(-1))
    oldest = _checkin(database, other, **step(-2))
    now = _checkin(database, other, due_at=AT + MINUTE, state=State.PAUSED, **step(0))
    _checkin(database, other, due_at=AT + 2 * MINUTE, **step(1))
    _checkin(database, other, due_at=AT + 3 * MINUTE)
    _checkin(database, other, due_at=AT + 4 * MINUTE, state=State.DONE, **step(-5))
    database.run(lambda s: s.answers.record(answer(late.id, one, "change", "no")))
    found = database.run(lambda s: s.checkins.due(AT, 10))
    assert [row.id for row in found] == [oldest.id, late.id, now.id]
    assert found[1].value.answers == {"change": ("no",)}
    assert [row.id for row in database.run(lambda s: s.checkins.due(AT, 1))] == [oldest.id]


def test_answers_are_compared_with_the_last_finished_checkin(database):
    one, other = _patient(database, "one"), _patient(database, "other")
    assert database.run(lambda s: (s.answers.last_finished(one, 99), s.answers.baseline(one))) == ([], None)
    ids = []
    for n, (form, state) in enumerate(
        (("baseline", State.DONE), ("quick", State.DONE), ("quick", State.EXPIRED), ("baseline", State.ASKING))
    ):
        row = _checkin(database, one, due_at=AT + n * MINUTE, form=form, state=state)
        database.run(lambda s, r=row, n=n: s.answers.record(answer(r.id, one, "numb", f"c{n}")))
        ids.append(row.id)
    database.run(lambda s: s.answers.record(answer(ids[1], one, "numb", "changed")))
    both = [("quick", {"numb": ("changed",)}), ("baseline", {"numb": ("c0",)})]
    assert database.run(lambda s: s.answers.last_finished(one, ids[3])) == both
    assert database.run(lambda s: s.answers.last_finished(one, ids[1])) == [("baseline", {"numb": ("c0",)})]
    assert database.run(lambda s: s.answers.last_finished(one, ids[0])) == []
    assert database.run(lambda s: s.answers.baseline(one)) == {"numb": ("c0",)}
    assert database.run(lambda s: (s.answers.last_finished(other, 99), s.answers.baseline(other))) == ([], None)


def test_a_finished_checkin_without_answers_is_one(database):
    one = _patient(database)
    row = _checkin(database, one, state=State.DONE)
    assert database.run(lambda s: s.answers.last_finished(one, row.id + 1)) == [("quick", {})]


def test_assessments_come_back_as_stored_newest_first(database):
    one = _patient(database)
    row = _checkin(database, one)
    first = database.run(lambda s: s.assessments.add(assessment(row.id, one)))
    assert first.basis is not None
    bare = {"rules": (), "tier": Tier.ROUTINE, "final": True, "complete": False, "basis": None}
    later = first.model_copy(update=bare)
    second = database.run(lambda s: s.assessments.add(later))
    assert database.run(lambda s: s.assessments.of_patient(one)) == [second, first]
    assert database.run(lambda s: s.assessments.of_patient(one, limit=1)) == [second]
    assert second.id > first.id


def test_of_each_form_the_newest_finished_counts_newest_first(database):
    one, other = _patient(database, "one"), _patient(database, "other")

    def finished(who, minutes, form, state=State.DONE):
        row = _checkin(database, who, due_at=AT + minutes * MINUTE, form=form, state=state)
        database.run(lambda s: s.answers.record(answer(row.id, who, "numb", f"{form}{minutes}")))
        return row.id

    # By when it was asked, not by when it was due: what was added last is the newest.
    finished(one, 9, "full")
    finished(one, 8, "quick")
    full = finished(one, 7, "full")
    finished(other, 6, "follow_up")
    quick = finished(one, 5, "quick")
    finished(one, 4, "follow_up", State.EXPIRED)
    now = finished(one, 3, "full", State.ASKING)
    assert database.run(lambda s: s.answers.last_finished(one, now)) == [
        ("quick", {"numb": ("quick5",)}),
        ("full", {"numb": ("full7",)}),
    ]
    database.run(lambda s: s.answers.supersede(quick, "numb", AT))
    assert database.run(lambda s: s.answers.last_finished(one, now))[0] == ("quick", {})
    before_full = database.run(lambda s: s.answers.last_finished(one, full))
    assert before_full == [("quick", {"numb": ("quick8",)}), ("full", {"numb": ("full9",)})]


def test_a_protocol_is_kept_once_as_it_was_first(database):
    assert database.run(lambda s: s.protocols.get("abc")) is None
    first, other = protocol_file(), protocol_file("def")
    for row in (first, other, first.model_copy(update={"first_used_at": AT + MINUTE, "content": b"changed"})):
        database.run(lambda s, r=row: s.protocols.keep(r))
    assert database.run(lambda s: (s.protocols.get("abc"), s.protocols.get("def"))) == (first, other)
