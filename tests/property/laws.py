"""What must hold after every transaction of every life; looked up inside the transaction itself."""

from collections.abc import Callable, Iterator

from bot.app.ports import Clinic
from bot.app.store import AlertRow, AlertState, AssessmentRow, Lane, PatientState
from bot.core.protocol import Tier
from bot.core.schedule import in_quiet_hours
from bot.core.triage import History, assess
from tests.property import plan
from tests.property.notes import Books, Deed

ALL_CLEARS = frozenset({"done.routine", "done.incomplete"})
GONE = frozenset({PatientState.WITHDRAWN, PatientState.DECLINED})
BULK = frozenset({Lane.REMINDER, Lane.CHECKIN})
BY_PLAN = frozenset({"scheduled", "again"})
REACHED = frozenset({"called", "reached"})
Law = Callable[[Books, Books, Deed, Clinic], Iterator[str]]


def broken(before: Books, after: Books, deed: Deed, clinic: Clinic) -> list[str]:
    """Return every law that the deed broke, in words."""
    if deed.of("erase_patient_data"):
        return []  # nothing is left that a law could be about
    errors = [f"a row could not be worked off: {error!r}" for error in deed.store.errors]
    return [*errors, *(f"{law.__name__}: {said}" for law in ALL for said in law(before, after, deed, clinic))]


# -- red flags


def what_rises_is_acted_on(before: Books, after: Books, deed: Deed, _clinic: Clinic) -> Iterator[str]:
    """An assessment at URGENT or more that rises has its alert in the same transaction."""
    last: dict[int, Tier] = {}
    for found in deed.of("add_assessment"):
        earlier = before.assessments.get(found.checkin_id)
        reached = last.get(found.checkin_id, earlier[-1].tier if earlier else Tier.ROUTINE)
        # One that ends nothing was made because of a red flag, or of a silence that must not hide one.
        rises = found.tier > reached or not found.final
        last[found.checkin_id] = found.tier
        if found.tier < Tier.URGENT:
            continue
        if not any(a.tier >= found.tier for a in after.raised_by(found.checkin_id)):
            yield f"{found.tier.name} of check-in {found.checkin_id} has no alert"
        new = [a for a in deed.of("add_alert") if a.checkin_id == found.checkin_id and a.tier >= found.tier]
        if rises and not new:
            yield f"{found.tier.name} of check-in {found.checkin_id} rose without a new alert"


