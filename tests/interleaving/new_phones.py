"""The use cases of a patient who moves to a new phone: what the two chats are asked, and answer."""

from collections.abc import Callable, Mapping

from bot.app.patients import new_phone, registry
from bot.app.work import Work
from bot.core.screen import Action
from bot.dialog import conversation
from tests.interleaving.scene import ANNA, BERTA, STRANGER, Scene
from tests.interleaving.sides import Side

Act = Callable[[Scene, Side, Work], object]


def _moves(*taps: tuple[int, str], then: Callable[[Work], object] = lambda _: None) -> Act:
    """Open a new link of BERTA on another phone, tap what the two phones are asked, and do something else."""

    def act(_: Scene, __: Side, work: Work) -> None:
        _, token = registry.invite_again(work, "BERTA")
        conversation.start(work, STRANGER, token, "en")
        for chat, word in taps:
            conversation.tap(work, chat, Action(kind="phone", choice=word))
        then(work)

    return act


def _moves_to_a_chat_that_was_left(_: Scene, __: Side, work: Work) -> None:
    """Open the new link on the phone of ANNA, who has stopped, and agree there."""
    conversation.tap(work, ANNA, Action(kind="stop", choice="withdraw"))
    _, token = registry.invite_again(work, "BERTA")
    conversation.start(work, ANNA, token, "en")
    conversation.tap(work, ANNA, Action(kind="phone", choice="agree"))


CASES: Mapping[str, Act] = {
    "asked": _moves(),
    "agrees": _moves((STRANGER, "agree")),
    "confirmed, agrees": _moves((BERTA, "yes"), (STRANGER, "agree")),
    "agrees, confirmed": _moves((STRANGER, "agree"), (BERTA, "yes")),
    "refused": _moves((BERTA, "no")),
    "agrees, refused": _moves((STRANGER, "agree"), (BERTA, "no")),
    "declines": _moves((STRANGER, "decline")),
    "confirmed by the team": _moves(
        (STRANGER, "agree"), then=lambda work: new_phone.confirm_for(work.acting("coord-1"), "BERTA")
    ),
    "in a chat that was left": _moves_to_a_chat_that_was_left,
    "lost": _moves(then=lambda work: conversation.membership(work, STRANGER, reachable=False)),
    "feels worse": _moves(then=lambda work: conversation.command(work, STRANGER, "worse")),
    "shows the move": _moves(then=lambda work: conversation.command(work, STRANGER, "menu")),
    "asks for own data": _moves((STRANGER, "agree"), then=lambda work: conversation.command(work, STRANGER, "export")),
}
"""By what follows "new phone of BERTA"."""
