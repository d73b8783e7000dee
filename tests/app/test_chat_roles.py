"""The role of a chat: whose chat it is decides, with the patient first, then their caregivers, then the team."""

import pytest

from bot.app.chat_roles import role_of
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
