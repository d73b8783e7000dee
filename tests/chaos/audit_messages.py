"""Checks that every message arrived once, in order and within Telegram's rate limits."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bot.core.checkin import State
from bot.core.screen import Action
from bot.delivery.lanes import TELEGRAM_LIMITS
from bot.sandbox.journal import Call
from tests.chaos.evidence import (
    OF_DATABASE,
    SENDS,
    Evidence,
    chat_of,
    left,
    most_within,
    note_of,
    pid_of,
    place_of,
    row_of,
    worked,
)
from tests.chaos.fleet import Kill
from tests.chaos.stored import Stored

TIMED_OUT = 9.5
"""Real seconds after which a call has timed out for the bot: the answer never reached it."""
TRANSIT_DELAY = 1.0
"""Real seconds by which a call arrives later than it was sent."""
RECORD_DELAY = 5.0
"""Real seconds within which a sender has recorded that a message was sent, if the database is up."""
PER_SECOND = 30
"""Messages over all chats within a second: Telegram's own figure (Bots FAQ, "Broadcasting to users")."""
NOT_YET = timedelta(minutes=5)
"""Two questions about a call are never closer, unless the clock was set: then one comes early, by the other clock."""
UNNOTICED = 15.0
"""Real seconds for which a process may continue with the clock from before a jump."""
ONCE = ("alert:", "loopback:", "alert-reply:", "card:", "checkin:")
IN_ORDER = ("checkin:", "staff-alert:")


def never_sent(stored: Stored, until: datetime) -> Iterator[str]:
    """Yield messages that still wait, that count as sent but never arrived, or that were superseded by nothing."""
    for row in stored.rows:
        # What concerns SOON waits for the end of the patient's quiet hours, which may be after the run.
        is_for_later = row.state == "waiting" and row.not_before > until
        if row.state in {"waiting", "failed", "expired"} and not is_for_later:
            yield f"message {row.id} (lane {row.lane}, {row.slot}) is {row.state}"
        elif row.state == "sent" and row.id not in stored.sent:
            yield f"message {row.id} (lane {row.lane}, {row.slot}) counts as sent and never arrived"
        elif row.state == "replaced" and row.id not in stored.sent and not _has_successor(stored, row):
            yield f"message {row.id} (lane {row.lane}, {row.slot}) was replaced, and nothing came instead"


def _has_successor(stored: Stored, row: Any) -> bool:
    """Return whether a later screen of its slot reached the chat; a closed check-in's screen needs none."""
    later = (
        other
        for other in stored.slots[place_of(row.slot)]
        if other.chat_hash == row.chat_hash and other.id != row.id and other.revision >= row.revision
    )
    if any(other.id in stored.sent for other in later):
        return True
    if row.slot.startswith("call-soon:"):
        # What rose before the end of quiet hours has a call screen of its own instead.
        calls = stored.slots.get(f"alert:{row.slot.split(':')[1]}", [])
        return any(call.id > row.id and call.id in stored.sent for call in calls)
    if not row.slot.startswith("checkin:"):
        return False
    found = stored.stores.checkins.get(int(row.slot.split(":")[1]))
    return found is not None and found.value.state in {State.REPLACED, State.EXPIRED}


# -- twice


def duplicated(seen: Evidence, sent: dict[int, list[Call]]) -> Iterator[tuple[str, str]]:
    """Yield messages that arrived more than once, with the reason if there is one."""
    for row, calls in sent.items():
        new = sorted((call for call in calls if call.method in SENDS), key=lambda call: call.at)
        for first, second in pairwise(new):
            line = f"message {row} was sent again after {second.at - first.ended:.1f} s"
            if first.lost or first.ended - first.at > TIMED_OUT:
                yield "doubled, answer lost on the way", line
            elif any(_was_in_flight(first, kill, seen) and kill.at <= second.at for kill in seen.kills):
                yield "doubled, in flight at a kill", line
            else:
                yield "messages doubled", f"{line} by {pid_of(first)} and {pid_of(second)}"


