"""A team for tests: its members, their chats, and what they read there."""

from datetime import timedelta

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.operations import sweeps
from bot.app.records.messages import OutboxState
from bot.app.records.patients import PatientState
from bot.app.team import members
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import staff_chat
from tests.contract import samples
from tests.fakes.work import AT, runner

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def raise_another(work, anna, found):
    """Raise an alert of `anna`, or of another patient if she has one: a patient has one that is open."""
    patient = anna
    if any(alert.closed_at is None for alert in work.alerts.of_patient(anna.id)):
        number = 1 + len(work.alerts.in_queue(500))
        made = {"chat_id": 1000 + number, "state": PatientState.ACTIVE}
        patient = work.patients.add(samples.patient(f"Q-{number:04}", **made))
    return raising.raise_alert(work, patient, found)


class Team:
    """The members and their chats; the alerts are of the patient `anna`, further ones of others."""

    def __init__(self, database, clinic, anna):
        self.database, self.clinic, self.anna = database, clinic, anna
        self.chats = {}

    def run(self, use_case, *args, **more):
        return runner(self.database, self.clinic)(use_case, *args, **more)

    def join(self, name, role="coordinator", at=AT):
        chat = 100 + len(self.chats)
        _, token = self.run(members.add, name=name, role=role, language=None, by="lead-0", at=at)
        assert self.run(staff_chat.opened, token, chat, at=at) is not None
        self.chats[name] = chat
        self.news(name)
        return chat

    def add_shift(self, name, **more):
        self.run(members.add_shift, name, by="lead-0", **more)

    def raise_alert(self, tier=Tier.URGENT, at=AT):
        return self.run(raise_another, self.anna, Found(tier, ("new.yes",)), at=at).id

    def sweep(self, at):
        return self.run(sweeps.team_clocks, 50, at=at)

    def news(self, name):
        """Return the unread messages to a member, as (screen, mode); they are sent and read now."""
        rows = self.database.outbox()
        new = [q.row for q in rows if q.row.chat_id == self.chats[name] and q.state is OutboxState.WAITING]
        for row in new:
            self.run(lambda s, n=row.id: s.outbox.mark_sent(n, owner="me", message_id=n, at=AT))
        return [(row.screen, row.mode) for row in new]

    def names(self, name):
        return [(screen.name, mode) for screen, mode in self.news(name)]

    def alert(self, number):
        return self.run(lambda s: s.alerts.get(number))

    def tap(self, name, number, word, at=AT + 5 * MINUTE):
        person = self.run(lambda s: s.staff.by_name(name))
        action = Action(kind="staff", subject=number, choice=word)
        return self.run(staff_chat.tapped, person, action, at=at)

    def audited(self):
        return [(line.actor, line.action, dict(line.detail)) for line in self.run(lambda s: s.audit.lines(limit=500))]


def keys(screen):
    return [line.key for line in screen.lines]


def words(screen):
    return [button.action.choice for row in screen.rows for button in row]
