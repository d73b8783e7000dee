"""The roles of a chat: what arrives acts in one, the patient's own first, then a caregiver's, then the team's."""

import pytest

from bot.app.chat_roles import role_of, roles_of, team_member
from bot.app.records.patients import PatientState
from bot.dialog.taps import writing_role
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run

CAREGIVER, MEMBER, INVITED, BOTH, NOBODY = 8, 50, 51, 7, 99


@pytest.fixture
def role(database, clinic, anna):
    run(database, clinic, lambda s: s.caregivers.add(samples.caregiver(anna.id, state="active", chat_id=CAREGIVER)))
    run(database, clinic, lambda s: s.staff.add(samples.staff("ann", state="active", chat_id=MEMBER)))
    run(database, clinic, lambda s: s.staff.add(samples.staff("ben", state="invited", chat_id=INVITED)))
    run(database, clinic, lambda s: s.staff.add(samples.staff("cleo", state="active", chat_id=BOTH)))

    def found(chat, use_case=role_of):
        return run(database, clinic, use_case, chat, at=AT)

    return found


def described(role):
    caregiver = role.patient.caregiver if role.patient is not None else None
    return (
        role.patient.code if role.patient is not None else None,
        caregiver is not None,
        role.staff.name if role.staff is not None else None,
    )


@pytest.mark.parametrize("use_case", [role_of, writing_role])
@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        (BOTH, ("P-0001", False, None)),
        (CAREGIVER, ("P-0001", True, None)),
        (MEMBER, (None, False, "ann")),
        (INVITED, (None, False, None)),
        (NOBODY, (None, False, None)),
    ],
)
def test_chat_has_one_role(role, chat, expected, use_case):
    assert described(role(chat, use_case)) == expected


@pytest.fixture
def wife(database, clinic, role, anna):
    """A patient who is a coordinator and Anna's caregiver."""
    made = samples.patient("P-0002", state="active", chat_id=CAREGIVER)
    patient = run(database, clinic, lambda s: s.patients.add(made))
    run(database, clinic, lambda s: s.staff.add(samples.staff("dora", state="active", chat_id=CAREGIVER)))
    return patient


def test_chat_with_every_role_acts_as_its_own_patient_unless_the_other_is_named(role, anna, wife):
    assert described(role(CAREGIVER)) == ("P-0002", False, None)
    for named, expected in ((anna.id, ("P-0001", True, None)), (wife.id, ("P-0002", False, None))):
        assert described(role(CAREGIVER, lambda s, chat, n=named: role_of(s, chat, lambda: n))) == expected


def test_patient_who_left_comes_last(database, clinic, role, anna, wife):
    run(database, clinic, lambda s: s.patients.save(wife.model_copy(update={"state": PatientState.WITHDRAWN})))
    assert described(role(CAREGIVER)) == ("P-0001", True, None)
    caregiver = run(database, clinic, lambda s: s.caregivers.by_chat(CAREGIVER))
    run(database, clinic, lambda s: s.caregivers.save(caregiver.model_copy(update={"state": "ended", "chat_id": None})))
    assert described(role(CAREGIVER)) == (None, False, "dora")
    member = run(database, clinic, lambda s: s.staff.by_name("dora"))
    run(database, clinic, lambda s: s.staff.save(member.model_copy(update={"state": "gone", "chat_id": None})))
    assert described(role(CAREGIVER)) == ("P-0002", False, None)


def test_every_role_of_a_chat_is_found(role, anna, wife):
    found = role(CAREGIVER, roles_of)
    assert (found.own.id, found.helped.id, found.staff.name) == (wife.id, anna.id, "dora")
    assert found.taking_part == found.own
    assert role(CAREGIVER, team_member).name == "dora"
    assert role(NOBODY, team_member) is None
