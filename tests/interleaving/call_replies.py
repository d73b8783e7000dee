"""What patients reply about a call, each a case of the catalog: its name, and what is tapped in a transaction."""

from collections.abc import Callable
from functools import partial

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.concerns.memory import remember
from bot.app.work import Work
from bot.core.concern_values import Level
from bot.core.happenings import Answered
from bot.core.protocol import Tier
from bot.core.screen import Action
from bot.dialog import conversation
from tests.interleaving.scene import ANNA, BERTA, HELPER, PAULA, Scene

Act = Callable[[Scene, Work], object]


def _replied(chat: int, alert: str, word: str, scene: Scene, work: Work) -> object:
    return conversation.tap(work, chat, Action(kind="alert", subject=scene.alerts[alert].id, choice=word))


def _mistaken(scene: Scene, work: Work) -> object:
    """An alert about an answer of a finished check-in, which was a mistake."""
    anna = work.patients.by_chat(ANNA, lock=True)
    assert anna is not None
    found = Answered(symptom="numbness", level=Level(Tier.SOON, 2), by=anna.actor, day=work.at.date())
    remember(work, anna, (found,), checkin_id=scene.finished.id)
    made = raising.raise_alert(
        work, anna, Found(Tier.SOON, ("sensory.new",), ("numbness",), checkin_id=scene.finished.id)
    )
    return conversation.tap(work, ANNA, Action(kind="alert", subject=made.id, choice="was_mistake"))


def _partly(scene: Scene, work: Work) -> object:
    """ "Yes" on a message from before double vision joined the alert."""
    berta, alert = work.patients.by_chat(BERTA, lock=True), work.alerts.get(scene.alerts["berta"].id)
    assert berta is not None
    assert alert is not None
    found = Answered(symptom="eyes", level=Level(Tier.URGENT, 1), by=berta.actor, day=work.at.date(), is_named=True)
    remember(work, berta, (found,))
    raising.join(work, berta, alert, Found(Tier.URGENT, ("new.eyes",), ("eyes",)))
    return _replied(BERTA, "berta", "reached", scene, work)


def _yes_again(scene: Scene, work: Work) -> object:
    """ "It was a mistake", and "yes" all the same when it is asked again."""
    _replied(ANNA, "flag", "was_mistake", scene, work)
    row = work.checkins.open_of(scene.patients[ANNA].id)
    assert row is not None
    asked = {"subject": row.id, "revision": row.value.revision, "question": row.value.cursor}
    return conversation.tap(work, ANNA, Action(kind="choose", choice="yes", **asked))


ALL: tuple[tuple[str, Act], ...] = (
    ("reply ANNA numbness was a mistake", _mistaken),
    ("reply ANNA at the hospital", partial(_replied, ANNA, "flag", "at_hospital")),
    ("caregiver replies BERTA at the hospital", partial(_replied, HELPER, "berta", "at_hospital")),
    ("caregiver calls the tap of BERTA a mistake", partial(_replied, HELPER, "berta", "was_mistake")),
    ("reply ANNA it was a mistake", partial(_replied, ANNA, "flag", "was_mistake")),
    ("reply ANNA it was a mistake, then yes again", _yes_again),
    ("reply BERTA to an older message", _partly),
    ("reply BERTA my team knows", partial(_replied, BERTA, "berta", "knows")),
    ("reply PAULA my team knows this", partial(_replied, PAULA, "unnotified", "team_knows")),
    ("reply PAULA home", partial(_replied, PAULA, "unnotified", "home")),
    ("reply PAULA not home", partial(_replied, PAULA, "unnotified", "not_home")),
)
