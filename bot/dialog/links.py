"""Opens links: a patient's invite, a helper's, a team member's. Looking changes nothing where the chat has a role.

A chat with a role is asked first, and learns what would change; a combination that can't be is refused with the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bot.app.chat_roles import ChatRoles, roles_of
from bot.app.patients import caregivers as helpers
from bot.app.patients import registry
from bot.app.patients.new_phone import needs_asking
from bot.app.ports.clinic import Clinic
from bot.app.records.messages import Lane
from bot.app.records.patients import Patient, PatientState
from bot.app.team import members
from bot.app.work import Work
from bot.core.screen import Action, Screen, Style, Text
from bot.dialog import caregivers, enrolment, menus, new_phone, staff_chat
from bot.dialog.former_chats import answer_stranger
from bot.dialog.post import enqueue
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, numbers, rows

KIND = "link"
"""The kind of action this module handles; `choice` is the token to go on with, or empty: leave all as it is."""
SLOT = "link"


@dataclass(frozen=True)
class Link:
    """A link that works in this chat: `open` opens it, `refusal` says why the chat can't have that role, too."""

    kind: Literal["patient", "helper", "team"]
    open: Callable[[], TapResult | None]
    refusal: str | None = None
    asks: bool = True
    code: str = ""


def opened(work: Work, chat_id: int, token: str, language_hint: str | None) -> TapResult | None:
    """Open a link, or ask first or refuse it if the chat has a role; None if the link does not work here."""
    roles = roles_of(work, chat_id)
    link = _find(work, roles, chat_id, token, language_hint)
    if link is None:
        return None
    if link.refusal is not None:
        return _refuse(work, roles, chat_id, link.refusal)
    has_role = any((roles.taking_part, roles.helped, roles.staff))
    return _ask(work, roles, chat_id, link, token) if has_role and link.asks else link.open()


def tapped(work: Work, chat_id: int, action: Action) -> TapResult:
    """Open the link that the chat was asked about, if it still works; or leave everything as it is."""
    roles = roles_of(work, chat_id)
    link = _find(work, roles, chat_id, action.choice, _language(work, roles)) if action.choice else None
    if link is not None and link.refusal is None and (outcome := link.open()) is not None:
        return outcome
    if not any((roles.own, roles.helped, roles.staff)):
        return answer_stranger(work, chat_id, "stranger.bad_invite" if action.choice else "stranger.hello", None)
    return _say(work, roles, chat_id, "link.dead" if action.choice else "link.kept")


# -- what a link is


def _find(work: Work, roles: ChatRoles, chat_id: int, token: str, language_hint: str | None) -> Link | None:
    invited = registry.find_invite(work, token, chat_id)
    if invited is not None:
        return _patients(work, roles, invited, chat_id, token, language_hint)
    if (helping := helpers.find_link(work, token)) is not None:
        return _helpers(work, roles, helping[0], chat_id, token, language_hint)
    return _teams(work, roles, chat_id, token)


def _patients(
    work: Work, roles: ChatRoles, invited: Patient, chat_id: int, token: str, language_hint: str | None
) -> Link | None:
    own = roles.taking_part
    is_own = own is not None and own.id == invited.id
    if own is not None and is_own and own.state is not PatientState.ENROLLING:
        return None
    refusal = "link.refused.patient" if own is not None and not is_own else None
    if roles.helped is not None and roles.helped.id == invited.id:
        refusal = "link.refused.theirs"
    is_third = needs_asking(invited, chat_id) and chat_id != invited.second_chat_id
    if invited.phone_move == "moved" and is_third:
        # The old phone must be able to say "that was not me": a third one doesn't replace it.
        refusal = "link.refused.moving"
    enrol = partial(_enrol, work, roles.own, chat_id, token, language_hint)
    return Link("patient", enrol, refusal, asks=not is_own, code=invited.code)


def _helpers(
    work: Work, roles: ChatRoles, patient: Patient, chat_id: int, token: str, language_hint: str | None
) -> Link:
    refusal = "link.refused.helping" if roles.helped is not None else None
    if roles.own is not None and roles.own.id == patient.id:
        refusal = "link.refused.own_helper"
    return Link("helper", partial(caregivers.opened, work, token, chat_id, language_hint), refusal)


