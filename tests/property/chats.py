"""Random lives of four chats: two patients, a helper, a nurse; any button ever shown, any link, phones that move.

What must hold is written from what was sent and tapped, and from who answers for whom: see `Chats.check`.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from bot.app.alerts import escalation, ownership
from bot.app.chat_roles import ChatRoles, roles_of
from bot.app.checkins import opening
from bot.app.operations import sweeps
from bot.app.patients import new_phone, participation, registry
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Lane, Outbox
from bot.app.records.patients import PatientState
from bot.app.team import members
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.db import tables as t
from bot.dialog import conversation
from bot.dialog.replies import Meaning, TapResult
from bot.dialog.widgets import spaced
from tests.contract import samples
from tests.fakes.databases import MemoryDatabase
from tests.fakes.work import work_on
from tests.property.life import IS_WAITING
from tests.property.phone import Phone, actions, leads_on
from tests.property.test_red_buttons import is_worse, red

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CODES = ("P-0001", "P-0002")
ANNA, DAUGHTER, BORIS, NURSE = CHATS = (7, 8, 9, 10)
LEAD = 20
LEFT = frozenset({PatientState.DECLINED, PatientState.WITHDRAWN})
COMMANDS: tuple[conversation.Command, ...] = (
    *("menu", "help", "privacy", "stop", "export", "delete", "worse", "tips", "team", "language", "learn", "answers"),
    *("settings", "staff"),
)
MEANINGS = (
    *(Meaning("red_flag"), Meaning("red_flag"), Meaning("despair"), Meaning("despair", names_sign=True)),
    *(Meaning("unknown"), Meaning("code", code=CODES[0])),
    *(Meaning("choice", number=number) for number in (1, 2, 3, 4)),
)
ASKING = ("ask.", "reminder", "call.", "loopback", "home")
"""What begins the names of screens that ask a patient something, or to call."""
PERSONAL = (*ASKING, "done.", "change.", "answers", "trend", "own.", "card", "checkin.", "later")
"""The same of screens that say something of a patient."""
NOT_PERSONAL = frozenset({"call.contact", "call.despair", "own.unconfirmed"})
FAREWELLS = frozenset({"care.goodbye", "phone.gone", "stop.erased"})
"""The last word to a chat about a patient."""
ABOUT_ONE = frozenset({"choose", "same", "toggle", "submit", "skip", "back", "go_on", "finish", "help_now", "alert"})
"""Kinds of buttons that are about one check-in or one alert, and so about one patient."""


CHECKINS = select(t.checkin.c.id)


class BrokenLawError(AssertionError):
    """A life broke a law; the message names the last events."""


@dataclass
class Tapped:
    """A button that was shown once: the message that it was on."""

    row: Outbox
    action: Action


@dataclass
class Stored:
    """What is stored after a step: the roles of each chat; and what a tap may change of each patient."""

    roles: dict[int, ChatRoles] = field(default_factory=dict)
    patients: dict[int, dict[str, Any]] = field(default_factory=dict)
    checkins: frozenset[int] = frozenset()
    open_at: dict[int, Tier | None] = field(default_factory=dict)
    """The highest tier of each patient's open alerts."""


@dataclass
class Event:
    """What happened in one step: in which chat, by which button or words, and what came of it."""

    chat: int | None = None
    tap: Tapped | None = None
    meaning: Meaning | None = None
    result: TapResult | None = None
    before: Stored = field(default_factory=Stored)
    after: Stored = field(default_factory=Stored)


