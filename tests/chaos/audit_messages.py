"""Whether every message came, once, in its order and within Telegram's limits."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from bot.core.checkin import State
from bot.delivery.lanes import PUBLISHED
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
    row_of,
    worked,
)
from tests.chaos.fleet import Kill
from tests.chaos.stored import Stored

NEVER_ANSWERED = 9.5
"""Real seconds after which the bot has given a call up: the answer never reached it."""
STILL_ON_ITS_WAY = 1.0
"""Real seconds by which a call comes later than it was sent off."""
STILL_IN_HAND = 5.0
"""Real seconds within which a sender has written down that a message was sent, the database being there."""
PER_SECOND = 30
"""Messages over all chats within a second: Telegram's own figure (Bots FAQ, "Broadcasting to users")."""
ONCE = ("alert:", "contact:", "loopback:", "alert-reply:", "card:", "checkin:")
IN_ORDER = ("checkin:", "staff-alert:")


def never_sent(stored: Stored) -> Iterator[str]:
    """What still waits, or counts as sent and never came; or was replaced, and by nothing."""
    for row in stored.rows:
        if row.state in {"waiting", "failed", "expired"}:
            yield f"message {row.id} (lane {row.lane}, {row.slot}) is {row.state}"
        elif row.state == "sent" and row.id not in stored.sent:
            yield f"message {row.id} (lane {row.lane}, {row.slot}) counts as sent and never arrived"
        elif row.state == "replaced" and row.id not in stored.sent and not _has_successor(stored, row):
            yield f"message {row.id} (lane {row.lane}, {row.slot}) was replaced, and nothing came instead"


def _has_successor(stored: Stored, row: Any) -> bool:
    """Whether a later screen of its slot came to the same chat; one of a check-in that is over needs none."""
    later = (
        other
        for other in stored.slots[row.slot]
        if other.chat_hash == row.chat_hash and other.id != row.id and other.revision >= row.revision
    )
    if any(other.id in stored.sent for other in later):
        return True
    if not row.slot.startswith("checkin:"):
        return False
    found = stored.store.checkin(int(row.slot.split(":")[1]))
    return found is not None and found.value.state in {State.REPLACED, State.EXPIRED}


# -- twice


def doubled(seen: Evidence, sent: dict[int, list[Call]]) -> Iterator[tuple[str, str]]:
    """One message that came more than once, with the reason that there may be."""
    for row, calls in sent.items():
        new = sorted((call for call in calls if call.method in SENDS), key=lambda call: call.at)
        for first, second in pairwise(new):
            line = f"message {row} was sent again after {second.at - first.ended:.1f} s"
            if first.lost or first.ended - first.at > NEVER_ANSWERED:
                yield "doubled, answer lost on the way", line
            elif any(_in_hand(first, kill, seen) and kill.at <= second.at for kill in seen.kills):
                yield "doubled, in flight at a kill", line
            else:
                yield "messages doubled", f"{line} by {pid_of(first)} and {pid_of(second)}"


def _in_hand(call: Call, kill: Kill, seen: Evidence) -> bool:
    """Whether that process was killed with the call in hand; what it had sent off may still arrive after its end."""
    if str(kill.pid) != str(pid_of(call)) or call.at - STILL_ON_ITS_WAY > kill.at:
        return False
    waited = seen.trouble(call.ended, kill.at, kinds=OF_DATABASE)
    return kill.at - call.ended <= STILL_IN_HAND + waited


def shown_twice(stored: Stored, seen: Evidence) -> Iterator[str]:
    """Two messages that say the same: nobody asked for the second one."""
    groups: defaultdict[tuple[Any, ...], set[int]] = defaultdict(set)
    for call in seen.calls:
        row, slot = row_of(call), str(note_of(call, "slot") or "")
        if row is not None and call.method in SENDS and worked(call) and slot.startswith(ONCE):
            groups[chat_of(call), slot, note_of(call, "revision"), note_of(call, "screen")].add(row)
    made = {row.id: row.created_at for row in stored.rows}
    for (chat, slot, _, screen), rows in groups.items():
        # A tap on an old screen, "need help now" and "I feel worse" each ask for what stands there once more.
        asked = {one.at for one in stored.taps.get(chat, [])}
        if slot.startswith(("alert:", "contact:")):
            asked = {one.at for one in stored.taps.get(chat, []) if one.tap.action.kind == "help_now"}
        moments = [made[row] for row in sorted(rows)]
        for number, moment in enumerate(moments[1:], start=1):
            by_itself = moment not in asked and screen != "reminder"
            if moment in moments[:number] or by_itself or slot.startswith("loopback:"):
                yield f"chat {chat}: {slot} ({screen}) came again as message {sorted(rows)[number]}"


# -- order and limits


def backwards(seen: Evidence) -> Iterator[str]:
    """A screen of an earlier revision after a later one: the patient would see an old question.

    By when a call came, not by its number: it is carried out at once, and noted when its answer, if slow, has gone.
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


def too_fast(seen: Evidence) -> Iterator[str]:
    """More than Telegram lets through, by when they were let go: a server that halts makes a crowd of what came in turn."""
    within_five = most_within(seen.calls, 5, left)
    if within_five > 5 * PER_SECOND + PUBLISHED.burst:
        yield f"{within_five} messages were let go within five seconds"
    # A database or a process that halts lets go at once what was granted in turn.
    within_one = 0 if seen.faults else most_within(seen.calls, 1, left)
    if within_one > PER_SECOND + PUBLISHED.burst:
        yield f"{within_one} messages were let go within a second"
