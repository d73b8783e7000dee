"""Records to store, filled in every field, so that a field without a column is noticed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bot.app.records.alerts import AgreedLevel, AlertRow, AlertState, Task
from bot.app.records.checkins import AnswerRow, AssessmentRow, Basis, CheckInRow, StoredProtocol, TipShown
from bot.app.records.levels import CloseWatch, LevelDecision
from bot.app.records.messages import Lane, Outbox
from bot.app.records.operations import DeadUpdate, WeekReport
from bot.app.records.patients import Caregiver, Consent, Invite, Patient, PatientState, TreatmentPeriod
from bot.app.records.team import CoverRow, Passkey, Session, ShiftRow, Staff
from bot.core.checkin import CheckIn, State
from bot.core.follow_up import FollowUp
from bot.core.plan_override import ExtraCheckIn, PlanOverride, Rhythm
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.core.screen import Action, Button, Contact, Screen, Style, Text
from bot.core.treatment import StopReason

AT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PROTOCOL = {"protocol_name": "ici", "protocol_version": "1.0", "protocol_hash": "abc"}


def period(start: date, stop: date | None = None, reason: StopReason | None = None, **changes: Any) -> TreatmentPeriod:
    values = {"start": start, "stop": stop, "stop_reason": reason, "recorded_at": AT, "recorded_by": "operator"}
    return TreatmentPeriod(**values | changes)


def patient(code: str = "P-0001", *, ici_start: date = date(2026, 2, 1), **changes: Any) -> Patient:
    """Return a patient with one treatment period unless `periods` are given."""
    values: dict[str, Any] = {
        "code": code,
        "send_time": time(10, 30),
        "quiet_from": time(21),
        "quiet_to": time(8, 15),
        "periods": (period(ici_start),),
        "plan": "standard",
        "created_at": AT,
    }
    return Patient(**values | changes)


def full_patient(code: str = "P-0002") -> Patient:
    return patient(
        code,
        state=PatientState.ACTIVE,
        chat_id=-1_001_234_567_890,
        language="ru",
        timezone="Europe/Berlin",
        periods=(period(date(2026, 2, 1), date(2026, 9, 1), drug="pembrolizumab"),),
        regimen="combination",
        pauses=(
            Pause(first=date(2026, 4, 1), last=date(2026, 4, 7), reason="holiday"),
            Pause(first=date(2026, 5, 1), last=date(2026, 5, 1)),
        ),
        plan_override=PlanOverride(
            rhythms=(Rhythm(first_day=3, last_day=9, every=2), Rhythm(first_day=20, every=5)),
            weekdays=(0, 2, 4),
            extras=(ExtraCheckIn(day=date(2026, 4, 9)),),
        ),
        jitter=-312,
        enrol_step="zone:Europe",
        enrol_revision=7,
        next_due_at=AT + MINUTE,
        unreachable_at=AT,
        follow_up=FollowUp(
            groups=("motor", "bulbar"),
            since=date(2026, 3, 1),
            steady=True,
        ),
        hint_sent_at=AT - MINUTE,
        ask_home_at=AT + MINUTE,
        second_chat_id=7_123_456_789,
        phone_move="moved",
        history_from=AT - MINUTE,
        undo_until=AT + 2 * MINUTE,
        goodbye_at=AT + 2 * MINUTE,
        unanswered=4,
        rests_until=date(2026, 3, 9),
    )


def caregiver(patient_id: int, hashed: str = "c1", **changes: Any) -> Caregiver:
    values: dict[str, Any] = {"token_hash": hashed, "expires_at": AT, "language": "en", "invited_at": AT}
    return Caregiver(patient_id=patient_id, **values | changes)


def full_caregiver(patient_id: int, hashed: str = "c2", chat_id: int = 8_123_456_789) -> Caregiver:
    return caregiver(
        patient_id,
        hashed,
        state="active",
        chat_id=chat_id,
        language="es",
        agreed_at=AT + MINUTE,
        ended_at=AT + 2 * MINUTE,
        hint_sent_at=AT + 3 * MINUTE,
    )


def active(code: str, due: datetime, **changes: Any) -> Patient:
    return patient(code, state=PatientState.ACTIVE, next_due_at=due, **changes)


def checkin(patient_id: int, due_at: datetime = AT, state: State = State.ASKING, **changes: Any) -> CheckInRow:
    value = CheckIn(
        form=changes.pop("form", "quick"),
        state=state,
        revision=3,
        asked_revision=2,
        cursor=None if state is State.DONE else "change",
        answers={},
        raised=Tier.SOON,
        acted_on=Tier.ROUTINE,
    )
    values: dict[str, Any] = {"kind": "scheduled", "due_at": due_at, "opened_at": AT, "value": value} | PROTOCOL
    return CheckInRow(patient_id=patient_id, **values | changes)


def answer(checkin_id: int, patient_id: int, question: str, *choices: str, at: datetime = AT, **more: Any) -> AnswerRow:
    values = {"question": question, "choices": choices, "given_at": at} | more
    return AnswerRow(checkin_id=checkin_id, patient_id=patient_id, **values)


def assessment(checkin_id: int, patient_id: int) -> AssessmentRow:
    return AssessmentRow(
        checkin_id=checkin_id,
        patient_id=patient_id,
        tier=Tier.URGENT,
        rules=("double_vision", "numb.worse"),
        complete=True,
        final=False,
        at=AT,
        basis=Basis(
            form="quick",
            answers={"change": ("yes",), "signs": ("balance", "eyelid")},
            previous={"change": ("no",)},
            baseline={},
            finished=False,
        ),
        **PROTOCOL,
    )


def protocol_file(content_hash: str = "abc") -> StoredProtocol:
    return StoredProtocol(
        content_hash=content_hash, name="ici", version="1.0", content=b"id: ici\n\x00\xff", first_used_at=AT
    )


def alert(patient_id: int, checkin_id: int | None = None, **changes: Any) -> AlertRow:
    values: dict[str, Any] = {"tier": Tier.EMERGENCY, "rules": ("breathing",), "raised_at": AT}
    return AlertRow(patient_id=patient_id, checkin_id=checkin_id, **values | changes)


def full_alert(patient_id: int, checkin_id: int) -> AlertRow:
    return alert(
        patient_id,
        checkin_id,
        state=AlertState.UNCONFIRMED,
        safety_follow_ups=2,
        next_patient_prompt_at=AT + MINUTE,
        last_reply="not_yet",
        replied_at=AT,
        mistake_at=AT + MINUTE,
        declared="is_urgent",
        caregiver_id=4,
        owner="lead-2",
        acknowledged_at=AT,
        outcome="notified_oncologist",
        noted_at=AT + MINUTE,
        closed_by="lead-1",
        closed_at=AT + MINUTE,
        notified=("lead-1", "lead-2"),
        escalation_level=2,
        clock_from=AT - MINUTE,
        next_escalation_at=AT + MINUTE,
        is_agreed=True,
        work_revision=3,
    )


def invite(patient_id: int, hashed: str = "h1") -> Invite:
    return Invite(patient_id=patient_id, token_hash=hashed, expires_at=AT, used_at=AT, revoked_at=AT + MINUTE)


def consent(patient_id: int) -> Consent:
    values = {"version": "2", "text_hash": "f00", "language": "es", "given_at": AT, "withdrawn_at": AT + MINUTE}
    return Consent(patient_id=patient_id, **values)


def task(patient_id: int | None, subject: str = "P-0001", **changes: Any) -> Task:
    return Task(**{"kind": "unreachable", "patient_id": patient_id, "subject": subject, "raised_at": AT} | changes)


def tip_shown(patient_id: int, tip: str = "bath") -> TipShown:
    return TipShown(patient_id=patient_id, tip=tip, shown_at=AT)


def dead_update(update_id: int | None = 7, **changes: Any) -> DeadUpdate:
    values: dict[str, Any] = {"raw": '{"a": "ü"}', "error": "KeyError at x:1", "at": AT}
    return DeadUpdate(update_id=update_id, **values | changes)


def screen(name: str = "question") -> Screen:
    return Screen(
        name=name,
        lines=(Text(key="ask", values={"n": 3, "what": Text(key="hands"), "word": "5"}),),
        rows=((Button(label=Text(key="yes"), action=Action(kind="choose", subject=4, revision=2, choice="yes")),),
              (Button(label=Text(key="copy"), copy_value="+4930901820", style=Style.DANGER),)),
        protect=True,
        contact=Contact(number="+4930901820", name="Team"),
    )  # fmt: skip


def message(chat_id: int = 77, slot: str = "checkin:1", mode: str = "new", revision: int = 0, **changes: Any) -> Outbox:
    values: dict[str, Any] = {
        "patient_id": None,
        "language": "en",
        "lane": Lane.REPLY,
        "screen": screen(),
        "created_at": AT,
        "not_before": AT,
        "not_after": None,
    }
    return Outbox(chat_id=chat_id, slot=slot, mode=mode, revision=revision, **values | changes)  # type: ignore[arg-type]


def staff(name: str = "lead-1", **changes: Any) -> Staff:
    values: dict[str, Any] = {"role": "lead", "language": "en", "added_at": AT}
    return Staff(name=name, **values | changes)


def full_staff(name: str = "coord-1", chat_id: int = 8_000_000_123) -> Staff:
    return staff(
        name,
        role="coordinator",
        state="gone",
        language="es",
        token_hash="s1",
        expires_at=AT,
        chat_id=chat_id,
        joined_at=AT + MINUTE,
        unreachable_at=AT + 2 * MINUTE,
        left_at=AT + 3 * MINUTE,
        password_hash="$argon2id$x",
        totp_secret="JBSWY3DPEHPK3PXP",
        totp_step=58_000_000,
        failures=2,
        locked_until=AT + 4 * MINUTE,
        login_hash="l1",
        login_expires_at=AT + 5 * MINUTE,
    )


def shift(staff_id: int, **changes: Any) -> ShiftRow:
    values: dict[str, Any] = {"days": (0, 4), "start": time(8), "end": time(16, 30), "rank": 1}
    return ShiftRow(staff_id=staff_id, **values | changes)


def cover(away_id: int, instead_id: int, **changes: Any) -> CoverRow:
    values: dict[str, Any] = {"first": date(2026, 3, 2), "last": date(2026, 3, 8)}
    return CoverRow(away_id=away_id, instead_id=instead_id, **values | changes)


def agreed_level(patient_id: int, **changes: Any) -> AgreedLevel:
    values = {"question": "numbness", "level": "medium", "until": AT + MINUTE, "made_by": "lead-1", "made_at": AT}
    return AgreedLevel(patient_id=patient_id, **values | changes)


def level_decision(patient_id: int, **changes: Any) -> LevelDecision:
    values = {"kind": "agreed", "symptom": "numbness", "level": "medium", "until": AT + MINUTE, "days": 7}
    values |= {"reason": "after platinum", "decided_by": "Dr. Weiss", "made_by": "lead-1", "made_at": AT}
    return LevelDecision(patient_id=patient_id, **values | changes)


def close_watch(patient_id: int, **changes: Any) -> CloseWatch:
    values = {"symptom": "numbness", "until": AT + MINUTE, "reason": "taper", "made_by": "lead-1", "made_at": AT}
    return CloseWatch(patient_id=patient_id, **values | changes)


def session(staff_id: int, hashed: str = "t1", **changes: Any) -> Session:
    values: dict[str, Any] = {"token_hash": hashed, "began_at": AT, "seen_at": AT + MINUTE}
    return Session(staff_id=staff_id, **values | changes)


def week(day: date = date(2026, 3, 2), **changes: Any) -> WeekReport:
    values: dict[str, Any] = {"asked": 9, "answered": 8, "median_minutes": 12, "alerts": 3, "in_time": 2}
    return WeekReport(week=day, **values | changes)


def passkey(staff_id: int, credential: str = "c1", **changes: Any) -> Passkey:
    values: dict[str, Any] = {"credential_id": credential, "public_key": "pk", "sign_count": 7, "added_at": AT}
    return Passkey(staff_id=staff_id, **values | changes)
