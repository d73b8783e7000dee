"""The apology to a chat whose update could not be processed: it names the numbers to call."""

from bot.app.chat_roles import role_of
from bot.app.work import Work
from bot.core.screen import Screen, Text
from bot.dialog.post import post, post_staff, post_stranger
from bot.dialog.widgets import numbers

SLOT = "oops"


def apologize(work: Work, chat_id: int) -> None:
    """Queue the apology in the language of the person whose chat it is; a stranger's is the clinic's first one."""
    role = role_of(work, chat_id)
    screen = Screen(name="oops", lines=(Text(key="oops.body", values=numbers(work.clinic)),))
    if role.patient is not None:
        post(work, role.patient, screen, slot=SLOT)
    elif role.staff is not None:
        post_staff(work, role.staff, screen, slot=SLOT)
    else:
        post_stranger(work, chat_id, work.clinic.languages[0], screen)