def _teams(work: Work, roles: ChatRoles, chat_id: int, token: str) -> Link | None:
    person = members.find_link(work, token)
    if person is None:
        return None
    is_own = roles.staff is not None and roles.staff.id == person.id
    refusal = "link.refused.team" if roles.staff is not None and not is_own else None
    return Link("team", partial(staff_chat.opened, work, token, chat_id), refusal, asks=not is_own)


# -- opening a patient's link


def _enrol(
    work: Work, present: Patient | None, chat_id: int, token: str, language_hint: str | None
) -> TapResult | None:
    """Accept a patient's invite and welcome them; `present`: the patient whose chat it was."""
    invited = registry.accept_invite(work, token, chat_id)
    if invited is None:
        return None
    if needs_asking(invited, chat_id):
        return new_phone.opened(work, invited, chat_id)
    if present is not None and present.id != invited.id:
        # A chat belongs to one patient at most; the earlier patient has left.
        work.patients.save(present.model_copy(update={"chat_id": None}))
    hinted = (language_hint or "").split("-")[0]
    opened = invited.model_copy(
        update={
            "chat_id": chat_id,
            "state": PatientState.ENROLLING,
            "unreachable_at": None,
            **dict.fromkeys(("second_chat_id", "phone_move")),
            # Nobody has confirmed that another phone is theirs.
            "history_from": invited.history_from if invited.chat_id in {None, chat_id} else work.at,
            "language": hinted
            if _has_default_language(invited, work.clinic) and hinted in work.clinic.languages
            else invited.language,
        }
    )
    # Reachable again, on whichever phone: nobody has to find out why they were not.
    work.tasks.close_of_patient(opened.id, ("unreachable",), work.at)
    enrolment.begin(work, opened)
    return TapResult(language=opened.language)


def _has_default_language(invited: Patient, clinic: Clinic) -> bool:
    """Return whether nobody has chosen a language yet, so that the phone's is the better guess."""
    return invited.chat_id is None and invited.language == clinic.languages[0]


# -- the screens


def _ask(work: Work, roles: ChatRoles, chat_id: int, link: Link, token: str) -> TapResult:
    """Say what the link is, what stays and what would change; nothing has changed yet."""
    is_known = roles.staff is not None and link.code
    what = Text(key="link.is.code", values={"code": link.code}) if is_known else Text(key=f"link.is.{link.kind}")
    stays = {"patient": roles.taking_part, "helper": roles.helped, "team": roles.staff}
    kept = (Text(key=f"link.stays.{kind}") for kind, person in stays.items() if person is not None)
    made = (
        button("link.no", Action(kind=KIND), style=Style.SUCCESS),
        button("link.yes", Action(kind=KIND, choice=token)),
    )
    lines = (what, *kept, Text(key=f"link.then.{link.kind}"), Text(key="link.look"))
    return _post(work, roles, chat_id, Screen(name="link.ask", lines=lines, rows=rows(made)))


def _refuse(work: Work, roles: ChatRoles, chat_id: int, reason: str) -> TapResult:
    result = _say(work, roles, chat_id, reason)
    if roles.own is not None and roles.own.state is PatientState.ENROLLING:
        menus.show_current_screen(work, roles.own)
    return result


def _say(work: Work, roles: ChatRoles, chat_id: int, key: str) -> TapResult:
    who = roles.staff.name if roles.staff is not None else ""
    lines = (Text(key=key, values={**numbers(work.clinic), "who": who}),)
    return _post(work, roles, chat_id, Screen(name=key, lines=lines))


def _post(work: Work, roles: ChatRoles, chat_id: int, screen: Screen) -> TapResult:
    """Queue a screen that is the only one of its kind in the chat."""
    language = _language(work, roles)
    shown = screen.model_copy(update={"replaces": True})
    patient_id = roles.own.id if roles.own is not None else None
    enqueue(work, chat_id, language, shown, slot=SLOT, lane=Lane.REPLY, patient_id=patient_id)
    return TapResult(language=language)


def _language(work: Work, roles: ChatRoles) -> str:
    """Return the language of the chat, as its owner chose it in one of its roles."""
    if roles.own is not None:
        return roles.own.language
    if roles.helped is not None:
        return roles.helped.chat_language
    return roles.staff.language if roles.staff is not None else work.clinic.languages[0]
