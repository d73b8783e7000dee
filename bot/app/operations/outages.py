"""Detects outages of the bot, silence of Telegram and a clock that was set back; opens tasks. Restarts nothing.

While the bot is up, it stores when it was last up and when Telegram last answered; a gap between two such times is an
outage.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.app.records.alerts import Task
from bot.app.records.concerns import ClockJump
from bot.app.work import Stores, Work

UP_AT = "up_at"
DOWN_UNTIL = "down_until"
HEARD_AT = "heard_at"
STORE_EVERY = timedelta(minutes=1)
"""How often the times are stored: not with each tick."""
SHORTEST_OUTAGE = timedelta(minutes=30)
"""The shortest outage that is reported. A shorter one is a restart: everything comes a little later."""
KEPT_BY_TELEGRAM = timedelta(hours=24)
"""Telegram keeps an unconfirmed update for 24 hours (Bot API, "Getting updates"), then deletes it."""
SET_BACK = timedelta(seconds=30)
ONE_JUMP = timedelta(minutes=1)
"""Replicas notice the same jump within this."""
MAX_NAMED = 20
"""Patients named in one task; each patient with a skipped check-in has a task of their own, too."""


def note_up(work: Work) -> None:
    """Store that the bot is up; after a long gap, open tasks for the team.

    Check-ins that were skipped have tasks of their own, one per patient.
    """
    # Read the shared clock now: this replica's offset may be outdated, and one clock change would look like two.
    at = work.clock.shared_now() or work.at
    last = _stored_time(work, UP_AT)
    if last is not None and timedelta(0) <= at - last < STORE_EVERY:
        return
    if last is not None and last - at > SET_BACK:
        _set_back(work.at_time(at))
    _store_time(work, UP_AT, at)
    if last is not None and at - last >= SHORTEST_OUTAGE:
        _store_time(work, DOWN_UNTIL, at)
        _report(work, "outage", last, at)


def note_contact(work: Work) -> None:
    """Store that Telegram answered a poll or confirmed the webhook; after a long silence, open tasks for the team.

    A silence while the bot was down is an outage, which `note_up` reports.
    """
    at = work.clock.shared_now() or work.at
    last = _stored_time(work, HEARD_AT)
    if last is not None and timedelta(0) <= at - last < STORE_EVERY:
        return
    if last is not None and at - last >= SHORTEST_OUTAGE:
        # Lock the budget's row: of several replicas that hear from Telegram again, one reports the silence.
        work.limits.budget()
        if _stored_time(work, HEARD_AT) != last:
            return
    _store_time(work, HEARD_AT, at)
    down_until = _stored_time(work, DOWN_UNTIL)
    was_up = down_until is None or last is None or down_until < last
    if last is not None and at - last >= SHORTEST_OUTAGE and was_up:
        _report(work, "telegram_silent", last, at)


def _set_back(work: Work) -> None:
    # Lock the budget's row first: of several replicas, one shifts the clocks, once.
    work.limits.budget()
    last = _stored_time(work, UP_AT)
    if last is not None and last > work.at:
        work.limits.reset()
        work.clock.shift_back(work.at, last - work.at)
        note_jump(work, work.at, last - work.at)


def note_jump(stores: Stores, at: datetime, back_by: timedelta = timedelta(0)) -> None:
    """Store that the clock was set at `at`, back by that much or forward; once, if several replicas notice it."""
    stores.limits.budget()  # Locks its row: the others wait, and see that it was stored.
    newest = stores.concerns.jumps_after(stores.concerns.last_jump() - 1)
    if any(abs(at - jump.at) < ONE_JUMP for jump in newest):
        return
    stores.concerns.add_jump(ClockJump(at=at, back_by=int(back_by.total_seconds())))


def note_start(stores: Stores, at: datetime) -> None:
    """Store a jump of the clock if the bot was down for long: nobody knows whether the clock was set meanwhile."""
    last = _stored_time(stores, UP_AT)
    if last is not None and at - last >= SHORTEST_OUTAGE:
        note_jump(stores, at)


def _report(work: Work, kind: Literal["outage", "telegram_silent"], begin: datetime, end: datetime) -> None:
    zone = ZoneInfo(work.clinic.timezone)
    span = " – ".join(f"{timestamp.astimezone(zone):%Y-%m-%d %H:%M}" for timestamp in (begin, end))
    work.tasks.add(Task(kind=kind, patient_id=None, subject=span, raised_at=end))
    if end - begin >= KEPT_BY_TELEGRAM:
        work.tasks.add(Task(kind="answers_lost", patient_id=None, subject=span, raised_at=end))
    cutoff = work.clinic.protocol.clocks.cutoff
    if end - begin > cutoff and (missed := _missed(work, begin, end - cutoff)):
        more = f" (+{len(missed) - MAX_NAMED})" if len(missed) > MAX_NAMED else ""
        subject = f"{span}: {', '.join(missed[:MAX_NAMED])}{more}"
        work.tasks.add(Task(kind="missed_in_outage", patient_id=None, subject=subject, raised_at=end))


def _missed(stores: Stores, begin: datetime, before: datetime) -> list[str]:
    """Return the codes of patients whose check-in was skipped, or has been waiting unsent since before that time."""
    tasks = (task for task in stores.tasks.open() if task.kind == "skipped_after_outage" and task.raised_at > begin)
    skipped = {task.subject.partition("@")[0] for task in tasks}
    return sorted(skipped | set(stores.checkins.overdue(before, 10 * MAX_NAMED)))


def _stored_time(stores: Stores, name: str) -> datetime | None:
    stored = stores.settings.get(name)
    return datetime.fromisoformat(stored) if stored else None


def _store_time(stores: Stores, name: str, at: datetime) -> None:
    stores.settings.set(name, at.astimezone(UTC).isoformat())
