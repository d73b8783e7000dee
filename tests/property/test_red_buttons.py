"""Every red button that the bot ever sent acts, in any order: stale, doubled, replaced, from two chats, after a move.

The rule is written from what was sent and tapped: each "Yes" and "Not sure" below a safety question, each "Need help
now" and each "I can't reach them" puts a number to call into the chat that tapped, and what was reported is open for
the team at that tier or above, in one alert.
"""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import bindparam, select

from bot.app.alerts import ownership
from bot.app.checkins import opening
from bot.app.operations import sweeps
from bot.app.patients import caregivers, participation, registry
from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Lane
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.db import tables as t
from bot.db.stores.outbox_shown import OUTBOX
from bot.dialog import conversation
from tests.contract import samples
from tests.fakes.databases import MemoryDatabase
from tests.fakes.work import work_on
from tests.property.phone import actions

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CODE = "P-0001"
ANNA, HELPER, NEW_PHONE = 7, 8, 9
TIERS = {"safety_now": Tier.EMERGENCY, "safety_new": Tier.URGENT}
NUMBER = {Tier.EMERGENCY: "112", Tier.URGENT: "+49 30 901820"}
NEW = select(t.outbox).where(t.outbox.c.id > bindparam("seen")).order_by(t.outbox.c.id)
FORM = frozenset({"choose", "toggle", "submit", "go_on", "finish", "skip", "change"})
ON = frozenset({"go_on", "finish", "submit", "change"})
CALM = frozenset({"no", "none", "not_at_all", "gone"})
FAILED_CALLS = frozenset({"cannot_reach", "cannot_call", "not_yet"})


def red(action: Action) -> Tier | None:
    """Return the tier that a button promises to act at; None if it is not red."""
    if action.kind in {"choose", "change"} and action.choice in {"yes", "not_sure"}:
        return TIERS.get(action.question)
    if action.kind == "help_now" or is_worse(action):
        return Tier.URGENT
    return Tier.URGENT if action.kind == "alert" and action.choice in FAILED_CALLS else None


def is_worse(action: Action) -> bool:
    """Whether it is "Something is wrong now", or "I feel worse now"."""
    return (action.kind, action.choice) == ("menu", "worse")


