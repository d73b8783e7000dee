"""Plays one persona through the product: answers by the truth, replies to prompts, and has a team that acts or not."""

import heapq
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from bot.app.alerts import ownership
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Outbox
from bot.chat.screens import TextRenderer
from bot.content.texts import Texts
from bot.core.screen import Action, Button
from bot.sandbox.chats import Person
from tests.burden import team
from tests.burden.answers import Answerer
from tests.fakes.databases import sqlite_url
from tests.fakes.work import work_on
from tests.personas.people import Persona
from tests.personas.stage import Event, Shown, Stage, actions, buttons
from tests.stories.fixtures import opened
from tests.stories.test_team import join

BERLIN = ZoneInfo("Europe/Berlin")
QUESTION = frozenset({"choose", "toggle", "go_on"})
OPENED = frozenset({"menu", "care", "answers", "tip", "said", "keyboard"})
"""The slots of what a person opens by a command or a menu."""
MOST_TAPS = 60
"""No check-in takes so many."""
TAP = timedelta(seconds=4)
CALLS_AFTER, REPLIES_AFTER = timedelta(minutes=3), timedelta(minutes=8)
RENEWED_BEFORE = timedelta(days=4)


class Truthful(Answerer):
    """Says "new, or worse" once for a sign: from then on it is asked about by its name."""

    def _choice(self, question: str, choices: Sequence[str], row: Outbox, day: int) -> str:
        if question == "safety_new" and self._now(day) <= self._most:
            return "none"
        return super()._choice(question, choices, row, day)


@dataclass
class Lived:
    """A life as it was: what happened in each chat, in order, and what is counted."""

    persona: Persona
    begin: datetime
    days: int
    events: list[Event] = field(default_factory=list)
    enrolled_at: int = 0
    """The number of events before the first check-in had been answered."""
    patient: str = ""
    team: str = ""
    alerts: int = 0
    live: int = 0
    """Buttons in a chat at most. Not those of the open question, of a menu that the person opened, or of what asks about
    a call, and not what only copies a number or shows the card: that may stay.
    """
    live_on: tuple[str, ...] = ()
    """On which screens these were."""
    live_about_calls: int = 0
    """Buttons in a chat at most that ask about a call."""

    @property
    def after(self) -> list[Event]:
        """What happened after enrolment."""
        return self.events[self.enrolled_at :]

    def day(self, at: datetime) -> int:
        return (at.astimezone(BERLIN).date() - self.begin.astimezone(BERLIN).date()).days

    def messages(self, who: str) -> list[Event]:
        """Return the new messages that somebody got after enrolment; a card counts as one."""
        return [e for e in self.after if e.who == who and e.kind in {"new", "card"}]

    @property
    def helpers(self) -> list[str]:
        return sorted({e.who for e in self.events} - {self.patient, self.team})