def _was_in_flight(call: Call, kill: Kill, seen: Evidence) -> bool:
    """Return whether the process was killed with the call in flight; the call may arrive after the process ended."""
    if str(kill.pid) != str(pid_of(call)) or call.at - TRANSIT_DELAY > kill.at:
        return False
    waited = seen.trouble(call.ended, kill.at, kinds=OF_DATABASE)
    return kill.at - call.ended <= RECORD_DELAY + waited


def shown_twice(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Yield pairs of messages with the same content of which nobody requested the second."""
    groups: defaultdict[tuple[Any, ...], set[int]] = defaultdict(set)
    for call in seen.calls:
        row, slot = row_of(call), str(note_of(call, "slot") or "")
        if row is not None and call.method in SENDS and worked(call) and slot.startswith(ONCE):
            groups[chat_of(call), slot, note_of(call, "revision"), note_of(call, "screen")].add(row)
    made = {row.id: row.created_at for row in stored.rows}
    # What the clock finds, in a form that nobody goes on with, shows the call screen of all that is open.
    found = {(stored.patient(each.patient_id).chat_id, each.raised_at) for each in stored.raised}
    found |= {(p.chat_id, each.at) for p in stored.patients for each in stored.assessments[p.id]}
    for (chat, slot, _, screen), rows in groups.items():
        # A tap on an old screen, "need help now" and "I feel worse" each ask for the current screen once more.
        asked = {one.at for one in stored.taps.get(chat, [])}
        if slot.startswith("alert:"):
            asked = {one.at for one in stored.taps.get(chat, []) if _asks_for_a_call(one.tap.action)}
            asked |= {at for one, at in found if one == chat}
        ordered = sorted(rows)
        for before, row in pairwise(ordered):
            by_itself = made[row] not in asked and screen not in {"reminder", "loopback.ask"}
            # What joined an alert is asked about from the beginning: its slots come again, but not at once.
            is_near = screen == "loopback.ask" and abs(made[row] - made[before]) < NOT_YET
            too_soon = is_near and not _was_set(seen, *(stored.sent[n][0].at for n in (before, row)))
            if made[row] in {made[one] for one in ordered if one < row} or by_itself or too_soon:
                times = f"made at {made[before]:%d %H:%M:%S} and {made[row]:%d %H:%M:%S}"
                yield f"chat {chat}: {slot} ({screen}) came again as message {row}, {times}"


def _was_set(seen: Evidence, begun: float, ended: float) -> bool:
    """Return whether a fault set the clock in between, or so shortly before that a process had not yet noticed."""
    return any(one.by_chance and begun - UNNOTICED < one.at <= ended for one in seen.timeline.sets)


def _asks_for_a_call(action: Action) -> bool:
    """Return whether a tap can show the call screen again.

    "Need help now" does, each answer that is a red flag, and the words "I feel worse now", also if said twice.
    """
    return action.kind in {"help_now", "choose", "toggle", "submit", "skip", "change", "words"}


# -- order and limits


def backwards(seen: Evidence) -> Iterator[str]:
    """Yield screens of an earlier revision after a later one: the patient would see an old question.

    The order is by arrival, not by number: a call is executed at once but journalled after its answer, which may be slow.
    """
    newest: dict[tuple[int, str], int] = {}
    for call in sorted((c for c in seen.calls if worked(c)), key=lambda call: call.at):
        slot = str(note_of(call, "slot") or "")
        if not slot.startswith(IN_ORDER):
            continue
        place, revision = (chat_of(call), slot), int(note_of(call, "revision"))
        if revision < newest.get(place, 0):
            yield f"{slot}: revision {revision} after {newest[place]}"
        newest[place] = max(revision, newest.get(place, 0))


def too_many(seen: Evidence) -> Iterator[str]:
    """Yield breaches of Telegram's limits by sending time: a suspended server makes paced messages arrive together."""
    within_five = most_within(seen.calls, 5, left)
    if within_five > 5 * PER_SECOND + TELEGRAM_LIMITS.burst:
        yield f"{within_five} messages were let go within five seconds"
    # A suspended database or process sends at once what was granted one by one.
    within_one = 0 if seen.faults else most_within(seen.calls, 1, left)
    if within_one > PER_SECOND + TELEGRAM_LIMITS.burst:
        yield f"{within_one} messages were let go within a second"
