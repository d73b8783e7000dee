"""What no chat of a persona may show: each rule reads what happened there, and yields a line for each breach.

The rules are those of the storyboard and of the cases, with numbers of their own: nothing here asks the product.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from bot.chat.screens import TextRenderer
from bot.core.screen import Text
from bot.dialog.two_patients import is_for_caregiver
from tests.personas.labels import is_cut
from tests.personas.living import BERLIN, Lived
from tests.personas.stage import Event

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LONGEST = 4096
"""Telegram's limit for a message, in UTF-16 code units."""
MOST_MESSAGES = 45
"""In 91 days, for those about whom nobody is called (case P8)."""
MOST_LIVE = 5
"""Buttons that can be tapped once a check-in is answered (case P8)."""

# -- what contradicts

ALL_CLEAR = ("done.routine", "done.scope")
"""The start of the keys of an all-clear."""
CALLS = (
    "call.soon",
    "call.urgent",
    "call.emergency",
    "call.help",
    "call.despair",
    "done.open.call",
    "change.noted.call",
)
CONTRADICTIONS = (
    # (said, and within a minute, why)
    *((clear, call, "P9: no all-clear next to a call") for clear in ALL_CLEAR for call in CALLS),
    ("done.routine", "done.open", "law 1: no all-clear while something is open"),
    ("done.routine", "loopback.ask", "law 1: what asks whether somebody spoke with them is open"),
    ("done.routine", "call.reply.not_yet", "P9: 'please call your team' next to an all-clear"),
    ("done.routine", "call.reply.cannot_reach", "P9: 'please call your team' next to an all-clear"),
    ("done.routine", "done.known", "'nothing needs a call' and 'call if it gets worse' are two end screens"),
    ("done.routine", "checkin.left_open", "a safety question left open: no all-clear"),
    ("done.routine", "done.incomplete", "'I can't tell if you need a call' next to an all-clear"),
    ("done.routine", "done.see_next", "'read the next message' announces a call screen"),
    ("done.routine", "done.after_call", "P10: the end after a call screen has no all-clear"),
    *(("done.known", call, "'about the same' next to a call") for call in CALLS),
    *(("done.tip", call, "a tip never shares the screen of a call") for call in CALLS),
    ("call.emergency", "call.soon", "'call 112 now' next to 'within 24 hours'"),
    ("call.emergency", "done.open.call.soon", "'call 112 now' next to 'within 24 hours'"),
    ("call.emergency", "done.open.call.urgent", "P10: the end screen names 112"),
    ("call.urgent", "call.soon", "'call now' next to 'within 24 hours'"),
    ("call.urgent", "done.open.call.soon", "'call now' next to 'within 24 hours'"),
    ("call.reply.reached", "loopback.ask", "'good, do what they say', and the question is asked again"),
    ("call.reply.at_hospital", "loopback.ask", "they are at the hospital, and are asked if help is there"),
    ("call.reply.team_knows", "call.soon.why", "the team knows, and 'please call'"),
    ("call.reply.mistake", "loopback.ask", "P11: what was taken back is not asked about"),
    ("call.home.paused", "checkin.hello", "check-ins are paused, and one comes"),
    ("goodbye", "checkin.hello", "P13: goodbye, and a check-in comes"),
    ("goodbye", "done.next", "P13: goodbye, and the next check-in is named"),
)


def contradictions(lived: Lived) -> Iterator[str]:
    for who in (lived.patient, *lived.helpers):
        said = [event for event in lived.after if event.who == who and event.kind in {"new", "edit"}]
        for number, event in enumerate(said):
            near = [other for other in said[number:] if other.at - event.at <= MINUTE]
            for one, other, why in CONTRADICTIONS:
                for later in near:
                    if _contradict(event, later, one, other) or _contradict(event, later, other, one):
                        yield _line(lived, later, f"{one} next to {other}: {why}")


def _contradict(first: Event, second: Event, one: str, other: str) -> bool:
    return _says(first, one) and _says(second, other)


def _says(event: Event, key: str) -> bool:
    return any(each == key or each.startswith(f"{key}.") for each in event.keys)


# -- what is hidden


def hidden(lived: Lived, texts: TextRenderer) -> Iterator[str]:
    """Yield lines that a message should have and lacks, and labels that a phone would cut."""
    for event in lived.events:
        if event.row is None or event.kind not in {"new", "edit"} or event.who == lived.team:
            continue
        if len(event.text.encode("utf-16-le")) // 2 > LONGEST:
            yield _line(lived, event, f"{event.row.screen.name}: more than {LONGEST} characters")
        voice = texts.for_helper() if is_for_caregiver(event.row.screen) else texts
        for line in event.row.screen.lines if event.row.screen.contact is None else ():
            if _shown(line, event.row.language, voice) not in _plain(event.text):
                yield _line(lived, event, f"{event.row.screen.name}: {line.key} is not shown")
        yield from (
            f"{len(row)} in a row, the button is cut: {label}"
            for row in event.rows
            for label in row
            if is_cut(label, len(row))
        )


