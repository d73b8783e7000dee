"""Collects every screen that the bot can send: the questions are built, all else is what a tour through the real use
cases sends to a patient, a helper, a new phone, a stranger and the team.

The tour taps each button once, on all that its tap brings too, lets time pass, and acts as staff. A screen is kept if it
brings a text, a label or an arrangement of buttons that none before it has. Screens are data, in no language.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from bot.app.alerts import ownership
from bot.app.checkins import opening
from bot.app.operations import sweeps
from bot.app.patients import caregivers, participation, registry
from bot.app.ports.errors import RefusedError
from bot.app.records.checkins import CheckInRow
from bot.app.records.messages import Lane, Outbox
from bot.app.team import members
from bot.core import checkin as core
from bot.core.screen import Action, Screen, Text
from bot.dialog import checkin_screens, conversation
from bot.dialog.replies import Meaning
from bot.dialog.two_patients import HEAD
from tests.contract import samples
from tests.fakes.databases import MemoryDatabase
from tests.fakes.work import packaged_clinic, work_on
from tests.property.phone import actions

CLINIC = packaged_clinic()
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CODE = "P-0001"
ANNA, HELPER, NEW_PHONE, STRANGER, LEAD, COORDINATOR = 7, 8, 9, 10, 20, 21
COMMANDS: tuple[conversation.Command, ...] = (
    *("menu", "help", "privacy", "worse", "tips", "team", "language", "learn", "answers", "settings", "staff"),
)
LEAVING: tuple[conversation.Command, ...] = ("export", "delete", "stop")
MEANINGS = (
    Meaning("unknown"),
    Meaning("red_flag"),
    Meaning("despair"),
    Meaning("despair", names_sign=True),
    Meaning("code", code=CODE),
    Meaning("choice", 1),
)
OUTCOMES = ("not_reached", "seen", "sent_to_ed", "spoke_to_patient")
BENIGN = ("gone", "none", "no", "not_at_all", "yes_known")
MILD = {"numbness": "moderate", "interference": "quite_a_bit", "change": "yes"}
ENDS = frozenset({"withdraw", "erase", "delete_now", "leave", "out_of_care", "at_hospital", "mistake"})
"""Words after which a chat, or what it is asked, is not the same: they have a scene of their own."""
DEEPEST = 5
"""Taps in a row."""


# -- questions


def row_at(form: str, question: str, *, revision: int = 1, **changes: Any) -> CheckInRow:
    """Return a check-in at a question."""
    protocol = CLINIC.protocol
    value = core.open_checkin(form, protocol)
    answers = changes.pop("answers", {})
    row = CheckInRow(
        id=1,
        patient_id=1,
        kind="baseline" if form == "baseline" else "scheduled",
        due_at=START,
        opened_at=START,
        protocol_name=protocol.name,
        protocol_version=protocol.version,
        protocol_hash=protocol.content_hash,
        value=value.model_copy(
            update={"revision": revision, "asked_revision": revision, "cursor": question, "answers": answers}
        ),
    )
    return row.model_copy(update=changes)


def questions() -> Iterator[Screen]:
    """Yield every question of every form; a menu with no box, and with all boxes, ticked; what opens and reminds."""
    for name, form in CLINIC.protocol.forms.items():
        for step in form.steps:
            question = CLINIC.protocol.questions[step.ask]
            yield checkin_screens.checkin_screen(row_at(name, step.ask), CLINIC)
            yield checkin_screens.reminder_screen(row_at(name, step.ask), CLINIC)
            if question.kind == "several":
                ticked = tuple(choice.id for choice in question.choices if not choice.exclusive)
                yield checkin_screens.checkin_screen(row_at(name, step.ask, answers={step.ask: ticked}), CLINIC)
            if question.signs is not None:
                yield checkin_screens.checkin_screen(row_at(name, step.ask, answers={step.ask: ("skip",)}), CLINIC)
        first = form.steps[0].ask
        for unanswered in (0, CLINIC.protocol.silence[0].after):
            opened = row_at(name, first, revision=0, unanswered=unanswered)
            yield checkin_screens.checkin_screen(opened, CLINIC)


def for_helper(screen: Screen) -> Screen:
    return screen.model_copy(update={"lines": (Text(key=HEAD), *screen.lines)})


# -- the tour


class Tour:
    """Chats that get everything, each button tapped once."""

    def __init__(self) -> None:
        self.at = START
        self.database = MemoryDatabase()
        self.number = 0
        self.sent: list[Outbox] = []
        self.tapped: set[tuple[Any, ...]] = set()
        self.result: Any = None
        self.team_joins()
        made = samples.patient(CODE, state="active", chat_id=ANNA, timezone="Europe/Berlin")
        self.do(lambda w: w.patients.add(made))

    def do(self, work: Callable[[Any], Any], actor: str = "operator") -> list[Outbox]:
        """Do it in one transaction; return what was queued. `result` is then what it returned, None if it was refused."""
        self.at += timedelta(seconds=3)
        self.result = None
        with suppress(RefusedError):
            self.result = self.database.run(lambda s: work(work_on(s, CLINIC, self.at, actor=actor)))
        new = self.database.run(self._delivered)
        self.sent += new
        return new

    def _delivered(self, stores: Any) -> list[Outbox]:
        """Mark what waits as sent, as Telegram would: what was not sent is replaced by what comes after it."""
        found: list[Outbox] = []
        while claims := stores.outbox.claim(
            self.at, lanes=list(Lane), limit=20, owner="me", lease_until=self.at + timedelta(minutes=1)
        ):
            for claim in claims:
                self.number += 1
                number = claim.message_id or self.number
                stores.outbox.mark_sent(claim.row.id, owner="me", message_id=number, at=self.at)
                found.append(claim.row)
        return found

    def follow(self, rows: list[Outbox], depth: int = DEEPEST) -> None:
        """Tap each button of these messages that was not tapped yet, and of what they bring; answer no question."""
        found = [(row, action) for row in rows for action in actions(row)]
        for row, action in found:
            known = (min(row.chat_id, LEAD), row.screen.name, action.kind, action.question, action.choice.lstrip("+-"))
            if known in self.tapped or action.kind in {"choose", "toggle", "same"} or action.choice in ENDS:
                continue
            self.tapped.add(known)
            new = self.do(lambda w, row=row, action=action: conversation.tap(w, row.chat_id, action))
            if depth > 1:
                self.follow(new, depth - 1)

    def tap(self, choice: str, chat: int = ANNA, depth: int = 3) -> None:
        """Tap the newest button of that word, if there is one; follow what it brings."""
        found = [a for row in self.sent if row.chat_id == chat for a in actions(row) if choice in (a.choice, a.kind)]
        if found:
            self.follow(self.do(lambda w: conversation.tap(w, chat, found[-1])), depth)

    def passes(self, **by: float) -> None:
        self.at += timedelta(**by)
        for sweep in sweeps.ALL:
            self.follow(self.do(lambda w, sweep=sweep: sweep(w, 50)), 4)

    def answers(self, worst: dict[str, str], form: str = "quick", chat: int = ANNA) -> None:
        """Answer a check-in: what is in `worst`, and calmly all else; then follow what that brings."""
        due = self.at
        rows = self.do(
            lambda w: form and opening.open_checkin(w, self._anna(w), form=form, kind="scheduled", due_at=due),
        )
        brought: list[Outbox] = []
        for _ in range(60):
            brought += rows
            asked = [row for row in self.sent if row.chat_id == chat and row.screen.name.startswith("ask.")]
            if not asked:
                return
            action = _answer(asked[-1], worst)
            rows = self.do(lambda w, action=action: conversation.tap(w, chat, action))
            if not any(row.screen.name.startswith("ask.") for row in rows):
                break
        self.follow([*brought, *rows])

    def _anna(self, work: Any) -> Any:
        return work.patients.by_code(CODE)

    def team_joins(self) -> None:
        for name, role, chat in (("ann", "lead", LEAD), ("ben", "coordinator", COORDINATOR)):
            self.do(lambda w, name=name, role=role: members.add(w, name=name, role=role, language=None))
            token = self.result[1]
            self.follow(self.do(lambda w, chat=chat, token=token: conversation.start(w, chat, token, "en")))

    def enrols(self) -> None:
        for payload in ("", "no-such-link"):
            self.do(lambda w, payload=payload: conversation.start(w, STRANGER, payload, "en"))
        for name in COMMANDS:
            self.do(lambda w, name=name: conversation.command(w, STRANGER, name))
        self.do(lambda w: conversation.message(w, STRANGER, MEANINGS[0]))
        for code, word in (("P-0003", "no"), ("P-0004", "agree")):
            self.do(lambda w, code=code: registry.add(w, code=code, ici_start=START.date()))
            token = self.result[1]
            self.do(lambda w, token=token: conversation.start(w, STRANGER, token, "en"))
            for step in ("next", "next", "next", word, "lang-en", "yes", "own", "morning", "noon"):
                self.tap(step, STRANGER, 1)
        self.answers(MILD, "", STRANGER)

    def looks_around(self, chat: int = ANNA) -> None:
        for name in COMMANDS:
            self.follow(self.do(lambda w, name=name: conversation.command(w, chat, name)), 3)
        for meaning in MEANINGS:
            self.follow(self.do(lambda w, meaning=meaning: conversation.message(w, chat, meaning)), 2)

    def has_a_helper(self) -> None:
        self.do(lambda w: caregivers.invite(w, self._anna(w)))
        token = self.result
        asked = self.do(lambda w: conversation.start(w, HELPER, token, "en"))
        self.do(lambda w: conversation.command(w, HELPER, "menu"))
        self.do(lambda w: conversation.tap(w, HELPER, next(a for a in actions(asked[-1]) if a.choice == "agree")))
        self.looks_around(HELPER)
        self.do(lambda w: conversation.command(w, HELPER, "stop"))
        self.answers({"safety_now": "yes"})
        self.tap("mistake", HELPER)
        self.do(lambda w: conversation.command(w, ANNA, "menu"))
        self.tap("care")
        self.tap("end")
        self.tap("leave", HELPER)

    def is_ill(self) -> None:
        self.answers({})
        self.tap("change", depth=5)
        for worst in (MILD, {}, {"safety_new": "yes"}, {"safety_now": "yes"}, {"safety_now": "skip"}, MILD):
            self.answers(worst)
            for minutes in (20, 70, 24 * 60):
                self.passes(minutes=minutes)
            self.staff_acts()
        self.follow(self.do(lambda w: conversation.command(w, ANNA, "answers")))
        self.looks_around(LEAD)
        self.answers({"safety_new": "yes"})
        self.passes(minutes=20)
        self.tap("out_of_care", LEAD)

    def is_in_hospital(self) -> None:
        self.answers({"safety_now": "yes"})
        self.tap("mistake")
        self.answers({"safety_now": "yes"})
        self.passes(minutes=20)
        self.tap("at_hospital")
        for days in (8, 8, 8):
            self.passes(days=days)

    def is_remembered(self) -> None:
        """Say a sign, then that it is not there: what is open is named."""
        for worst in ({"safety_now": "yes"}, {}, {"safety_new": "yes"}, {}):
            self.answers(worst)
            self.passes(minutes=20)

    def staff_acts(self) -> None:
        for alert in self.database.run(lambda s: list(s.alerts.in_queue(20))):
            for outcome in OUTCOMES:
                self.do(lambda w, n=alert.id, outcome=outcome: ownership.note(w, n, outcome), actor="ann")
            self.follow(self.do(lambda w, n=alert.id: ownership.close(w, n), actor="ann"))

    def moves(self) -> None:
        """Open a link for another phone in every chat."""
        for chat in (COORDINATOR, NEW_PHONE, HELPER, ANNA):
            self.do(lambda w: registry.invite_again(w, CODE))
            token = self.result[1] if self.result else "no"
            rows = self.do(lambda w, chat=chat, token=token: conversation.start(w, chat, token, "en"))
            for name in ("menu", "help", "answers"):
                rows += self.do(lambda w, chat=chat, name=name: conversation.command(w, chat, name))
            self.follow(rows, 3)

    def facts(self) -> None:
        """Do what the clinic does, and what comes after months."""
        for act in (
            lambda w: participation.pause(w, CODE, None),
            lambda w: participation.resume_for(w, CODE),
            lambda w: w.notices.plan_ends(self._anna(w), with_checkin=False),
            lambda w: w.notices.plan_changed(self._anna(w)),
        ):
            self.follow(self.do(act), 2)
        self.passes(days=40)

    def leaves(self) -> None:
        for name in LEAVING:
            self.follow(self.do(lambda w, name=name: conversation.command(w, ANNA, name)), 6)
            self.do(lambda w: participation.withdraw(w, CODE))
            for other in COMMANDS:
                self.do(lambda w, other=other: conversation.command(w, ANNA, other))


def _answer(row: Outbox, worst: dict[str, str]) -> Action:
    question = row.screen.name.removeprefix("ask.")
    by_choice = {a.choice.lstrip("+-"): a for a in actions(row) if a.kind in {"choose", "toggle"}}
    wanted = (worst.get(question), *BENIGN)
    chosen = next((by_choice[word] for word in wanted if word in by_choice), None)
    if chosen is not None and not chosen.choice.startswith("-"):
        return chosen
    kinds = {a.kind: a for a in actions(row)}
    return kinds.get("submit") or kinds.get("skip") or next(iter(by_choice.values()))


# -- what is kept


def keys(text: Text) -> tuple[str, ...]:
    """Return the key of a text, and those of the texts in it, below it and in its fold."""
    parts = [text.key]
    for value in (*text.values.values(), *text.bullets, *([text.fold] if text.fold is not None else [])):
        if isinstance(value, Text):
            parts += keys(value)
    return tuple(parts)


def features(screen: Screen) -> set[tuple[Any, ...]]:
    """Return what a screen shows: its lines each by its own, its labels, its rows."""
    is_helpers = any(line.key == HEAD for line in screen.lines[:1])
    found: set[tuple[Any, ...]] = {("line", is_helpers, line.key) for line in screen.lines}
    found |= {("label", is_helpers, len(row), keys(button.label)) for row in screen.rows for button in row}
    return found | {("rows", screen.name, tuple(map(len, screen.rows)))}


def kept(screens: Iterator[Screen]) -> Iterator[Screen]:
    known: set[tuple[Any, ...]] = set()
    for screen in screens:
        new = features(screen) - known
        if new:
            known |= new
            yield screen


SCENES: tuple[Callable[[Tour], None], ...] = (
    *(Tour.enrols, Tour.looks_around, Tour.has_a_helper, Tour.is_ill, Tour.is_in_hospital, Tour.is_remembered),
    *(Tour.moves, Tour.facts, Tour.leaves),
)


def toured() -> Iterator[Screen]:
    tapped: set[tuple[Any, ...]] = set()
    for scene in SCENES:
        tour = Tour()
        tour.tapped = tapped
        scene(tour)
        yield from (row.screen for row in tour.sent)


@cache
def collect() -> list[Screen]:
    """Return every screen, without those that bring nothing new."""
    asked = list(questions())
    return list(kept(iter([*asked, *map(for_helper, asked), *toured()])))