def soon_is_known(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """An assessment at SOON stands in an alert: of its check-in, or an earlier one that names all its rules."""
    routine = {rule.id for rule in clinic.protocol.rules if rule.tier is Tier.ROUTINE}
    for found in deed.of("add_assessment"):
        concerns = set(found.rules) - routine
        named = any(concerns <= set(a.rules) for a in after.alerts.values())
        if found.tier is Tier.SOON and not after.raised_by(found.checkin_id) and not named:
            yield f"SOON of check-in {found.checkin_id} stands in no alert"


def an_alert_calls(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """A new alert has its first loop-back planned and its call screen queued: anew, and first if it can't wait."""
    for alert in deed.of("add_alert"):
        repeat = clinic.protocol.clocks.loop_back.get(alert.tier)
        if alert.next_step_at != (deed.at + repeat.after if repeat else None):
            yield f"alert {alert.id} is asked after at {alert.next_step_at}"
        calls = [r for r in deed.queued if r.slot == f"alert:{alert.id}" and r.screen.name.startswith("call.")]
        lane = Lane.RED_FLAG if alert.tier >= Tier.URGENT else Lane.REPLY
        good = [r for r in calls if r.mode == "new" and r.lane is lane and r.not_before <= deed.at]
        patient = after.patient
        if patient is not None and patient.chat_id is not None and patient.chat_id not in {r.chat_id for r in good}:
            yield f"{alert.tier.name} alert {alert.id} shows no call screen"


def alerts_keep_their_clock(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """Asked at the moment planned, each time; then unconfirmed. Only the patient's own word confirms."""
    for number, new in after.alerts.items():
        old = before.alerts.get(number)
        if old is not None and old is not new:
            yield from _alert_moved(old, new, deed, clinic, gone=_gone(after))
        yield from _alert_stands(new, after, deed, clinic)


def _alert_moved(old: AlertRow, new: AlertRow, deed: Deed, clinic: Clinic, *, gone: bool) -> Iterator[str]:
    name = f"alert {new.id}"
    if (old.tier, old.raised_at) != (new.tier, new.raised_at) or not set(old.rules) <= set(new.rules):
        yield f"{name} lost something of what raised it"
    tapped = deed.action.choice if deed.action is not None and deed.action.kind == "alert" else ""
    mine = bool(tapped) and deed.action is not None and deed.action.subject == new.id
    if new.state is AlertState.CLOSED and old.state is not AlertState.CLOSED:
        yield f"{name} was closed and no staff did it"
    if new.state is AlertState.CONFIRMED and old.state is not new.state and not (mine and tapped in REACHED):
        yield f"{name} was confirmed by {deed.door}"
    if new.loop_backs != old.loop_backs:
        yield from _asked(old, new, deed, clinic)
    repeat = clinic.protocol.clocks.loop_back.get(new.tier)
    if new.state is AlertState.UNCONFIRMED and old.state is AlertState.OPEN and not gone:
        if repeat is not None and new.loop_backs < repeat.times:
            yield f"{name} is unconfirmed after {new.loop_backs} questions"
        if not deed.swept:
            yield f"{name} became unconfirmed by {deed.door}"
    put_off = old.next_step_at is not None and new.next_step_at is not None and new.next_step_at > old.next_step_at
    if put_off and not deed.swept and not (mine and tapped == "remind") and old.next_step_at > deed.at:
        yield f"the question of {name} was put off by {deed.door} {tapped}"


def _asked(old: AlertRow, new: AlertRow, deed: Deed, clinic: Clinic) -> Iterator[str]:
    name, repeat = f"alert {new.id}", clinic.protocol.clocks.loop_back[new.tier]
    if not deed.swept or new.loop_backs != old.loop_backs + 1 or new.loop_backs > repeat.times:
        yield f"{name} was asked after {new.loop_backs} times"
    if old.next_step_at is None or (old.next_step_at != deed.at and not deed.late):
        yield f"{name} was asked after at {deed.at}, not at {old.next_step_at}"
    if new.next_step_at != deed.at + repeat.after:
        yield f"{name} is asked after again at {new.next_step_at}"
    asked = [r for r in deed.queued if r.slot == f"loopback:{new.id}:{new.loop_backs}"]
    if not any(r.mode == "new" and r.lane is Lane.RED_FLAG and r.screen.name == "loopback.ask" for r in asked):
        yield f"loop-back {new.loop_backs} of {name} was not sent"


def _alert_stands(alert: AlertRow, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    waits = alert.state is AlertState.OPEN and clinic.protocol.clocks.loop_back.get(alert.tier) is not None
    if waits and alert.next_step_at is None and not _gone(after):
        higher = [a for a in after.alerts.values() if a.checkin_id == alert.checkin_id and a.tier > alert.tier]
        if not higher:
            yield f"nobody will ask after alert {alert.id}"
    if waits and deed.swept and alert.next_step_at is not None and alert.next_step_at < deed.at and not deed.late:
        yield f"alert {alert.id} was to be asked after at {alert.next_step_at}"


def _gone(books: Books) -> bool:
    return books.patient is None or books.patient.state in GONE


# -- what is said


def no_all_clear_beside_a_flag(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    since = deed.at - clinic.protocol.clocks.silent_after
    for row in deed.queued:
        if row.screen.name not in ALL_CLEARS:
            continue
        number = int(row.slot.partition(":")[2])
        if after.raised_by(number) or any(a.tier > Tier.ROUTINE for a in after.assessments[number]):
            yield f"an all-clear for check-in {number}, which raised"
        if any(a.tier >= Tier.URGENT and a.raised_at >= since for a in after.pending()):
            yield "an all-clear while a red flag waits for its call"


def the_gone_are_left_alone(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """Nothing comes by itself to who left; no question by itself in a pause, nor in quiet hours."""
    patient = after.patient
    if patient is None or not deed.swept:
        return
    if _gone(after) and deed.queued:
        yield f"{patient.state} and sent {deed.queued[0].screen.name}"
    # What they began themselves may be reminded of, and what they asked to be reminded of.
    asked_for = {row.id for row in before.checkins.values() if row.remind_at is not None}
    own = {f"checkin:{r.id}" for r in after.checkins.values() if r.kind in {"worse", "baseline"} or r.id in asked_for}
    asked = [row for row in deed.queued if row.lane in BULK and row.slot not in own]
    if asked and (
        patient.state is PatientState.PAUSED or plan.paused(patient, plan.local_day(patient, clinic, deed.at))
    ):
        yield f"asked in a pause: {asked[0].screen.name}"
    quiet = in_quiet_hours(deed.at, plan.zone(patient, clinic).key, patient.quiet_from, patient.quiet_to)
    if asked and quiet and not deed.late:
        yield f"asked in quiet hours: {asked[0].screen.name}"


# -- check-ins


def one_is_open(_before: Books, after: Books, _deed: Deed, _clinic: Clinic) -> Iterator[str]:
    opened = [row.id for row in after.open_checkins()]
    if len(opened) > 1:
        yield f"check-ins {opened} are open"


def nothing_missed(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """A due moment that passes leaves a check-in, or (too late after an outage) a work item."""
    old = before.patient
    for new in deed.of("save_patient"):
        due = old.next_due_at if old is not None and old.state is PatientState.ACTIVE else None
        if due is not None and due <= deed.at and new.next_due_at != due and old.unreachable_at is None:
            opened = any(row.due_at == due for row in deed.of("add_checkin"))
            too_late = deed.at - due > clinic.protocol.clocks.cutoff
            subject = f"{new.code}@{due:%Y-%m-%dT%H:%MZ}"
            told = any((w.kind, w.subject) == ("skipped_after_outage", subject) for w in after.work)
            if (not opened and not too_late) or (too_late and not told):
                yield f"the check-in due at {due} is missing"
        old = new


def the_next_is_planned(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """Whoever is active has the plan's next check-in before them; today's may be over already."""
    patient = after.patient
    if patient is None or patient.state is not PatientState.ACTIVE or not deed.of("save_patient", "add_checkin"):
        return
    if patient.next_due_at is not None and patient.next_due_at <= deed.at:
        return  # the sweep has not come to it yet
    first = plan.due_after(patient, clinic, deed.at)
    if first is None:
        yield "active, and never asked again"
    if patient.next_due_at == first:
        return
    today = plan.local_day(patient, clinic, deed.at)
    asked = any(plan.local_day(patient, clinic, row.due_at) == today for row in after.checkins.values())
    if not asked or patient.next_due_at != plan.due_after(patient, clinic, plan.next_day(patient, clinic, deed.at)):
        yield f"next due at {patient.next_due_at}, planned at {first}"


def none_is_doubled(before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    patient = after.patient
    for new in deed.of("add_checkin"):
        if patient is None or new.kind not in BY_PLAN:
            continue
        day = plan.local_day(patient, clinic, new.due_at)
        same = [c.id for c in before.checkins.values() if c.kind in BY_PLAN and c.id != new.id]
        if any(plan.local_day(patient, clinic, before.checkins[n].due_at) == day for n in same):
            yield f"a second check-in on {day}"


# -- assessments


def every_assessment_replays(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    for found in deed.of("add_assessment"):
        name = f"the assessment of check-in {found.checkin_id}"
        if found.basis is None:
            yield f"{name} has no basis"
            continue
        given = deed.store.checkin(found.checkin_id)
        if given is not None and dict(given.value.answers) != dict(found.basis.answers):
            yield f"{name} was made from other answers than are stored"
        again = _again(found, clinic)
        if again != (found.tier, found.rules, found.complete):
            yield f"{name} is {found.tier.name}, judged anew {again[0].name}"


def _again(found: AssessmentRow, clinic: Clinic) -> tuple[Tier, tuple[str, ...], bool]:
    basis = found.basis
    assert basis is not None
    compared = History(previous=basis.previous, baseline=basis.baseline)
    anew = assess(basis.answers, compared, clinic.protocol, form=basis.form, finished=basis.finished)
    return anew.tier, anew.rules, anew.complete


def news_is_asked_again(_before: Books, after: Books, deed: Deed, clinic: Clinic) -> Iterator[str]:
    """News at SOON or higher begins the daily questions today."""
    news = {r.id for r in clinic.protocol.rules if r.tier >= Tier.SOON and not r.standing}
    patient = after.patient
    hot = [found for found in deed.of("add_assessment") if news & set(found.rules)]
    if not hot or patient is None or patient.state in GONE:
        return
    watch = patient.watch
    if watch is None or watch.steady or watch.since != plan.local_day(patient, clinic, deed.at):
        yield f"news ({hot[-1].tier.name}), but what is watched is {watch}"


ALL: tuple[Law, ...] = (
    what_rises_is_acted_on,
    soon_is_known,
    an_alert_calls,
    alerts_keep_their_clock,
    no_all_clear_beside_a_flag,
    the_gone_are_left_alone,
    one_is_open,
    nothing_missed,
    the_next_is_planned,
    none_is_doubled,
    every_assessment_replays,
    news_is_asked_again,
)