def _shown(line: Text, language: str, texts: TextRenderer) -> str:
    return _plain(texts.plain(line, language))


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


# -- what is said too often


class Nag(NamedTuple):
    """A text comes at most `most` times in a new message, each time that `per` returns the same."""

    key: str
    most: int
    per: Callable[[Event], object]
    why: str


def _slot(event: Event) -> object:
    return event.row.slot if event.row is not None else ""


def _alert(event: Event) -> object:
    """Return the number of the alert: the slot of its question is `loopback:<alert>:<how many>`."""
    return str(_slot(event)).split(":")[1]


def _life(_event: Event) -> object:
    return ""


def _week(event: Event) -> object:
    """Return the calendar week, from Monday in Berlin."""
    return event.at.astimezone(BERLIN).isocalendar()[:2]


NAGS = (
    Nag("checkin.hello", 1, _slot, "a check-in falls due once"),
    Nag("checkin.hello.silence", 1, _life, "P17: one warmer text"),
    Nag("reminder.open", 2, _slot, "reminders at +24 h and +48 h"),
    Nag("loopback.number.emergency", 3, _alert, "rule 8: EMERGENCY x3"),
    Nag("loopback.number.urgent", 3, _alert, "rule 8: URGENT x3"),
    Nag("loopback.number.soon", 2, _alert, "rule 8: SOON x2"),
    Nag("call.soon.why", 1, _slot, "law 6: unchanged, no second call screen"),
    Nag("call.urgent.why", 1, _slot, "law 6: unchanged, no second call screen"),
    Nag("goodbye", 1, _life, "P13: one goodbye"),
)
READ_ONCE = Nag("done.scope", 1, _week, "once a week, with the first all-clear")
"""The same for what a message says after an edit."""
APART = (
    # (key, at least so far apart in all that one person reads, why)
    ("call.home.ask", 6 * DAY, "asked again after a week"),
)
SAME_TEXT = timedelta(hours=6)
"""No new message repeats the text of another one within this, unless it is the answer to a tap."""
ASKED_AGAIN = "loopback.ask"
"""The one that may: its number is limited above."""


def nags(lived: Lived) -> Iterator[str]:
    for who in (lived.patient, *lived.helpers):
        new = [event for event in lived.after if event.who == who and event.kind == "new"]
        read = [event for event in lived.after if event.who == who and event.kind in {"new", "edit"}]
        for nag in NAGS:
            yield from _too_often(lived, [event for event in new if _says(event, nag.key)], nag)
        scopes = {event.number: event for event in reversed(read) if _says(event, READ_ONCE.key)}
        yield from _too_often(lived, sorted(scopes.values(), key=lambda event: event.at), READ_ONCE)
        for key, apart, why in APART:
            for sooner, later in pairwise(event for event in read if _says(event, key)):
                if later.number != sooner.number and later.at - sooner.at < apart:
                    yield _line(lived, later, f"{key} after {later.at - sooner.at}: {why}")
        yield from _repeated(lived, who, new)


def _too_often(lived: Lived, found: list[Event], nag: Nag) -> Iterator[str]:
    counts: dict[object, int] = defaultdict(int)
    for event in found:
        counts[nag.per(event)] += 1
        if counts[nag.per(event)] > nag.most:
            yield _line(lived, event, f"{nag.key} for the {counts[nag.per(event)]}. time: {nag.why}")


def _repeated(lived: Lived, who: str, new: list[Event]) -> Iterator[str]:
    taps = {event.at for event in lived.after if event.who == who and event.kind in {"tap", "says"}}
    for number, event in enumerate(new):
        is_asked = event.at in taps or _says(event, ASKED_AGAIN)
        for former in () if is_asked else new[:number]:
            if former.text == event.text and event.at - former.at < SAME_TEXT:
                yield _line(lived, event, f"the same text again after {event.at - former.at}: {event.text[:60]!r}")


# -- tips

NUMB_TIPS = frozenset(
    {
        *("move_physio", "feet_shoes", "feet_look", "falls_balance", "heat_water", "heat_kitchen", "cold_outside"),
        *("pain_ask", "pain_no_self_dose", "safety_drive"),
    }
)
"""Tips for numb hands or feet."""
FOR_SOME = frozenset({"habits_smoking", "habits_sugar"})
TIP_RESTS, DISLIKED_RESTS = 14 * DAY, 84 * DAY
MOST_FOR_OTHERS = 3
"""Times in 91 days that somebody whom it does not concern reads a tip of a habit or of an illness."""


