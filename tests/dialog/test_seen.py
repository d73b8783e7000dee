""" "Seen by your team" on the call screen: when somebody acknowledged what it is about, until something else opens."""

from datetime import timedelta

import pytest

from bot.app.alerts import ownership, raising, replies
from bot.app.alerts.naming import Found
from bot.app.records.messages import Lane
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import checkins
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import runner

ANNA, BEN = 7, 8
MINUTE = timedelta(minutes=1)


class Chats:
    """The patient's and the helper's chat as their phones show them."""

    def __init__(self, database, clinic, anna):
        self.database, self.anna = database, anna
        self.run = runner(database, clinic)
        helper = samples.full_caregiver(anna.id, chat_id=BEN).model_copy(update={"ended_at": None})
        self.run(lambda s: s.caregivers.add(helper))
        self.shown = {ANNA: {}, BEN: {}}
        self.order = []

    def deliver(self, at=AT):
        """Let Telegram take everything; `shown`: lines by message."""
        claim = {"lanes": list(Lane), "limit": 50, "owner": "me", "lease_until": at + MINUTE}
        while claims := self.run(lambda s: s.outbox.claim(at, **claim)):
            for found in claims:
                if found.row.mode == "buttons":
                    self.run(lambda s, n=found.row.id: s.outbox.mark_sent(n, owner="me", message_id=None, at=at))
                    continue
                row, chat = found.row, self.shown.setdefault(found.row.chat_id, {})
                number = found.message_id if row.mode == "edit" and found.message_id in chat else len(chat) + 1
                self.run(lambda s, r=row, n=number: s.outbox.mark_sent(r.id, owner="me", message_id=n, at=at))
                chat[number] = row.screen
                self.order.append((row.chat_id, row.screen.name, row.mode))

    def seen(self, chat=ANNA):
        """Of each call screen of a chat, oldest first, the time at which it says that the team has seen it."""
        calls = [screen for screen in self.shown[chat].values() if screen.name in {"call.emergency", "call.urgent"}]
        return [next((str(x.values["time"]) for x in c.lines if x.key == "call.seen"), None) for c in calls]

    def raises(self, tier, *symptoms, at=AT):
        return self.run(raising.raise_alert, self.anna, Found(tier, ("now.yes",), symptoms), at=at)

    def says_yes(self):
        """ "Yes" on the first safety screen; return the alert and the tap."""
        row = self.run(lambda s: s.checkins.open_of(self.anna.id))
        yes = Action(kind="choose", subject=row.id, question="safety_now", choice="yes")
        self.run(checkins.tapped, self.anna, yes)
        self.deliver()
        (alert,) = self.run(lambda s: s.alerts.of_patient(self.anna.id))
        return alert, yes

    def acknowledged(self, alert, at):
        self.run(ownership.acknowledge, alert.id, at=at, by="lead-1")


@pytest.fixture
def chats(database, clinic, anna):
    return Chats(database, clinic, anna)


@pytest.fixture
def lead(database):
    database.run(lambda s: s.staff.add(samples.staff("lead-1", state="active", chat_id=20)))


pytestmark = pytest.mark.usefixtures("lead")


@pytest.mark.parametrize("tier", [Tier.EMERGENCY, Tier.URGENT])
def test_acknowledged_alert_says_so_on_the_call_screen_of_everyone(chats, tier):
    alert = chats.raises(tier, "eyes")
    chats.deliver()
    assert chats.seen() == chats.seen(BEN) == [None]
    chats.acknowledged(alert, AT + 47 * MINUTE)
    chats.deliver(AT + 47 * MINUTE)
    # 09:47 UTC is 10:47 in Berlin, in winter.
    assert chats.seen() == chats.seen(BEN) == ["10:47"]
    assert chats.order[-1][2] == "edit", "without a sound"
    (screen,) = [s for s in chats.shown[ANNA].values() if s.name.startswith("call.")]
    assert screen.lines[-1].key == "call.seen", "the last line"
    assert any(button.action and button.action.choice == "called" for row in screen.rows for button in row)


def test_who_notes_an_outcome_has_seen_it(chats):
    alert = chats.raises(Tier.EMERGENCY, "breathing")
    chats.deliver()
    chats.run(ownership.note, alert.id, "not_reached", at=AT + MINUTE, by="lead-1")
    chats.deliver(AT + MINUTE)
    assert chats.seen() == ["10:01"]


def test_handed_over_is_not_seen(chats):
    alert = chats.raises(Tier.EMERGENCY, "breathing")
    chats.deliver()
    chats.run(ownership.hand_over, alert.id, "lead-1", at=AT + MINUTE, by="admin")
    chats.deliver(AT + MINUTE)
    assert chats.seen() == [None], "who has it now may be asleep"