class Chats:
    """A patient and a helper, each with every message that they ever got."""

    def __init__(self, seed, clinic, wording):
        self.rng, self.clinic, self.wording = Random(seed), clinic, wording
        self.at = START
        self.database = MemoryDatabase()
        made = samples.patient(CODE, state="active", chat_id=ANNA, timezone="Europe/Berlin")
        self.anna = self.database.run(lambda s: s.patients.add(made))
        lead = samples.staff("lead-1", state="active", chat_id=20)
        self.database.run(lambda s: s.staff.add(lead))
        helper = samples.full_caregiver(self.anna.id, chat_id=HELPER).model_copy(update={"ended_at": None})
        self.helper = self.database.run(lambda s: s.caregivers.add(helper))
        self.buttons = {ANNA: [], HELPER: [], NEW_PHONE: []}
        self.seen = 0
        self.history = []
        self.ask()

    def do(self, name, work, actor="operator"):
        # Nobody taps at the very microsecond at which a check-in falls due.
        self.at += timedelta(microseconds=1)
        self.history.append(f"{self.at:%d %H:%M:%S} {name}")
        try:
            self.database.run(lambda s: work(work_on(s, self.clinic, self.at, actor=actor)))
        except RefusedError as error:
            self.history.append(f"  refused: {type(error).__name__}")
        return self.arrived()

    def arrived(self):
        """Take what was queued since, and keep its buttons."""
        new = self.database.run(
            lambda s: [OUTBOX.record(r, s.outbox._keyring) for r in s.outbox._all(NEW, seen=self.seen)]
        )
        for row in new:
            self.seen = max(self.seen, row.id)
            if row.chat_id in self.buttons:
                self.buttons[row.chat_id] += [(row.screen.name, action) for action in actions(row)]
        return new

    def alerts(self):
        return [a for a in self.database.run(lambda s: s.alerts.of_patient(self.anna.id)) if a.closed_at is None]

    def patient(self):
        return self.database.run(lambda s: s.patients.get(self.anna.id))

    # -- what happens

    def ask(self):
        self.do(
            "asks",
            lambda w: opening.open_checkin(w, w.patients.get(self.anna.id), form="quick", kind="extra", due_at=w.at),
        )

    def passes(self):
        self.at += timedelta(seconds=self.rng.choice((1, 5, 60, 900, 3700, 7 * 3600, 26 * 3600)))
        for sweep in sweeps.ALL:
            self.do("sweep", lambda w, sweep=sweep: sweep(w, 50))

    def goes_on(self):
        for _ in range(self.rng.choice((1, 1, 4, 14))):
            self.taps_calmly()

    def taps_calmly(self):
        """Tap something that is not red, mostly below the newest question."""
        chat = self.rng.choice([chat for chat, buttons in self.buttons.items() if buttons])
        calm = [
            (name, action)
            for name, action in self.buttons[chat]
            if red(action) is None and action.kind not in {"stop", "care"}
        ]
        if not calm:
            return
        form = [(name, action) for name, action in calm if action.kind in FORM]
        if form and self.rng.random() < 0.8:
            calm = [(name, action) for name, action in form[-8:] if name == form[-1][0]]
            mild = [(name, action) for name, action in calm if action.choice.lstrip("+") in CALM or action.kind in ON]
            calm = mild if mild and self.rng.random() < 0.9 else calm
        name, action = self.rng.choice(calm)
        said = f"{chat} taps {action.kind} {action.question} {action.choice} of {name}"
        self.do(said, lambda w: conversation.tap(w, chat, action))

    def staff_act(self):
        found = self.alerts()
        if not found:
            return
        number = found[0].id
        self.do("staff spoke", lambda w: ownership.note(w, number, "spoke_to_patient"), actor="lead-1")
        if self.rng.random() < 0.7:
            self.do("staff close", lambda w: ownership.close(w, number), actor="lead-1")

    def worse(self):
        chat = self.rng.choice((ANNA, HELPER))
        self.do(f"{chat} feels worse", lambda w: conversation.command(w, chat, "worse"))

    def changes_care(self):
        word = self.rng.choice(("move", "pause", "resume", "withdraw", "helper leaves", "leaves"))
        works = {
            "move": self.moves,
            "pause": lambda: self.do(word, lambda w: participation.pause(w, CODE, None)),
            "resume": lambda: self.do(word, lambda w: participation.resume_for(w, CODE)),
            "leaves": self.leaves,
            "withdraw": lambda: self.do(word, lambda w: participation.withdraw(w, CODE)),
            "helper leaves": lambda: self.do(word, lambda w: caregivers.end_all(w, w.patients.get(self.anna.id))),
        }
        works[word]()

    def leaves(self):
        """Tap through the screens of leaving: stop and perhaps undo it, or look at deleting; rarely delete."""
        chat = self.patient().chat_id
        if chat is None:
            return
        ways = (("stop",), ("stop", "withdraw"), ("stop", "withdraw", "undo"), ("delete",), ("delete", "delete"))
        first, *words = self.rng.choice(ways * 3 + (("delete", "delete", "delete_now"),))
        self.do(f"{chat} says /{first}", lambda w: conversation.command(w, chat, first))
        for word in words:
            minute = int(self.at.timestamp()) // 60 if word == "delete_now" else 0
            action = Action(kind="stop", choice=word, subject=minute)
            self.do(f"{chat} taps {word}", lambda w, action=action: conversation.tap(w, chat, action))

    def moves(self):
        tokens = []
        self.do("invited again", lambda w: tokens.append(registry.invite_again(w, CODE)[1]))
        if tokens:
            self.do("opens the link on a new phone", lambda w: conversation.start(w, NEW_PHONE, tokens[0], "en"))

    # -- the rule

    def taps_red(self):
        chats = [chat for chat, buttons in self.buttons.items() if any(red(a) is not None for _, a in buttons)]
        chat = self.rng.choice(chats)
        found = [(name, action) for name, action in self.buttons[chat] if red(action) is not None]
        name, action = self.rng.choice(found[-6:] if self.rng.random() < 0.3 else found)
        for _ in range(self.rng.choice((1, 1, 1, 2, 3))):
            said = f"{chat} taps {action.kind} {action.question} {action.choice} of {name}"
            self.check(chat, action, self.do(said, lambda w: conversation.tap(w, chat, action)))
            self.at += timedelta(milliseconds=self.rng.choice((0, 200, 4000)))

    def check(self, chat, action, sent):
        tier = red(action)
        texts = [self.wording.text(row.screen, row.language) for row in sent if row.chat_id == chat]
        assert texts, self.report("silence")
        is_reply = action.kind == "alert"
        if chat not in self.chats_in_care():
            assert any("112" in text and "+49 30 901820" in text for text in texts), self.report(f"not both: {texts}")
            return
        if is_worse(action):
            names = [row.screen.name for row in sent if row.chat_id == chat]
            if self.patient().state != "enrolling":  # a new phone is being set up first
                assert names[-1] in {"ask.safety_now", "reminder"}, self.report(f"no safety screen: {names}")
            return
        numbers = ("112", "+49 30 901820") if is_reply else (NUMBER[tier],)
        assert any(number in text for number in numbers for text in texts), self.report(f"no number in {texts}")
        if not is_reply:
            for each in self.chats_that_ring(chat):
                lanes = [row.lane for row in sent if row.chat_id == each and row.screen.name.startswith("call.")]
                assert Lane.RED_FLAG in lanes, self.report(f"no call screen in {each}: {[r.screen.name for r in sent]}")
            open_alerts = self.alerts()
            assert len(open_alerts) == 1, self.report(f"{len(open_alerts)} alerts")
            assert open_alerts[0].tier >= tier, self.report(f"the alert is {open_alerts[0].tier.name}")
            named = self.database.run(lambda s: s.concerns.of_patient(self.anna.id)).value
            assert max(c.tier for c in named.open) >= tier, self.report("nothing of that tier is open")

    def chats_in_care(self):
        patient = self.patient()
        if patient is None or patient.state not in {"active", "paused", "enrolling"}:
            return []
        helpers = self.database.run(lambda s: s.caregivers.of_patient(self.anna.id))
        moving = [patient.second_chat_id] if patient.second_chat_id is not None else []
        return [patient.chat_id, *moving, *(helper.chat_id for helper in helpers if helper.state == "active")]

    def chats_that_ring(self, chat):
        """Where a call screen comes: not on a new phone that has not agreed, unless it was asked for there."""
        patient = self.patient()
        silent = {patient.second_chat_id} - {chat} if patient.phone_move != "moved" else set()
        return [each for each in self.chats_in_care() if each not in silent]

    def report(self, what):
        return "\n".join([what, *self.history[-60:]])


def live(seed, clinic, wording):
    """60 events."""
    chats = Chats(seed, clinic, wording)
    happens = (chats.taps_red, chats.goes_on, chats.passes, chats.ask, chats.worse, chats.staff_act, chats.changes_care)
    for _ in range(60):
        chats.rng.choices(happens, (30, 30, 8, 5, 2, 4, 2))[0]()


@pytest.mark.parametrize("share", range(2))
def test_every_red_button_ever_sent_acts(share, clinic, wording):
    for seed in range(share, 16, 2):
        live(seed, clinic, wording)


@pytest.mark.slow
def test_every_red_button_of_many_histories_acts(clinic, wording):
    for seed in range(100, 220):
        live(seed, clinic, wording)
