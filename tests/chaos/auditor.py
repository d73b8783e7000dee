"""Compares what robots tapped and saw with what the database holds, once all is quiet. Changes nothing.

Each finding is one line that names what was lost; a table of counts is what a run prints.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.app.ports import Clinic
from bot.app.store import AlertRow, CheckInRow, Patient, Store
from bot.chat.buttons import TapError, decode
from bot.core.protocol import Tier
from bot.core.schedule import occurrences
from bot.core.triage import History, assess
from bot.db import tables as t
from bot.sandbox.journal import Call
from bot.sandbox.updates import FIRST_UPDATE_ID
from tests.chaos.fleet import Kill
from tests.chaos.robots import Tapped
from tests.property.plan import _plan as plan_alone

NEVER_ANSWERED = 9.5
"""Real seconds after which the bot has given a call up: the answer never reached it."""
STILL_ON_ITS_WAY = 1.0
"""Real seconds by which a call comes later than it was sent off."""
SENDS = ("sendMessage", "sendPhoto", "sendContact")
EDITS = ("editMessageText",)
LEFT_OPEN = "(skipped, or gone back to)"
RED = frozenset({Tier.URGENT, Tier.EMERGENCY})

ALLOWED = frozenset({"doubled, in flight at a kill", "doubled, answer lost on the way"})


@dataclass
class Evidence:
    """What was seen from outside: by the sandbox, by the robots and by who killed."""

    calls: Sequence[Call]
    taps: Sequence[Tapped]
    kills: Sequence[Kill]
    first_update: int
    next_update: int
    unconfirmed: int
    key: bytes
    begun: datetime
    """What was opened before that is no concern of the run."""
    until: datetime


@dataclass
class Findings:
    """Lines by kind; `counts` are the figures beside them."""

    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def losses(self) -> list[str]:
        return [f"{kind}: {line}" for kind, lines in self.found.items() if kind not in ALLOWED for line in lines]


KINDS = (
    "answers lost",
    "red flags without call screen",
    "alerts without loop-back",
    "check-ins missed",
    "check-ins doubled",
    "messages never sent",
    "messages doubled",
    "doubled, in flight at a kill",
    "doubled, answer lost on the way",
    "order broken",
)


def audit(store: Store, clinic: Clinic, seen: Evidence) -> Findings:
    """Return everything that was lost, doubled or out of order."""
    findings = Findings()
    for kind in KINDS:
        findings.found[kind] = []
    sent = _sent(seen.calls)
    rows = _outbox(store)
    patients = store.patients(limit=100_000)
    for kind, lines in (
        ("answers lost", [*_updates_lost(store, seen), *_answers_lost(store, seen)]),
        ("red flags without call screen", _silent_flags(store, clinic, seen, rows, sent)),
        ("alerts without loop-back", _no_loop_back(store, clinic, patients, seen)),
        ("check-ins missed", _missed(store, clinic, patients, seen, rows, sent)),
        ("check-ins doubled", _twice(store, clinic, patients)),
        ("messages never sent", _never_sent(rows, sent)),
        ("order broken", _backwards(seen)),
    ):
        findings.found[kind] += lines
    for kind, line in _doubled(seen, sent):
        findings.found[kind].append(line)
    findings.counts = {
        "updates": seen.next_update - seen.first_update,
        "taps": len(seen.taps),
        "kills": len(seen.kills),
        "calls": len(seen.calls),
        "messages and edits": sum(1 for call in seen.calls if _worked(call)),
        "check-ins": sum(len(store.checkins(p.id, limit=10_000)) for p in patients),
        "red flags": sum(1 for alert in _alerts(store, patients) if alert.tier in RED),
        "most let go in any second": most_within(seen.calls, 1, left),
        "most that came in any second": most_within(seen.calls, 1),
        "most that came in any 5 seconds": most_within(seen.calls, 5),
    }
    return findings


# -- answers


def _updates_lost(store: Any, seen: Evidence) -> Iterator[str]:
    """Telegram was told to forget them, and no transaction knows them."""
    if seen.unconfirmed:
        yield f"{seen.unconfirmed} updates were never taken"
    known = {row.update_id for row in store._connection.execute(select(t.seen_update.c.update_id))}
    for number in range(seen.first_update, seen.next_update):
        if number not in known:
            yield f"update {number} was confirmed and not worked off"
    for dead in store.dead_updates(limit=20):
        yield f"update {dead.update_id} is dead: {dead.error}"


def _answers_lost(store: Store, seen: Evidence) -> Iterator[str]:
    given: dict[int, set[tuple[str, str]]] = {}
    tapped = _tapped(seen)
    for tap in seen.taps:
        if not tap.moved:
            continue
        subject, question = tap.action.subject, tap.action.question
        if subject not in given:
            given[subject] = {(a.question, c) for a in store.answers(subject) for c in a.choices}
        choices = tapped[subject, question]
        if LEFT_OPEN not in choices and not any((question, choice) in given[subject] for choice in choices):
            row = store.checkin(subject)
            kept = (
                f"{row.kind}, {row.value.state.value}, {sorted(given[subject])}" if row is not None else "no such row"
            )
            yield f"check-in {subject}: {question} was answered {sorted(choices)} and is not stored ({kept})"


def _tapped(seen: Evidence) -> dict[tuple[int, str], set[str]]:
    """What was tapped for each question: of two different taps on one screen the first counts, by design."""
    found: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for tap in seen.taps:
        if tap.action.kind == "choose":
            found[tap.action.subject, tap.action.question].add(tap.action.choice)
        elif tap.action.kind in {"skip", "back"}:
            found[tap.action.subject, tap.action.question].add(LEFT_OPEN)
    return found


# -- red flags


def _alerts(store: Store, patients: Sequence[Patient]) -> list[AlertRow]:
    return [alert for patient in patients for alert in store.alerts(patient.id, limit=10_000)]


def _silent_flags(
    store: Store, clinic: Clinic, seen: Evidence, rows: Sequence[Any], sent: dict[int, list[Call]]
) -> Iterator[str]:
    urgent: defaultdict[tuple[int, datetime], list[int]] = defaultdict(list)
    for row in rows:
        if row.lane == 0 and row.patient_id is not None:
            urgent[row.patient_id, row.created_at].append(row.id)
    patients = store.patients(limit=100_000)
    alerts = [alert for alert in _alerts(store, patients) if alert.tier in RED]
    for alert in alerts:
        queued = urgent.get((alert.patient_id, alert.raised_at), [])
        if not any(number in sent for number in queued):
            yield f"alert {alert.id} ({alert.tier.name}): no call screen was sent with it"
    raised = {alert.checkin_id for alert in alerts}
    tapped = _tapped(seen)
    for tap in seen.taps:
        action = tap.action
        if not tap.moved or action.subject in raised or len(tapped[action.subject, action.question]) > 1:
            continue
        if _is_red(clinic, store, action.subject, action):
            yield f"check-in {action.subject}: a red flag was tapped and there is no alert"


def _is_red(clinic: Clinic, store: Store, subject: int, action: Any) -> bool:
    """Whether that answer alone, with nothing known of before, is a red flag of the protocol."""
    row = store.checkin(subject)
    if row is None or row.value.form == "baseline":
        return False
    found = assess(
        {action.question: (action.choice,)},
        History(),
        clinic.protocol,
        form=row.value.form,
        finished=False,
    )
    return found.tier is Tier.EMERGENCY


def _no_loop_back(store: Store, clinic: Clinic, patients: Sequence[Patient], seen: Evidence) -> Iterator[str]:
    for alert in _alerts(store, patients):
        if alert.next_step_at is not None and alert.next_step_at < seen.until - timedelta(minutes=1):
            yield f"alert {alert.id} ({alert.tier.name}): its next step was due at {alert.next_step_at:%H:%M}"
        old = alert.raised_at < seen.until - timedelta(hours=1)
        spoken = alert.loop_backs > 0 or alert.last_reply is not None or alert.mistake_at is not None
        if alert.tier in RED and old and not spoken and alert.closed_at is None:
            yield f"alert {alert.id} ({alert.tier.name}): nobody was asked whether they reached someone"


# -- check-ins


def _missed(
    store: Store,
    clinic: Clinic,
    patients: Sequence[Patient],
    seen: Evidence,
    rows: Sequence[Any],
    sent: dict[int, list[Call]],
) -> Iterator[str]:
    shown = {int(row.slot.split(":")[1]) for row in rows if row.slot.startswith("checkin:") and row.id in sent}
    for patient in patients:
        mine = store.checkins(patient.id, limit=10_000)
        for row in mine:
            # Of two forms, one of them asked for with "I feel worse", the newer is shown: whoever asked gets it instead
            # of one that has not reached them yet; or the hour of the day's form came first.
            since = [other for other in mine if other.id >= row.id]
            one_for_two = any(o.kind == "worse" for o in since) and any(o.id in shown for o in since)
            own = row.value.state.value == "replaced" and one_for_two
            if row.id not in shown and not own and row.opened_at >= seen.begun:
                states = [f"{r.id} {r.mode} {r.state}" for r in rows if r.slot == f"checkin:{row.id}"]
                yield f"{patient.code}: check-in {row.id} ({row.kind}, {row.value.state.value}) was never shown: {states}"
        yield from _not_opened(patient, clinic, mine, seen.until)
    for item in store.work_items():
        if item.kind in {"skipped_after_outage", "missed_in_outage"}:
            yield f"skipped as too late: {item.subject}"


def _not_opened(patient: Patient, clinic: Clinic, mine: Sequence[CheckInRow], until: datetime) -> Iterator[str]:
    begun = [row for row in mine if row.kind == "baseline" and row.closed_at is not None]
    if not begun or patient.state.value != "active":
        return
    zone = ZoneInfo(patient.timezone or clinic.timezone)
    opened = {row.due_at.astimezone(zone).date() for row in mine if row.kind in {"scheduled", "again"}}
    since = max(row.closed_at for row in begun if row.closed_at is not None)
    for each in occurrences(plan_alone(patient, clinic), since, 1000):
        if each.due_at > until:
            break
        if each.local_date > since.astimezone(zone).date() and each.local_date not in opened:
            yield f"{patient.code}: nothing was asked on {each.local_date}"


def _twice(store: Store, clinic: Clinic, patients: Sequence[Patient]) -> Iterator[str]:
    for patient in patients:
        zone = ZoneInfo(patient.timezone or clinic.timezone)
        planned = [row for row in store.checkins(patient.id, limit=10_000) if row.kind in {"scheduled", "again"}]
        days = Counter(row.due_at.astimezone(zone).date() for row in planned)
        yield from (f"{patient.code}: {n} check-ins on {day}" for day, n in days.items() if n > 1)


# -- messages


def _worked(call: Call) -> bool:
    if call.method not in (*SENDS, *EDITS):
        return False
    # "Not modified": what was to be shown stands there already.
    return call.error is None or "is not modified" in call.error[1]


def _row_of(call: Call) -> int | None:
    number = call.params.get("outbox_row")
    return int(number) if number is not None else None


def _sent(calls: Sequence[Call]) -> dict[int, list[Call]]:
    """Each outbox row's calls that Telegram carried out."""
    found: defaultdict[int, list[Call]] = defaultdict(list)
    for call in calls:
        row = _row_of(call)
        if row is not None and _worked(call):
            found[row].append(call)
    return found