def test_call_screen_that_was_not_sent_yet_comes_as_it_is(chats):
    """An edit of it could be sent first, and come as a second call screen."""
    alert = chats.raises(Tier.EMERGENCY, "breathing")
    chats.acknowledged(alert, AT + MINUTE)
    chats.deliver(AT + MINUTE)
    assert chats.seen() == chats.seen(BEN) == [None]


def test_what_rises_since_has_a_call_screen_of_its_own_and_the_former_one_loses_the_line(chats):
    alert = chats.raises(Tier.URGENT, "eyes")
    chats.deliver()
    chats.acknowledged(alert, AT + MINUTE)
    chats.deliver(AT + MINUTE)
    chats.raises(Tier.EMERGENCY, "breathing", at=AT + 2 * MINUTE)
    before = len(chats.order)
    chats.deliver(AT + 2 * MINUTE)
    assert chats.seen() == chats.seen(BEN) == [None, None]
    assert [one[1:] for one in chats.order[before:] if one[0] == ANNA] == [
        ("call.emergency", "new"),
        ("call.urgent", "edit"),
    ]
    chats.acknowledged(alert, AT + 3 * MINUTE)
    chats.deliver(AT + 3 * MINUTE)
    assert chats.seen() == [None, "10:03"]


def test_call_screen_shown_again_says_nothing_new(chats):
    """Nothing opened: the team has seen all there is, and the older message still says so."""
    alert, yes = chats.says_yes()
    chats.acknowledged(alert, AT + MINUTE)
    chats.deliver(AT + MINUTE)
    chats.run(checkins.tapped, chats.anna, yes, at=AT + 2 * MINUTE)
    chats.deliver(AT + 2 * MINUTE)
    assert chats.seen() == ["10:01", None]


def test_line_goes_when_a_concern_opens_again(chats):
    alert, _ = chats.says_yes()
    chats.acknowledged(alert, AT + MINUTE)
    chats.run(replies.reply, chats.anna, alert.id, "reached", at=AT + 2 * MINUTE)
    chats.deliver(AT + 2 * MINUTE)
    assert chats.seen() == ["10:01"]
    chats.run(replies.reply, chats.anna, alert.id, "not_yet", at=AT + 3 * MINUTE)
    chats.deliver(AT + 3 * MINUTE)
    assert chats.seen() == [None]


def test_nothing_is_added_once_somebody_spoke_with_the_patient(chats):
    alert, _ = chats.says_yes()
    chats.run(replies.reply, chats.anna, alert.id, "reached", at=AT + MINUTE)
    chats.acknowledged(alert, AT + 2 * MINUTE)
    chats.deliver(AT + 2 * MINUTE)
    assert chats.seen() == [None]


def test_soon_has_no_such_line(chats):
    alert = chats.raises(Tier.SOON, "numbness")
    chats.deliver()
    chats.acknowledged(alert, AT + MINUTE)
    before = len(chats.order)
    chats.deliver(AT + MINUTE)
    assert [one for one in chats.order[before:] if one[0] in {ANNA, BEN}] == []


def test_older_message_that_can_not_be_read_keeps_no_call_screen_back(chats, database):
    alert = chats.raises(Tier.URGENT, "eyes")
    chats.deliver()
    chats.acknowledged(alert, AT + MINUTE)
    chats.deliver(AT + MINUTE)
    database.run(
        lambda s: s.outbox._connection.exec_driver_sql("UPDATE outbox SET screen = x'00' WHERE chat_hash IS NOT NULL")
    )
    chats.raises(Tier.EMERGENCY, "breathing", at=AT + 2 * MINUTE)
    before = len(chats.order)
    chats.deliver(AT + 2 * MINUTE)
    assert (ANNA, "call.emergency", "new") in chats.order[before:]
    chats.run(ownership.acknowledge, alert.id, at=AT + 3 * MINUTE, by="lead-1")
    assert "call_screen_unchanged" in [line.action for line in chats.run(lambda s: s.audit.lines(chats.anna.code))]


@pytest.mark.parametrize("outcome", ["spoke_to_patient", "sent_to_ed"])
def test_who_has_dealt_with_it_adds_nothing(chats, outcome):
    alert = chats.raises(Tier.EMERGENCY, "breathing")
    chats.deliver()
    chats.run(ownership.note, alert.id, outcome, at=AT + MINUTE, by="lead-1")
    chats.deliver(AT + MINUTE)
    assert chats.seen() == [None], '"call now" would come after the talk'
