"""One patient's life with the bot: what the phone shows, what they tap, what the clinic does; all from one seed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Protocol, TypeVar

from sqlalchemy import bindparam, select

from bot.app.checkins import opening
from bot.app.concerns.replay_concerns import replay_concerns
from bot.app.operations import sweeps
from bot.app.patients import lookup, participation, registry
from bot.app.ports.clinic import Clinic
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Lane, Outbox
from bot.app.records.patients import PatientState
from bot.app.work import Stores
from bot.core.screen import Action
from bot.db import tables as t
from bot.dialog import conversation
from bot.dialog.replies import Meaning
from bot.dialog.widgets import spaced
from tests.fakes.work import work_on
from tests.property import laws
from tests.property.hearing import hear
from tests.property.ledger import Ledger, is_named_by
from tests.property.memory_laws import References, all_clears, called_about, followed_up, opened, taken_from_its_owner
from tests.property.notes import Books, Deed, Noting
from tests.property.people import Person, is_question, weight
from tests.property.phone import Phone, actions, leads_on
from tests.property.staff import Team
from tests.property.words import Wording

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
CODE = "P-0001"
COMMANDS: tuple[conversation.Command, ...] = (
    *("menu", "help", "privacy", "stop", "worse", "tips", "team", "language", "learn", "answers", "settings"),
)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", None)
FAREWELLS = frozenset({"stop.done", "stop.erased", "care.goodbye"})
"""The last message to a person who ended participation."""
OUTAGE = 0.003
"""The probability that the service is down when something falls due."""
LEFT_LYING = timedelta(days=4)
"""How long an answer can wait in a form that nobody goes on with."""
HISTORY_LINES = 120
"""The number of history lines shown when a life breaks a law."""
IS_WAITING = (
    select(t.outbox.c.id).where(t.outbox.c.state == "waiting", t.outbox.c.not_before <= bindparam("at")).limit(1)
)

T = TypeVar("T")


class BrokenLawError(AssertionError):
    """A life broke a law; the message names the seed and the last taps."""


class Database(Protocol):
    def run(self, fn: Callable[[Stores], T]) -> T: ...


class Life:
    def __init__(
        self, seed: int, person: Person, database: Database, clinic: Clinic, wording: Wording, days: int = 400
    ) -> None:
        self.rng = Random(seed)
        tokens = iter(range(1, 10_000))
        # Real tokens can't be guessed; these are the same in every run.
        self.clinic = replace(clinic, new_token=lambda: f"token-{next(tokens)}")
        self.seed, self.person, self.days = seed, person, days
        self.at = START + timedelta(minutes=self.rng.randrange(24 * 60))
        self.end = self.at + timedelta(days=days)
        self.history: list[str] = []
        self.transactions = 0
        self.seen: set[str] = set()
        """Names of the screens that were shown."""
        self._database = database
        self._wording = wording
        self._numbers = (spaced(clinic.team_number), clinic.emergency_number)
        self._books = Books()
        self.ledger = Ledger()
        self._references = References()
        self._team = Team(self.rng)
        self._phones: dict[int, Phone] = {}
        self._own = Phone(1000)
        self._appointments: list[tuple[datetime, int, Callable[[], None]]] = []
        self._counter = 0

    # -- a life

    def live(self) -> "Life":
        """Run all days; raise BrokenLawError at the first broken law."""
        self._begin()
        while self.at < self.end:
            event = self._next_event()
            planned = min(self._appointments)[0]
            if event is not None and event <= planned:
                self.at = max(self.at, event)
                self._sweep()
            else:
                appointment = min(self._appointments)
                self._appointments.remove(appointment)
                self.at = max(self.at, appointment[0])
                appointment[2]()
        self._check_replay()
        return self

    def _begin(self) -> None:
        rng = self.rng
        regimen = rng.choice(("single", "combination"))
        started = (self.at - timedelta(days=rng.choice((-3, 0, 0, 8, 60)))).date()

        def work(stores: Stores) -> str:
            _, token = registry.add(
                work_on(stores, self.clinic, self.at, actor="operator"),
                code=CODE,
                ici_start=started,
                regimen=regimen,
                timezone=rng.choice(ZONES),
            )
            return token

        self._invited(self._do("add", work))
        for what, every in ((self._each_day, 24.0), (self._clinic_acts, 24 * 9.0), (self._staff_act, 8.0)):
            self._reassess(what, every)

    def _reassess(self, what: Callable[[], None], hours: float) -> None:
        def acted() -> None:
            self._in(timedelta(hours=hours * (0.5 + self.rng.random())), acted)
            what()

        self._in(timedelta(hours=hours * self.rng.random()), acted)

    def _in(self, wait: timedelta, what: Callable[[], None]) -> None:
        self._counter += 1
        self._appointments.append((self.at + wait, self._counter, what))

    def _invited(self, token: str) -> None:
        def opened() -> None:
            phone = self._own
            hint = self.rng.choice(("en", "es-419", "ru", "de", None))
            self._do(
                "start", lambda s: conversation.start(work_on(s, self.clinic, self.at), phone.chat_id, token, hint)
            )
            self._sit_down(phone)

        self._in(timedelta(hours=self.rng.expovariate(1 / 20)), opened)

    # -- time

    def _sweep(self) -> None:
        late = self.rng.random() < OUTAGE
        if late:
            self.at += timedelta(hours=self.rng.choice((0.3, 5, 20, 60)))
            self._note("after an outage", "")
        for sweep in sweeps.ALL:
            while self._do("sweep", lambda s, run=sweep: run(work_on(s, self.clinic, self.at), 10), late=late).done:
                pass
        self._database.run(lambda stores: sweeps.housekeeping(work_on(stores, self.clinic, self.at), 10))

    def _pass(self, wait: timedelta) -> None:
        """Let a short time pass; process what falls due meanwhile when it is due."""
        target = self.at + wait
        while (event := self._next_event()) is not None and event <= target:
            self.at = max(self.at, event)
            self._sweep()
        self.at = max(self.at, target)

    def _next_event(self) -> datetime | None:
        return self._database.run(lambda stores: stores.clock.next_event_at())

    def _each_day(self) -> None:
        """Do what people do without being asked: open the chat, feel worse, leave."""
        self._nothing_is_left_lying()
        rng, person, phone = self.rng, self.person, self._own
        if rng.random() < person.leaves:
            phone.blocked = not phone.blocked
            self._moved(phone)
        elif phone.blocked and rng.random() < 0.1:
            phone.blocked = False
            self._moved(phone)
        if phone.blocked or not phone.messages:
            return
        if rng.random() < person.worse:
            self._command(phone, "worse")
            self._sit_down(phone)
        for other in (phone, *self._phones.values()):
            if other.messages and rng.random() < person.idle:
                self._stray(other)
                self._sit_down(other)

    def _moved(self, phone: Phone) -> None:
        reachable = not phone.blocked
        self._do(
            f"membership {reachable}",
            lambda s: conversation.membership(work_on(s, self.clinic, self.at), phone.chat_id, reachable=reachable),
        )

    def _clinic_acts(self) -> None:
        """Act as the coordinator: pause, send a check-in, invite people again who left."""
        patient, rng = self._books.patient, self.rng
        if patient is None:
            return
        if patient.state not in {PatientState.ACTIVE, PatientState.PAUSED}:
            if rng.random() < 0.5 and (patient.state is not PatientState.ENROLLING or rng.random() < 0.2):
                self._invite_again()
            return
        word = rng.choice(("nothing",) * 6 + ("pause", "pause until", "send", "invite", "withdraw", "erase"))
        if word in {"withdraw", "erase"} and rng.random() < 0.8:
            return
        until = plan_until(self.at, rng)
        works: dict[str, Callable[[Stores], Any]] = {
            "pause": lambda s: participation.pause(work_on(s, self.clinic, self.at, actor="operator"), CODE, None),
            "pause until": lambda s: participation.pause(
                work_on(s, self.clinic, self.at, actor="operator"), CODE, until
            ),
            "send": lambda s: opening.send_now(
                work_on(s, self.clinic, self.at, actor="operator"), lookup.locked(s.patients, CODE)
            ),
            "withdraw": lambda s: participation.withdraw(work_on(s, self.clinic, self.at, actor="operator"), CODE),
            "erase": lambda s: participation.erase(work_on(s, self.clinic, self.at, actor="operator"), CODE),
        }
        if word == "invite":
            self._invite_again()
        elif word in works:
            self._do(word, works[word])

    def _staff_act(self) -> None:
        """Act on the alerts as this clinic's team does: always, now and then, or never."""
        for act, work in self._team.acts(self._books, self.ledger, CODE, self.at):

            def tried(stores: Stores, work: Callable[[Any], Any] = work) -> bool:
                try:
                    work(work_on(stores, self.clinic, self.at, actor="ann"))
                except RefusedError:
                    return False
                return True

            self._do(f"staff {act.what} {act.alert or act.symptom} {act.outcome}", tried, staff=act)

    def _invite_again(self) -> None:
        if self.rng.random() < 0.5:
            self._phones[self._own.chat_id] = self._own
            self._own = Phone(self._own.chat_id + 1)
        self._own.blocked = False
        self._invited(
            self._do(
                "invite again",
                lambda s: registry.invite_again(work_on(s, self.clinic, self.at, actor="operator"), CODE)[1],
            )
        )

    # -- one transaction

    def _do(self, name: str, work: Callable[[Any], T], action: Action | None = None, **more: Any) -> T:
        """Run one transaction, check that every law holds, then deliver what was queued; `more` is for the deed."""
        before = self._books
        if name != "sweep":
            self._note(name, _said(action))

        def looked_at(stores: Stores) -> tuple[T, Books]:
            noting = Noting(stores)
            result = work(noting)
            if result is False:
                more.pop("staff", None)  # it was refused
            deed = Deed(self.at, name, action, noting, **more)
            after = before.with_deed(deed)
            self._note_done(deed)
            self._blame([*laws.broken(before, after, deed, self.clinic), *self._misremembered(before, after, deed)])
            return result, after

        try:
            result, self._books = self._database.run(looked_at)
        except BrokenLawError:
            raise
        except Exception as error:
            raise BrokenLawError(self._report(f"{type(error).__name__}: {error}")) from error
        self.transactions += 1
        if name != "add":
            self._deliver(unasked=action is None)
        return result

    def _note_done(self, deed: Deed) -> None:
        """Note what a transaction raised and sent, so that a broken law shows the course of events."""
        raised = [f"{a.tier.name} alert {a.id} {','.join(a.symptoms)}" for a in deed.of("add_alert", "save_alert")]
        sent = [f"sends {row.screen.name}" for row in deed.queued if not row.screen.name.startswith("ask.")]
        for what in (*raised, *sent):
            self._note(f"  {what}", "")

    def _misremembered(self, before: Books, after: Books, deed: Deed) -> Iterator[str]:
        """Yield the broken laws of what is remembered between check-ins."""
        if deed.of("erase_patient_data"):
            self.ledger, self._references = Ledger(), References()
            return
        marks = dict(self.ledger.marks)
        hear(self.ledger, before, after, deed, self.clinic)
        new = opened(marks, self.ledger, deed)
        yield from called_about(new, after, deed)
        yield from taken_from_its_owner(new, before, after)
        yield from followed_up(new, after)
        yield from all_clears(self.ledger, deed, lambda row: self._wording.text(row.screen, "en"))
        yield from self._references.changed(before, after, deed)

    def _deliver(self, *, unasked: bool) -> None:
        """Act as Telegram and the sender: show queued messages on the phones, or fail them for who blocked the bot."""
        for phone, row in self._database.run(self._acknowledged):
            self.seen.add(row.screen.name)
            self._blame(self._wording.faults(row))
            self._sees(phone, row, unasked=unasked)

    def _acknowledged(self, stores: Stores) -> list[tuple[Phone, Outbox]]:
        shown: list[tuple[Phone, Outbox]] = []
        until = self.at + timedelta(minutes=1)
        # Most events queue nothing: one look is much cheaper than a claim, which asks lane by lane.
        while stores.outbox._connection.execute(IS_WAITING, {"at": self.at}).first():
            stores.outbox.expire(self.at)
            claims = stores.outbox.claim(self.at, lanes=list(Lane), limit=20, owner="me", lease_until=until)
            if not claims:
                break
            for claim in claims:
                phone = self._phone(claim.row.chat_id)
                if phone.blocked:
                    stores.outbox.mark_failed(claim.row.id, error="blocked", at=self.at)
                    continue
                number = phone.take(claim)
                stores.outbox.mark_sent(claim.row.id, owner="me", message_id=number, at=self.at)
                if claim.row.mode != "buttons":
                    shown.append((phone, claim.row))
        if shown:
            stores.outbox.purge(self.at)
        return shown

    def _phone(self, chat_id: int) -> Phone:
        if chat_id == self._own.chat_id:
            return self._own
        return self._phones.setdefault(chat_id, Phone(chat_id))

    def _sees(self, phone: Phone, row: Outbox, *, unasked: bool) -> None:
        if not self._leads_on(row) and not phone.keyboard and row.screen.name not in FAREWELLS:
            self._blame([f"{row.screen.name} leads nowhere, and there is no keyboard"])
        if row.screen.name == "care.link":
            self._handed_on(str(row.screen.lines[0].values["link"]).partition("start=")[2])
        if unasked and self.rng.random() < self.person.answers:
            self._in(timedelta(minutes=self.rng.expovariate(1 / self.person.minutes)), lambda: self._sit_down(phone))

    def _handed_on(self, token: str) -> None:
        """Let a caregiver open the link on their own phone."""
        if self.rng.random() < 0.3:
            return
        chat_id = self.rng.choice((2001, 2002, self._own.chat_id))

        def opened() -> None:
            self._do("start", lambda s: conversation.start(work_on(s, self.clinic, self.at), chat_id, token, "ru"))
            self._sit_down(self._phone(chat_id))

        self._in(timedelta(hours=self.rng.expovariate(1 / 5)), opened)

    # -- one person at a phone

    def _sit_down(self, phone: Phone) -> None:
        """Tap until no message asks anything, or the person gives up."""
        for _ in range(self.rng.randrange(3, 28)):
            if phone.blocked or not phone.messages or self.rng.random() < self.person.gives_up:
                return
            self._pass(timedelta(seconds=1 + self.rng.expovariate(1 / 6)))
            if self.rng.random() < self.person.strays:
                self._stray(phone)
            elif not self._tap_question(phone):
                return

    def _tap_question(self, phone: Phone) -> bool:
        """Tap the newest message that asks something; return False if none of the last ones does."""
        open_ones = (n for n in phone.with_buttons()[:4] if phone.messages[n].id not in phone.answered)
        newest = [n for n in open_ones if is_question(phone.messages[n])]
        if not newest:
            return False
        phone.answered.add(phone.messages[newest[0]].id)
        self._tap(phone, newest[0])
        return phone.last is None or not phone.last.screen.name.startswith(("done.", "enrol.declined", "stop"))

    def _stray(self, phone: Phone) -> None:
        """Do anything else: an old button, a doubled tap, text, a command."""
        rng = self.rng
        way = rng.random()
        if way < 0.45:
            found = phone.with_buttons()
            if found:
                self._tap(phone, rng.choice(found[:8] if rng.random() < 0.7 else found))
        elif way < 0.55 and phone.tapped is not None:
            self._tapped(phone, phone.tapped)
        elif way < 0.72:
            self._say(phone)
        elif way < 0.75:
            self._do("stale tap", lambda s: conversation.stale_tap(work_on(s, self.clinic, self.at), phone.chat_id))
        elif way < 0.78:
            token = rng.choice(("", "token-1", "nonsense"))
            self._do(
                "start", lambda s: conversation.start(work_on(s, self.clinic, self.at), phone.chat_id, token, "es")
            )
        else:
            self._command(phone, rng.choice(COMMANDS))
        self._not_stuck(phone)

    def _say(self, phone: Phone) -> None:
        meant = self.rng.choice((Meaning("unknown"), Meaning("choice", self.rng.randrange(1, 10)), Meaning("red_flag")))
        if meant.kind == "red_flag" and self.rng.random() < 0.7:
            meant = Meaning("unknown")
        name = f"says {meant.kind} {meant.number}"
        self._do(
            name,
            lambda s: conversation.message(work_on(s, self.clinic, self.at), phone.chat_id, meant),
            chat=phone.chat_id,
        )

    def _command(self, phone: Phone, name: conversation.Command) -> None:
        self._do(
            f"/{name}",
            lambda s: conversation.command(work_on(s, self.clinic, self.at), phone.chat_id, name),
            chat=phone.chat_id,
        )
        self._not_stuck(phone)

    def _tap(self, phone: Phone, number: int) -> None:
        found = actions(phone.messages[number])
        day = (self.at - START).days
        ill = self.person.is_ill(self.rng, day, self.days)
        chosen = self.rng.choices(found, [weight(self.person, a, ill=ill) for a in found])[0]
        phone.tapped_at = phone.messages[number].created_at
        self._tapped(phone, chosen)

    def _tapped(self, phone: Phone, action: Action) -> None:
        phone.tapped = action
        outcome = self._do(
            f"tap {phone.chat_id}",
            lambda s: conversation.tap(work_on(s, self.clinic, self.at), phone.chat_id, action),
            action,
            chat=phone.chat_id,
            shown_at=phone.tapped_at,
        )
        if outcome.toast is not None:
            self._blame(self._wording.toast_faults(outcome.toast))
        self._not_stuck(phone)

    def _not_stuck(self, phone: Phone) -> None:
        """After any input the chat shows a way to continue: its last message or the keyboard below."""
        if phone.blocked:
            return
        last = phone.last
        if last is None:
            self._blame(["nothing at all was answered"])
        elif last.screen.name not in FAREWELLS and not phone.keyboard and not self._leads_on(last):
            self._blame([f"a dead end: {last.screen.name}"])

    def _leads_on(self, row: Outbox) -> bool:
        return leads_on(row, self._wording.text(row.screen, row.language), self._numbers)

    # -- history and checks

    def _check_replay(self) -> None:
        rows = self._database.run(lambda s: s.assessments.of_patient(self._books.patient.id, limit=1_000_000))
        kept = sum(len(found) for found in self._books.assessments.values())
        if len(rows) != kept:
            self._blame([f"{kept} assessments were made, {len(rows)} are stored"])
        found = self._database.run(lambda s: replay_concerns(s, CODE, lambda *_: self.clinic.protocol))
        self._blame([f"replayed: {one}" for one in found.differences])

    def _nothing_is_left_lying(self) -> None:
        """Answers in an abandoned check-in are acted on: silence hides nothing."""
        for symptom, mark in self.ledger.open().items():
            if self.at - mark.opened_at > LEFT_LYING and mark.by_answer:
                named = [a for a in self._books.alerts.values() if is_named_by(symptom, set(a.symptoms))]
                if not any(a.tier >= mark.highest.tier for a in named):
                    self._blame([f"{symptom} is open ({mark.why}), in no alert, and nobody went on with it"])

    def _note(self, name: str, more: str) -> None:
        self.history.append(f"{self.at:%Y-%m-%d %H:%M:%S} {name} {more}")

    def _blame(self, faults: list[str]) -> None:
        if faults:
            raise BrokenLawError(self._report("; ".join(faults)))

    def _report(self, what: str) -> str:
        again = f"NERVECHECK_SEEDS={self.seed} NERVECHECK_DAYS={self.days} python -m pytest tests/property -k seeds"
        head = f"seed {self.seed} ({self.person.name}) on {self.at:%Y-%m-%d %H:%M:%S}: {what}"
        return "\n".join((head, f"again: {again}", *self.history[-HISTORY_LINES:]))


def plan_until(at: datetime, rng: Random) -> date:
    return (at + timedelta(days=rng.randrange(2, 20))).date()


def _said(action: Action | None) -> str:
    if action is None:
        return ""
    return f"{action.kind} #{action.subject} r{action.revision} {action.question} {action.choice}"