def _outbox(store: Any) -> list[Any]:
    o = t.outbox.c
    columns = (o.id, o.patient_id, o.lane, o.slot, o.mode, o.state, o.created_at, o.not_before)
    return list(store._connection.execute(select(*columns)))


def _never_sent(rows: Sequence[Any], sent: dict[int, list[Call]]) -> Iterator[str]:
    for row in rows:
        if row.state in {"waiting", "failed", "expired"}:
            yield f"message {row.id} (lane {row.lane}, {row.slot}) is {row.state}"
        elif row.state == "sent" and row.id not in sent:
            yield f"message {row.id} (lane {row.lane}, {row.slot}) counts as sent and never arrived"


def _doubled(seen: Evidence, sent: dict[int, list[Call]]) -> Iterator[tuple[str, str]]:
    for row, calls in sent.items():
        new = sorted((call for call in calls if call.method in SENDS), key=lambda call: call.at)
        for first, second in pairwise(new):
            line = f"message {row} was sent again after {second.at - first.ended:.1f} s"
            if first.lost or first.ended - first.at > NEVER_ANSWERED:
                yield "doubled, answer lost on the way", line
            elif any(_in_hand(first, kill) and kill.at <= second.at for kill in seen.kills):
                yield "doubled, in flight at a kill", line
            else:
                yield "messages doubled", f"{line} by {_pid(first)} and {_pid(second)}"