class Chats:
    def __init__(self, seed: int, clinic: Any, wording: Any) -> None:
        self.rng, self.seed = Random(seed), seed
        tokens = iter(range(1, 100_000))
        self.clinic = replace(clinic, new_token=lambda: f"token-{next(tokens)}")
        self.wording = wording
        self.at = START
        self.database = MemoryDatabase()
        self.phones = {chat: Phone(chat, keyboard=chat not in {NURSE, LEAD}) for chat in (*CHATS, LEAD)}
        self.shown: dict[int, list[Tapped]] = {chat: [] for chat in CHATS}
        self.tokens: list[str] = []
        self.said_goodbye: set[tuple[int, int]] = set()
        self.owed: set[int] = set()
        """Patients of whom a red tap opened an EMERGENCY that staff have not closed."""
        self.history: list[str] = []
        self.seen: Counter[str] = Counter()
        self._begin()

    def _begin(self) -> None:
        def people(stores: Any) -> None:
            known = {"state": "active", "timezone": "Europe/Berlin"}
            one = stores.patients.add(samples.patient(CODES[0], chat_id=ANNA, **known))
            stores.patients.add(samples.patient(CODES[1], chat_id=BORIS, regimen="combination", **known))
            helper = samples.full_caregiver(one.id, chat_id=DAUGHTER)
            stores.caregivers.add(helper.model_copy(update={"ended_at": None, "language": "en"}))
            stores.staff.add(samples.staff("lead-1", state="active", chat_id=LEAD))
            stores.staff.add(samples.staff("ann", state="active", chat_id=NURSE, role="coordinator"))

        self.database.run(people)
        self._now = self.database.run(self._stored)
        for code in CODES:
            self.ask(code)

    # -- what happens

    def live(self, steps: int) -> "Chats":
        happens: dict[Callable[[], None], int] = {
            self.goes_on: 40,
            self.taps_anything: 16,
            self.taps_red: 14,
            self.says: 7,
            self.commands: 7,
            self.opens_link: 9,
            self.passes: 9,
            self.is_asked: 3,
            self.staff_acts: 4,
            self.blocks: 1,
            self.care_changes: 3,
        }
        for _ in range(steps):
            self.rng.choices(list(happens), list(happens.values()))[0]()
        return self

    def goes_on(self) -> None:
        """Answer what came last, mostly as somebody who has nothing."""
        chat = self.rng.choice(CHATS)
        for _ in range(self.rng.choice((1, 1, 3, 8))):
            phone = self.phones[chat]
            recent = [number for number in phone.with_buttons() if number > phone.last_id - 3]
            if not recent:
                return
            row = phone.messages[recent[0] if self.rng.random() < 0.8 else self.rng.choice(recent)]
            found = [a for a in actions(row) if a.choice.lstrip("+") in {"no", "none", "not_at_all", "next", "agree"}]
            mild = found if found and self.rng.random() < 0.6 else actions(row)
            if mild:
                self.tap(chat, Tapped(row, self.rng.choice(mild)))

    def taps_anything(self) -> None:
        chat = self.rng.choice(CHATS)
        if self.shown[chat]:
            self.tap(chat, self.rng.choice(self.shown[chat]))

    def taps_red(self) -> None:
        chat = self.rng.choice(CHATS)
        found = [each for each in self.shown[chat] if red(each.action) is not None]
        for each in self.rng.sample(found, min(len(found), self.rng.choice((1, 1, 2)))):
            self.tap(chat, each)

    def tap(self, chat: int, tapped: Tapped) -> None:
        action = tapped.action
        name = (
            f"{chat} taps {action.kind} {action.subject} {action.question} {action.choice} of {tapped.row.screen.name}"
        )
        self.does(
            f"{name} ({tapped.row.patient_id})",
            lambda w: conversation.tap(w, chat, action, "en"),
            Event(chat=chat, tap=tapped),
        )

    def says(self) -> None:
        chat, meaning = self.rng.choice(CHATS), self.rng.choice(MEANINGS)
        name = f"{chat} types {meaning.kind} {meaning.number or ''}"
        self.does(name, lambda w: conversation.message(w, chat, meaning), Event(chat=chat, meaning=meaning))

    def commands(self) -> None:
        chat, word = self.rng.choice(CHATS), self.rng.choice(COMMANDS)
        self.does(f"{chat} says /{word}", lambda w: conversation.command(w, chat, word), Event(chat=chat))

    def opens_link(self) -> None:
        """Open a link: a new one, or one of before, in any chat."""
        kind = self.rng.choice(("patient", "patient", "patient", "team", "any", "any", "none"))
        made: list[str] = []
        if kind == "patient":
            code = self.rng.choice(CODES)
            self.does(f"{code} is invited again", lambda w: made.append(registry.invite_again(w, code)[1]))
        elif kind == "team":
            self.does("ann gets a link", lambda w: made.append(members.renew_link(w, "ann")[1]))
        self.tokens += made
        if kind in {"patient", "team"} and (not made or self.rng.random() < 0.3):
            return
        token = made[0] if made else self.rng.choice(self.tokens[-5:]) if kind == "any" and self.tokens else ""
        chat = self.rng.choice(CHATS)
        self.does(f"{chat} says /start {token}", lambda w: conversation.start(w, chat, token, "en"), Event(chat=chat))

    def passes(self) -> None:
        self.at += timedelta(seconds=self.rng.choice((1, 60, 900, 3700, 5 * 3600, 13 * 3600, 26 * 3600, 8 * 86400)))
        for sweep in sweeps.ALL:
            self.database.run(lambda s, sweep=sweep: sweep(work_on(s, self.clinic, self.at), 50))
        self.does("sweeps", lambda _: None)

    def is_asked(self) -> None:
        self.ask(self.rng.choice(CODES))

    def ask(self, code: str) -> None:
        self.does(f"{code} is asked", lambda w: opening.send_now(w, w.patients.by_code(code, lock=True)))

    def staff_acts(self) -> None:
        def act(work: Any) -> None:
            found = [alert for code in CODES for alert in work.alerts.open_of(work.patients.by_code(code).id)]
            for alert in found[:1]:
                ownership.note(work, alert.id, "spoke_to_patient")
                if self.rng.random() < 0.6:
                    ownership.close(work, alert.id)

        self.does("the lead spoke with a patient", act, actor="lead-1")

    def blocks(self) -> None:
        chat = self.rng.choice(CHATS)
        for reachable in (False, True)[: self.rng.choice((1, 2, 2))]:
            what = f"{chat} {'unblocks' if reachable else 'blocks'} the bot"
            self.does(what, lambda w, r=reachable: conversation.membership(w, chat, reachable=r))

    def care_changes(self) -> None:
        code = self.rng.choice(CODES)
        works: dict[str, tuple[int, Callable[[Any], Any]]] = {
            "confirm": (4, lambda w: new_phone.confirm_for(w, code)),
            "withdraw": (1, lambda w: participation.withdraw(w, code)),
            "erase": (2, lambda w: participation.erase(w, code)),
            "pause": (1, lambda w: participation.pause(w, code, None)),
            "resume": (2, lambda w: participation.resume_for(w, code)),
            "remove": (2, lambda w: escalation.remove(w, "ann")),
        }
        word = self.rng.choices(list(works), [weight for weight, _ in works.values()])[0]
        self.does(f"{word} {code if word != 'remove' else 'ann'}", works[word][1], actor="lead-1")

    def does(
        self,
        name: str,
        work: Callable[[Any], Any],
        event: Event | None = None,
        *,
        actor: str = "operator",
    ) -> None:
        """Run one transaction, deliver what it queued, check what must hold."""
        self.at += timedelta(seconds=1)
        event = event or Event()
        self.history.append(f"{self.at:%d %H:%M:%S} {name}")
        event.before = self._now

        def happens(stores: Any) -> TapResult | None:
            return work(work_on(stores, self.clinic, self.at, actor=actor))

        try:
            event.result = self.database.run(happens)
        except RefusedError as error:
            if event.chat is not None:
                raise BrokenLawError(self.report(f"refused in a chat: {error!r}")) from error
            self.history.append(f"  refused: {type(error).__name__}")
        except Exception as error:
            raise BrokenLawError(self.report(f"{type(error).__name__}: {error}")) from error
        rows = self.arrives()
        event.after = self._now = self.database.run(self._stored)
        self.check(event, rows, actor)

    def arrives(self) -> list[Outbox]:
        """Deliver what waits; return the messages, but for what only changes buttons."""
        rows: list[Outbox] = []
        while self.database.run(lambda s: s.outbox._first(IS_WAITING, at=self.at)) and (
            claims := self.database.run(self._claim)
        ):
            for claim in claims:
                row = claim.row
                number = self.phones[row.chat_id].take(claim)
                self.database.run(
                    lambda s, r=row, n=number: s.outbox.mark_sent(r.id, owner="me", message_id=n, at=self.at)
                )
                if row.mode == "buttons":
                    continue
                rows.append(row)
                self.seen[row.screen.name] += 1
                self._delivered(row)
        return rows

    def _claim(self, stores: Any) -> Any:
        until = self.at + timedelta(minutes=1)
        return stores.outbox.claim(self.at, lanes=list(Lane), limit=20, owner="me", lease_until=until)

    def _delivered(self, row: Outbox) -> None:
        if row.chat_id == LEAD:
            return
        self.history.append(f"    {row.chat_id} <- {row.screen.name} ({row.patient_id})")
        self.shown[row.chat_id] += [Tapped(row, action) for action in actions(row)]
        text = self.wording.text(row.screen, row.language)
        self.tokens += re.findall(r"start=([\w-]+)", text)
        pair = (row.chat_id, row.patient_id or 0)
        if row.screen.name in FAREWELLS:
            self.said_goodbye.add(pair)

    # -- what is stored

    def _stored(self, stores: Any) -> Stored:
        """Return the roles, and of each patient answers, alerts, concerns and whether and where they take part."""
        found = Stored(roles={chat: roles_of(stores, chat) for chat in CHATS})
        found.checkins = frozenset(row["id"] for row in stores.outbox._all(CHECKINS))
        for code in CODES:
            patient = stores.patients.by_code(code)
            alerts = stores.alerts.of_patient(patient.id)
            asked = stores.checkins.open_of(patient.id)
            concerns = stores.concerns.of_patient(patient.id)
            found.patients[patient.id] = {
                "state": patient.state.value,
                "chats": (patient.chat_id, patient.second_chat_id),
                "helpers": [(c.id, c.state) for c in stores.caregivers.of_patient(patient.id)],
                "alerts": [(a.id, a.tier.name, a.last_reply, a.state.value, a.closed_at) for a in alerts],
                "asked": asked and (asked.id, asked.value.answers),
                "concerns": concerns
                and [(c.symptom, c.state.value, c.givers) for c in concerns.value.concerns.values()],
            }
            found.open_at[patient.id] = max((a.tier for a in alerts if a.closed_at is None), default=None)
        return found

    # -- what must hold

    def check(self, event: Event, rows: list[Outbox], actor: str) -> None:
        for row in rows:
            if row.chat_id != LEAD:
                self._goes_to_whom_it_is_about(row, event)
                self._leads_on(row)
        self._keyboard_stays(event.after.roles)
        if event.chat is not None:
            mine = [row for row in rows if row.chat_id == event.chat]
            self._is_no_silence(event, mine)
            self._red_shows_a_number(event, mine)
            self._acts_for_whom_it_names(event)
        self._emergency_stays_open(event, actor)

    def _goes_to_whom_it_is_about(self, row: Outbox, event: Event) -> None:
        name = row.screen.name
        if row.patient_id is None or name in NOT_PERSONAL or not name.startswith(PERSONAL):
            return
        roles = event.after.roles[row.chat_id]
        mine = {one.id: one for one in (roles.own, roles.helped) if one is not None}
        whom = mine.get(row.patient_id)
        if whom is None:
            self.broken(f"{name} of patient {row.patient_id} came to {row.chat_id}, which answers for {sorted(mine)}")
        elif event.before.patients[whom.id]["state"] in LEFT and whom.state in LEFT and name.startswith(ASKING):
            # What the last answers need is said as they leave, ahead of the farewell.
            self.broken(f"{name} came to {row.chat_id} after patient {row.patient_id} had left")
        elif (
            whom.is_second
            and row.chat_id != event.chat
            and (whom.phone_move != "moved" or row.lane is not Lane.RED_FLAG)
        ):
            self.broken(f"{name} came to {row.chat_id}, the second phone of patient {row.patient_id}")

    def _leads_on(self, row: Outbox) -> None:
        text = self.wording.text(row.screen, row.language)
        numbers = (spaced(self.clinic.team_number), self.clinic.emergency_number)
        # A member of the team has /staff, and messages of alerts to answer.
        has_keyboard = self.phones[row.chat_id].keyboard or row.screen.name.startswith("staff.")
        if row.screen.name == "link.kept":
            return  # They have the link.
        if not has_keyboard and not leads_on(row, text, numbers) and row.screen.document is None:
            self.broken(f"{row.screen.name} in {row.chat_id} leads nowhere: {text!r}")

    def _keyboard_stays(self, roles: dict[int, ChatRoles]) -> None:
        """A chat that answers for somebody who takes part keeps the keyboard with "I feel worse now"."""
        for chat, has in roles.items():
            own, helped = has.taking_part, has.helped
            is_own = own is not None and not own.is_second and own.state is not PatientState.ENROLLING
            is_helping = helped is not None and helped.caregiver is not None and helped.caregiver.state == "active"
            if (is_own or (is_helping and own is None)) and not self.phones[chat].keyboard:
                self.broken(f"{chat} has no keyboard")

    def _is_no_silence(self, event: Event, mine: list[Outbox]) -> None:
        if not mine and (event.result is None or event.result.toast is None):
            self.broken("silence")

    def _red_shows_a_number(self, event: Event, mine: list[Outbox]) -> None:
        """A red button or red words: a number to call, or the safety screen, comes into the chat at once."""
        tier = red(event.tap.action) if event.tap is not None else None
        is_word = event.meaning is not None and event.meaning.kind in {"red_flag", "despair"}
        if tier is None and not is_word:
            return
        texts = [self.wording.text(row.screen, row.language) for row in mine]
        numbers = ("112",) if tier is Tier.EMERGENCY else ("112", "+49 30 901820")
        asks = is_word or (event.tap is not None and is_worse(event.tap.action))
        if asks and any(row.screen.name == "ask.safety_now" for row in mine):
            return
        if not any(number in text for number in numbers for text in texts):
            self.broken(f"no number: {[row.screen.name for row in mine]} {texts}")

    def _acts_for_whom_it_names(self, event: Event) -> None:
        """A button of a check-in or an alert changes nothing of any other patient."""
        if event.tap is None or event.tap.row.patient_id is None:
            return
        subject, kind = event.tap.row.patient_id, event.tap.action.kind
        is_about_one = kind in ABOUT_ONE or (kind == "care" and event.tap.action.subject)
        if kind in ABOUT_ONE - {"alert"} and event.tap.action.subject not in event.before.checkins:
            return  # It was deleted with the patient's data: nobody can know any more whose it was.
        for patient_id, was in event.before.patients.items():
            if is_about_one and patient_id != subject and was != (now := event.after.patients[patient_id]):
                changed = [(key, was[key], now[key]) for key in was if was[key] != now[key]]
                self.broken(f"a button about patient {subject} changed patient {patient_id}: {changed}")

    def _emergency_stays_open(self, event: Event, actor: str) -> None:
        """What a red tap opened stays open, at that tier, until staff close it."""
        open_now = event.after.open_at
        is_staffs = actor == "lead-1" or (event.tap is not None and event.tap.action.kind in {"staff", "level", "plan"})
        if is_staffs:
            self.owed = {p for p in self.owed if open_now[p] is Tier.EMERGENCY}
        for patient_id in self.owed:
            if open_now[patient_id] is not Tier.EMERGENCY:
                self.broken(f"the EMERGENCY of {patient_id} is not open any more: {open_now[patient_id]}")
        if event.tap is not None and event.chat is not None and red(event.tap.action) is Tier.EMERGENCY:
            mine, subject = event.before.roles[event.chat], event.tap.row.patient_id
            for one in (mine.taking_part, mine.helped):
                is_asked = one is not None and (one.caregiver is None or one.caregiver.state == "active")
                if one is not None and is_asked and one.id == subject and one.state not in LEFT:
                    if open_now[one.id] is not Tier.EMERGENCY:
                        self.broken(f"a red tap opened no EMERGENCY of {subject}: {open_now[one.id]}")
                    self.owed.add(one.id)

    def broken(self, what: str) -> None:
        raise BrokenLawError(self.report(what))

    def report(self, what: str) -> str:
        return "\n".join([f"seed {self.seed}: {what}", *self.history[-80:]])
