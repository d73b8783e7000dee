"""One patient on a real database, a lead, and the evidence about both, for losses that tests create deliberately."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal, select, text

from bot.app.checkins import opening
from bot.app.operations import sweeps
from bot.app.ports.clinic import Clinic
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.app.records.messages import Outbox
from bot.app.records.patients import Patient
from bot.chat.buttons import encode
from bot.core.screen import Action, Screen
from bot.db import tables as t
from bot.db.engine import Database
from bot.db.stores.outbox_shown import OUTBOX
from bot.dialog import conversation
from bot.sandbox.journal import Call
from tests.app.conftest import AT
from tests.chaos.auditor import audit
from tests.chaos.evidence import Evidence, Findings, Timeline, place_of
from tests.chaos.robots import Tapped
from tests.contract.samples import patient, staff
from tests.fakes.work import packaged_clinic, work_on

KEY = b"k" * 32
CHAT, LEAD = 7, 9


class Scene:
    """The clock is frozen unless a test lets time pass. `calls`, `taps` and `chats` are what was seen from outside."""

    def __init__(self, database: Database, *, form: str = "quick", **changes: Any) -> None:
        self.database = database
        self.clinic: Clinic = packaged_clinic()
        self.now = AT
        made = patient("P-0001", state="active", chat_id=CHAT, timezone="Europe/Berlin", **changes)
        self.anna: Patient = database.run(lambda s: s.patients.add(made))
        lead = staff("lead-1", state="active", chat_id=LEAD)
        database.run(lambda s: s.staff.add(lead))
        self.taps: list[Tapped] = []
        self.calls: list[Call] = []
        self.chats: dict[int, dict[str, dict[str, Any]]] = {CHAT: {}, LEAD: {}}
        self.ask(form=form, kind="extra")

    # -- what happens

    def ask(self, *, form: str = "quick", kind: Any = "extra") -> CheckInRow:
        """A check-in is opened, and its first question comes."""
        self.database.run(
            lambda s: opening.open_checkin(
                work_on(s, self.clinic, self.now), self.anna, form=form, kind=kind, due_at=self.now
            )
        )
        self.arrive()
        return self.row

    @property
    def row(self) -> CheckInRow:
        """The open check-in, else the newest."""
        return self.database.run(lambda s: s.checkins.open_of(self.anna.id) or s.checkins.of_patient(self.anna.id)[0])

    @property
    def alert(self) -> AlertRow:
        """The newest alert."""
        return self.database.run(lambda s: s.alerts.of_patient(self.anna.id)[0])

    def choose(self, choice: str, *, kind: str = "choose", **how: Any) -> None:
        """A button of the question that is asked."""
        row = self.row
        asked = {"question": row.value.cursor or "", "choice": choice, "revision": row.value.revision}
        self.tap(Action(kind=kind, subject=row.id, **asked), **how)

    def say(self, word: str, **how: Any) -> None:
        """A button of the newest alert's call screen, or of its safety follow-up."""
        self.tap(Action(kind="alert", subject=self.alert.id, choice=word), **how)

    def tap(self, action: Action, *, works: bool = True) -> None:
        """Process a tap a second later, or only record it as if it had been processed."""
        self.pass_on(seconds=1)
        number = len(self.taps) + 1
        self.taps.append(Tapped(number, CHAT, action, self.real_time))
        self.database.run(lambda s: s.updates.mark_processed(number, self.now))
        if works:
            self.database.run(lambda s: conversation.tap(work_on(s, self.clinic, self.now), CHAT, action))
        self.arrive()

    def feel_worse(self) -> None:
        """The words "I feel worse now", a second later."""
        self.tap(Action(kind="words"), works=False)
        self.database.run(lambda s: conversation.command(work_on(s, self.clinic, self.now), CHAT, "worse"))
        self.arrive()

    def pass_on(self, **time: float) -> None:
        """Let time pass, without anything being done."""
        self.now += timedelta(**time)

    def sweep(self, **time: float) -> None:
        """Let time pass, then do what fell due."""
        self.pass_on(**time)
        for each in sweeps.ALL:
            self.database.run(lambda s, each=each: each(work_on(s, self.clinic, self.now), 50))
        self.arrive()

    @property
    def real_time(self) -> float:
        """The real time in seconds."""
        return (self.now - AT).total_seconds()

    def arrive(self) -> None:
        """Everything that waits arrives, each once and at once."""
        for row in self.database.run(_waiting):
            message = len(self.calls) + 1
            self.database.run(
                lambda s, n=row.id, m=message: s.outbox.mark_sent(n, owner="x", message_id=m, at=self.now)
            )
            method = "editMessageText" if row.mode == "edit" else "sendMessage"
            self.calls.append(_call(len(self.calls), row, method, self.real_time, self.now))
            self.chats[row.chat_id][row.slot] = _message(row.screen, row.chat_id, message)

    # -- what goes wrong, and what is found

    def spoil(self, statement: str, **values: Any) -> None:
        """Change the database by hand."""
        self.database.run(lambda s: s.outbox._connection.execute(text(statement), values))

    def copy(self, slot: str) -> None:
        """Let the messages of a slot come once more, made now."""
        columns = [c.name for c in t.outbox.columns if c.name not in {"id", "state", "created_at"}]
        self.database.run(
            lambda s: s.outbox._connection.execute(
                t.outbox.insert().from_select(
                    ["id", "state", "created_at", *columns],
                    select(
                        t.outbox.c.id + 100,
                        literal("waiting"),
                        literal(self.now, t.outbox.c.created_at.type),
                        *(t.outbox.c[name] for name in columns),
                    ).where(t.outbox.c.slot == slot),
                )
            )
        )
        self.arrive()

    def without(self, slot: str) -> list[Call]:
        """What was seen, but for the messages of a slot."""
        return [call for call in self.calls if call.params["outbox_slot"] != slot]

    def again(self, slot: str, **changes: Any) -> Call:
        """A call for a message of a slot once more, later and by another process."""
        first = next(call for call in self.calls if call.params["outbox_slot"] == slot)
        later = {"at": first.at + 50, "ended": first.ended + 50, "number": 900}
        return replace(first, params={**first.params, "outbox_pid": 2}, **later | changes)

    def audited(self, **changes: Any) -> Findings:
        """What the auditor makes of it."""
        seen = Evidence(
            calls=self.calls,
            taps=self.taps,
            kills=[],
            first_update=1,
            next_update=len(self.taps) + 1,
            unconfirmed=0,
            key=KEY,
            timeline=Timeline(0.0, AT),
            until=self.now,
            chats={chat: list(slots.values()) for chat, slots in self.chats.items()},
        )
        return self.database.run(lambda s: audit(s, self.clinic, replace(seen, **changes)))

    def kinds(self, **changes: Any) -> set[str]:
        """The kinds of what it found."""
        return {kind for kind, lines in self.audited(**changes).found.items() if lines}


def _waiting(stores: Any) -> list[Outbox]:
    rows = stores.outbox._connection.execute(
        select(t.outbox).where(t.outbox.c.state == "waiting", t.outbox.c.mode != "buttons").order_by(t.outbox.c.id)
    )
    return [OUTBOX.record(row, stores.outbox._keyring) for row in rows.mappings()]


def _call(number: int, row: Outbox, method: str, at: float, shown: datetime) -> Call:
    params = {"chat_id": row.chat_id, "outbox_row": row.id, "outbox_pid": 1, "outbox_at": str(at)}
    params |= {"outbox_slot": place_of(row.slot), "outbox_revision": row.revision, "outbox_screen": row.screen.name}
    return Call(number, method, params, at + 0.1, shown, result={}, ended=at + 0.2)


def _message(screen: Screen, chat: int, number: int) -> dict[str, Any]:
    rows = [
        [{"text": "x", "callback_data": encode(one.action, KEY, chat)} for one in line if one.action is not None]
        for line in screen.rows
    ]
    return {"message_id": number, "reply_markup": {"inline_keyboard": rows}}