def tips(lived: Lived) -> Iterator[str]:
    for who in (lived.patient, *lived.helpers):
        reader = _TipReader(lived)
        for event in lived.after:
            if event.who == who:
                yield from (_line(lived, event, words) for words in reader.read(event))


class _TipReader:
    """Reads the tips of one phone in order, with the answers and ratings between them."""

    def __init__(self, lived: Lived) -> None:
        self._persona = lived.persona
        self._last: dict[str, Event] = {}
        self._disliked: dict[str, Event] = {}
        self._times: dict[str, list[Event]] = defaultdict(list)
        self._in_a_row: list[bool] = []
        self._numb_in: dict[int, bool] = {}
        """Whether numbness was answered in a message."""

    def read(self, event: Event) -> Iterator[str]:
        if event.kind == "tap":
            self._tapped(event)
        tip = next((key.removeprefix("tip.") for key in event.keys if key.startswith("tip.")), None)
        if tip is None or event.kind not in {"new", "edit"} or self._is_the_same(tip, event):
            return
        is_numb = self._numb_in.get(event.number, False)
        yield from self._too_soon(tip, event)
        yield from self._out_of_place(tip, is_numb=is_numb)
        self._in_a_row = [*self._in_a_row, tip in NUMB_TIPS][-3:] if is_numb else []
        if len(self._in_a_row) == 3 and sum(self._in_a_row) < 2:
            yield f"P6: {sum(self._in_a_row)} of three tips are for numb hands or feet ({tip})"
        self._last[tip] = event

    def _tapped(self, event: Event) -> None:
        if event.row is not None and event.row.screen.name == "ask.numbness":
            self._numb_in[event.number] = event.choice != "none"
        if event.choice == "not_for_me":
            self._disliked |= dict.fromkeys(_rated(event), event)

    def _is_the_same(self, tip: str, event: Event) -> bool:
        """Return whether it is the same message, changed, or what the person opened about the tip that it has."""
        last = self._last.get(tip)
        is_opened = (
            last is not None and event.row is not None and event.row.slot == "tip" and event.at - last.at < MINUTE
        )
        return is_opened or (last is not None and last.number == event.number)

    def _too_soon(self, tip: str, event: Event) -> Iterator[str]:
        if tip in self._last and (apart := event.at - self._last[tip].at) < TIP_RESTS:
            yield f"the tip {tip} again after {apart.days} days"
        if tip in self._disliked and event.at - self._disliked[tip].at < DISLIKED_RESTS:
            yield f"the tip {tip}, which is not for them"
        self._times[tip] = [*(each for each in self._times[tip] if event.at - each.at < 91 * DAY), event]
        if tip in FOR_SOME and tip not in self._persona.likes and len(self._times[tip]) > MOST_FOR_OTHERS:
            yield f"the tip {tip} for the {len(self._times[tip])}. time to somebody whom it does not concern"

    def _out_of_place(self, tip: str, *, is_numb: bool) -> Iterator[str]:
        if tip in NUMB_TIPS and not is_numb:
            yield f"the tip {tip} to somebody who is not numb"
        if tip == "falls_stand_slowly" and self._persona.course.symptom != "dizzy":
            yield f"the tip {tip} to somebody who is not dizzy"


def _rated(event: Event) -> Iterator[str]:
    """Yield the tip on whose message somebody tapped."""
    for row in event.row.screen.rows if event.row is not None else ():
        for button in row:
            if button.action is not None and button.label.key == "button.not_for_me":
                yield button.action.question


# -- how much


def amounts(lived: Lived) -> Iterator[str]:
    sent = len(lived.messages(lived.patient))
    if not lived.alerts and lived.days <= 91 and sent > MOST_MESSAGES:
        yield f"{sent} messages in {lived.days} days; at most {MOST_MESSAGES}"
    if lived.live > MOST_LIVE:
        yield f"{lived.live} live buttons; at most {MOST_LIVE} ({', '.join(lived.live_on)})"


def breaches(lived: Lived, texts: TextRenderer) -> list[str]:
    """Return what a life breaks, each line once."""
    found = [*hidden(lived, texts), *contradictions(lived), *nags(lived), *tips(lived), *amounts(lived)]
    return list(dict.fromkeys(found))


def _line(lived: Lived, event: Event, words: str) -> str:
    return f"day {lived.day(event.at)}, {event.who}: {words}"