class Life:
    def __init__(self, stage: Stage, persona: Persona, days: int) -> None:
        self.stage, self.persona, self.days = stage, persona, days
        self.rng = Random(persona.name)
        self.begin = stage.clock.now()
        self.end = self.begin + timedelta(days=days)
        self.lived = Lived(persona, self.begin, days, stage.events)
        self._answerer = Truthful(persona.course, stage.read)
        self._helper: Person | None = None
        self._is_helpers_turn = True
        self._planned: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = []
        self._number = 0
        self._prompts = iter(persona.prompts)
        self._says = persona.prompts[0]
        self._rated: set[str] = set()
        self._visited: set[int] = set()

    async def live(self) -> Lived:
        self._ann = await join(self.stage, team.MEMBER, out_of_hours=True)
        await self._enrol()
        self._in(timedelta(days=self.days), _nothing)
        while self.stage.clock.now() < self.end:
            due = await self.stage.next_event()
            planned = self._planned[0][0] if self._planned else self.end
            at = min(self.end, planned, due or self.end)
            self.stage.clock.advance(max(at - self.stage.clock.now(), timedelta(0)))
            if planned <= at:
                await heapq.heappop(self._planned)[2]()
            else:
                await self.stage.pump()
                if due is not None and due <= at and await self.stage.next_event() == due:
                    self.stage.clock.advance(timedelta(seconds=1))
            await self._look()
        view = await self.stage.view(self._patient)
        self.lived.alerts = len(view.alerts)
        return self.lived

    # -- enrolment

    async def _enrol(self) -> None:
        code, language = team.CODE, self.persona.language
        today = self.stage.clock.now().date()
        name = self.persona.name
        regimen = self.persona.regimen
        self._patient = await self.stage.add(code, name=name, phone=language, ici_start=today, regimen=regimen)
        self.lived.patient, self.lived.team = name, self._ann.name
        self.stage.sandbox.open_invite(self._patient)
        await self.stage.pump()
        wanted = ("next", "agree", f"lang-{language}", "yes", "own", "morning")
        for _ in range(12):
            number, shown = self._newest(self._patient, "enrol") or (0, None)
            if shown is None:
                break
            found = {action.choice: action for action in actions(shown.row)}
            word = next((word for word in wanted if word in found), None)
            assert word is not None, list(found)
            await self._tap(self._patient, number, found[word])
        await self._answer()
        if self.persona.has_helper:
            await self._add_helper()
        self.lived.enrolled_at = len(self.stage.events)
        self.stage.fresh.clear()
        if self.persona.course.is_agreed:
            self._in(timedelta(hours=5), self._agree)
        for day, text in self.persona.types.items():
            self._in(timedelta(days=day, hours=3), lambda words=text: self._say(words))

    async def _add_helper(self) -> None:
        await self.stage.say(self._patient, "/menu")
        await self._tap(self._patient, *self._found(self._patient, Action(kind="care")))
        await self._tap(self._patient, *self._found(self._patient, Action(kind="care", choice="make")))
        link = next(e.text for e in reversed(self.stage.events) if "start=" in e.text)
        self._helper = self.stage.sandbox.person(f"{self.persona.name}'s daughter")
        await self.stage.say(self._helper, f"/start {link.split('start=')[1].split()[0]}")
        await self._tap(self._helper, *self._found(self._helper, Action(kind="care", choice="agree")))

    def _found(self, person: Person, like: Action) -> tuple[int, Action]:
        phone = self.stage.phones[person.id]
        for number in sorted(phone.shown, reverse=True):
            for action in actions(phone.shown[number].row):
                if (action.kind, action.choice) == (like.kind, like.choice):
                    return number, action
        raise AssertionError(f"nothing like {like}")

    # -- time

    def _in(self, wait: timedelta, what: Callable[[], Awaitable[None]]) -> None:
        self._number += 1
        heapq.heappush(self._planned, (self.stage.clock.now() + wait, self._number, what))

    # -- what the people do

    async def _tap(self, person: Person, number: int, action: Action) -> None:
        self.stage.clock.advance(TAP)
        await self.stage.do(person, number, action)

    async def _say(self, words: str) -> None:
        await self.stage.say(self._patient, words)

    def _newest(self, person: Person, *kinds: str) -> tuple[int, Shown] | None:
        phone = self.stage.phones[person.id]
        for number in sorted(phone.shown, reverse=True):
            shown = phone.shown[number]
            if shown.labels and any(action.kind in kinds for action in actions(shown.row)):
                return number, shown
        return None

    def _who_answers(self) -> Person:
        """Return the patient, or every second time the helper."""
        self._is_helpers_turn = not self._is_helpers_turn
        return self._helper if self._is_helpers_turn and self._helper is not None else self._patient

    async def _answer(self) -> None:
        """Answer the check-in that is asked, to its end."""
        person, day = self._who_answers(), self.lived.day(self.stage.clock.now())
        taps = 0
        while (found := self._newest(person, *QUESTION)) is not None:
            taps += 1
            assert taps < MOST_TAPS, f"no end: {self.stage.events[-1]}"
            action = self._answerer.next_tap(found[1].row, day)
            assert action is not None
            await self._tap(person, found[0], action)
        if taps:
            self._answerer.finished(day)
            await self._rate(person)

    async def _rate(self, person: Person) -> None:
        """Say of a tip that it helps, or that it is not for them, as they think."""
        for choice in ("about", "helpful", "not_for_me"):
            found = self._newest(person, "tip")
            for action in actions(found[1].row) if found is not None else ():
                opinion = {"helpful": self.persona.likes, "not_for_me": self.persona.dislikes}
                opinion["about"] = (*self.persona.likes, *self.persona.dislikes)
                is_meant = action.kind == "tip" and action.choice == choice and action.question in opinion[choice]
                if found is not None and is_meant:
                    await self._tap(person, found[0], action)

    async def _called(self, event: Event) -> None:
        await self._alert_tap(event, "called")

    async def _reply(self, event: Event) -> None:
        """Answer whether somebody spoke with them."""
        self._says = next(self._prompts, self._says)
        await self._alert_tap(event, self._says)

    async def _home(self, event: Event) -> None:
        await self._alert_tap(event, "home")

    async def _alert_tap(self, event: Event, choice: str) -> None:
        person = next(p for p in self.stage.sandbox.people.values() if p.name == event.who)
        shown = self.stage.phones[person.id].shown.get(event.number)
        if shown is None or not shown.labels:
            return
        for action in actions(shown.row):
            if (action.kind, action.choice) == ("alert", choice):
                await self._tap(person, event.number, action)
                return

    # -- what they notice

    async def _look(self) -> None:
        """Notice what is new on the phones, and plan what to do about it."""
        fresh, self.stage.fresh = self.stage.fresh, []
        for event in fresh:
            if event.who == self._ann.name:
                self._team_sees(event)
            elif self.persona.answers and event.kind == "new":
                self._sees(event)
        self._count()

    def _sees(self, event: Event) -> None:
        assert event.row is not None
        found = {(a.kind, a.choice) for a in actions(event.row)}
        is_own = event.who == self._patient.name
        if ("alert", "home") in found and is_own:
            self._in(timedelta(hours=2), lambda: self._home(event))
        elif ("alert", "called") in found and is_own:
            self._in(CALLS_AFTER, lambda: self._called(event))
        elif event.row.screen.name == "loopback.ask" and is_own:
            self._in(REPLIES_AFTER, lambda: self._reply(event))
        elif QUESTION & {kind for kind, _ in found} and is_own:
            self._in(timedelta(hours=self.rng.uniform(0.1, self.persona.hours)), self._answer)

    def _count(self) -> None:
        for phone in (p for number, p in self.stage.phones.items() if number != self._ann.id):
            calls, rest, on = 0, 0, list[str]()
            for shown in phone.shown.values():
                if shown.labels and not is_question(shown.row) and shown.row.slot not in OPENED:
                    about = sum(_is_about_call(button) for button in buttons(shown.row))
                    others = sum(map(_acts, buttons(shown.row))) - about
                    calls, rest = calls + about, rest + others
                    on += [f"{shown.row.screen.name} {others}"] if others else []
            if rest > self.lived.live:
                self.lived.live, self.lived.live_on = rest, tuple(on)
            self.lived.live_about_calls = max(self.lived.live_about_calls, calls)

    # -- the team

    def _team_sees(self, event: Event) -> None:
        if self.persona.staff_after is None or event.row is None:
            return
        for number in {a.subject for a in actions(event.row) if a.kind == "staff" and a.subject}:
            if number not in self._visited:
                self._visited.add(number)
                self._in(timedelta(minutes=10), lambda alert=number: self._acknowledge(alert))
                self._in(timedelta(hours=self.persona.staff_after), lambda alert=number: self._speak(alert))

    async def _acknowledge(self, alert: int) -> None:
        await self._act("has acknowledged the alert", lambda work: ownership.acknowledge(work, alert))

    async def _speak(self, alert: int) -> None:
        self._visited.discard(alert)
        await self._act("has spoken with the patient", team.spoke(alert)[1])
        await self._act("has closed the alert", team.close(alert)[1])

    async def _agree(self) -> None:
        found = team.agree(self.persona.course, self.stage.clock.now())
        if found is None:
            return
        (_, act), holds = found
        await self._act("agrees on the level, for four weeks", act)
        self._in(holds - RENEWED_BEFORE, self._agree)

    async def _act(self, words: str, act: Callable) -> None:
        stage, at = self.stage, self.stage.clock.now()
        with suppress(RefusedError):
            await stage.service.database.transact(
                lambda stores: act(work_on(stores, stage.clinic, at, actor=team.MEMBER))
            )
            stage.events.append(Event(at, self._ann.name, "note", text=f"{self._ann.name} {words}."))
        await stage.pump()


def is_question(row: Outbox) -> bool:
    return bool({action.kind for action in actions(row)} & {*QUESTION, "submit"})


def _acts(button: Button) -> bool:
    return button.action is not None and button.action.choice != "card"


def _is_about_call(button: Button) -> bool:
    return _acts(button) and button.action is not None and button.action.kind == "alert"


async def _nothing() -> None:
    return


async def live(persona: Persona, days: int) -> Lived:
    """Live one persona's life in a world of its own."""
    with TemporaryDirectory() as folder:
        async with opened(sqlite_url(Path(folder) / "life.db")) as world:
            texts = TextRenderer(Texts.load(world.clinic.languages))
            return await Life(Stage(world, texts), persona, days).live()
