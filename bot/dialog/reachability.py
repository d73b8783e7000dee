"""Whether messages reach a chat: for each role that the chat has. Sends nothing but what the patient must know."""

from bot.app.alerts import escalation
from bot.app.chat_roles import roles_of
from bot.app.patients import new_phone, participation
from bot.app.work import Work
from bot.dialog import caregivers
from bot.dialog.replies import TapResult


def set_reachable(work: Work, chat_id: int, *, reachable: bool) -> TapResult:
    """Note that a chat blocked or unblocked the bot, that sending failed for good, or that somebody writes from it."""
    roles = roles_of(work, chat_id)
    if roles.own is not None and roles.own.is_second:
        if not reachable:
            new_phone.lost(work, roles.own)
    elif roles.own is not None:
        participation.set_reachable(work, roles.own, reachable=reachable)
    if roles.staff is not None:
        escalation.set_reachable(work, roles.staff, reachable=reachable)
    helped = roles.helped
    if helped is not None and helped.caregiver is not None and not reachable:
        # A caregiver who blocks the bot has stopped helping.
        caregivers.left(work, helped, helped.caregiver, notify=False)
    person = roles.own or roles.staff
    language = helped.chat_language if helped is not None else work.clinic.languages[0]
    return TapResult(language=person.language if person is not None else language)
