"""What the start state of every run holds: a clinic at work, with each thing there that a use case may act on.

Anna has a red flag (alert "flag", open, escalating), a finished check-in, an open one, and a task for having skipped a
question twice; Klara a call for help ("help", acknowledged and noted), Jana an old alert ("old", closed). Berta is in
mid-check-in with a caregiver, an alert about her numbness, a reminder and a check-in due; Fritz is at his last question,
which he skipped yesterday. Carla is invited and has two treatment periods, Dora enrolls, Emil has left (but a check-in
of his is still open), Paula is in a pause, at the hospital, with an open check-in and an alert that nobody could be
notified of, and is to be asked whether she is home; Gerda has been silent for three days, and her acknowledged alert still escalates; what is remembered of these two is converted
when it is first read. Heidi is asked for consent, Ida's check-in is a day late, Jana's reminder is due in her quiet
hours, Klara's after an answer that worries (her safety screens are seven hours old), Luise's in an hour.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.messages import Claim
from bot.app.records.operations import Place
from bot.app.records.patients import Patient

NOW = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)
"""10:20 in Berlin: the digest is due, and so is the check-in of 10:00."""
ANNA, BERTA, CARLA, DORA, EMIL, FRITZ, PAULA, GERDA = 11, 12, 13, 14, 15, 16, 17, 18
HEIDI, IDA, JANA, KLARA, LUISE = 41, 42, 43, 44, 45
HELPER, ASKED_HELPER = 22, 23
LEAD, COORDINATOR, OPERATOR, NEWCOMER, ABSENT = 31, 32, 33, 34, 35
STRANGER = 99
SENDER = "sender-1"
PASSWORD = "a long enough password"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CREDENTIAL = "a2V5"
"""The credential of the lead's passkey."""
CODES = {
    ANNA: "ANNA",
    BERTA: "BERTA",
    CARLA: "CARLA",
    DORA: "DORA",
    EMIL: "EMIL",
    FRITZ: "FRITZ",
    PAULA: "PAULA",
    GERDA: "GERDA",
    HEIDI: "HEIDI",
    IDA: "IDA",
    JANA: "JANA",
    KLARA: "KLARA",
    LUISE: "LUISE",
}


@dataclass(frozen=True)
class Scene:
    """What the use cases need to know of the start state: numbers and tokens."""

    patients: dict[int, Patient]
    """By chat."""
    alerts: dict[str, AlertRow]
    open: dict[int, CheckInRow]
    """By chat."""
    finished: CheckInRow
    tokens: dict[str, str]
    claims: dict[int, Claim]
    """What a sender has in flight, by chat."""
    numbers: dict[str, int]
    due: dict[str, list[Place]]
    """Where the rows that are due lie, by sweep."""