def _in_hand(call: Call, kill: Kill) -> bool:
    """Whether that process was killed with the call in hand; what it had sent off may still arrive after its end."""
    return str(kill.pid) == str(_pid(call)) and call.at - STILL_ON_ITS_WAY <= kill.at


def _pid(call: Call) -> Any:
    return call.params.get("outbox_pid")


def _backwards(seen: Evidence) -> Iterator[str]:
    """A check-in's screen of an earlier revision after a later one: the patient would see an old question.

    By when a call came, not by its number: it is carried out at once, and noted when its answer, if slow, has gone.
    """
    newest: dict[tuple[int, int], int] = {}
    for call in sorted((c for c in seen.calls if _worked(c)), key=lambda call: call.at):
        chat = int(call.params["chat_id"])
        for subject, revision in _revisions(call, chat, seen.key):
            if revision < newest.get((chat, subject), 0):
                yield f"check-in {subject}: revision {revision} after {newest[chat, subject]}"
            newest[chat, subject] = max(revision, newest.get((chat, subject), 0))


def _revisions(call: Call, chat: int, key: bytes) -> set[tuple[int, int]]:
    markup = call.params.get("reply_markup") or {}
    found = set()
    for row in markup.get("inline_keyboard", []) if isinstance(markup, dict) else []:
        for button in row:
            try:
                action = decode(button.get("callback_data"), key, chat)
            except TapError:
                continue
            if action.kind in {"choose", "toggle", "submit"}:
                found.add((action.subject, action.revision))
    return found


def came(call: Call) -> float:
    """When it came to the server."""
    return call.at


def left(call: Call) -> float:
    """When its process let it go, by the seconds that all processes of a machine share."""
    return float(call.params["outbox_at"])


def most_within(calls: Sequence[Call], seconds: float, moment: Callable[[Call], float] = came) -> int:
    """The most messages and edits within any so many seconds: that came to the server, or that were let go."""
    of_outbox = (call for call in calls if call.method in (*SENDS, *EDITS) and _row_of(call) is not None)
    moments = sorted(moment(call) for call in of_outbox)
    most = first = 0
    for number, at in enumerate(moments):
        while moments[first] <= at - seconds:
            first += 1
        most = max(most, number - first + 1)
    return most


def table(findings: Findings, title: str) -> str:
    """The one table of a run."""
    width = max(len(kind) for kind in (*findings.found, *findings.counts))
    lines = [title]
    lines += [f"  {name:<{width}}  {count:>7}" for name, count in findings.counts.items()]
    lines += [f"  {kind:<{width}}  {len(found):>7}" for kind, found in findings.found.items()]
    return "\n".join(lines)


__all__ = ["FIRST_UPDATE_ID", "Evidence", "Findings", "audit", "left", "most_within", "table"]
