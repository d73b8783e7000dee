"""The rota, the team, and the plans of the clinic with the table of patients to add."""

from datetime import date, datetime, time
from typing import Any, get_args

from starlette.responses import Response

from bot.app import duty, importing, team
from bot.app.importing import ImportFaultsError, Invited
from bot.app.installation import BOT_NAME
from bot.app.store import Store
from bot.app.team import DAYS
from bot.app.team_store import Role, Staff
from bot.console.desk import svg
from bot.console.doors import BadFormError, Call
from bot.core.rota import on_duty
from bot.export.cards import Card, page, qr_svg

ROLES: tuple[Role, ...] = get_args(Role)


# -- rota


async def rota(call: Call) -> Response:
    """Who is on duty, and when."""

    def look(store: Store, at: datetime) -> dict[str, Any]:
        return {
            "lines": team.rota_lines(store, call.desk.clinic, at),
            "now": on_duty(team.rota_of(store, call.desk.clinic, at), at),
            "people": [row.name for row in team.present(store)],
        }

    return call.page("rota.html", **await call.desk.read(look), days=DAYS, zone=call.desk.clinic.timezone)


async def add_shift(call: Call) -> Response:
    """Put someone on the rota."""
    form = call.form
    outside = form.get("out_of_hours") == "yes"
    days = range(7) if outside else [n for n, day in enumerate(DAYS) if day in form.get("days", "").split(",")]
    begins, ends = _hour(form.get("start", "")), _hour(form.get("end", ""))
    rank = form.get("rank", "0")
    if not rank.isdecimal() or int(rank) > 99:  # noqa: PLR2004 - two digits
        raise BadFormError(f"rank {rank!r}: a number from 0 to 99")
    await call.desk.write(
        lambda store, at: team.add_shift(
            store,
            form.get("name", ""),
            days=days,
            start=begins,
            end=ends,
            rank=int(rank),
            out_of_hours=outside,
            by=call.person.name,
            at=at,
        )
    )
    return call.back("/console/rota")


async def drop_shift(call: Call) -> Response:
    """Take a shift off the rota."""
    number = int(call.request.path_params["number"])
    await call.desk.write(lambda store, at: team.drop_shift(store, number, call.person.name, at))
    return call.back("/console/rota")


async def add_cover(call: Call) -> Response:
    """Let someone stand in."""
    form = call.form
    first, last = _day(form.get("first", "")), _day(form.get("last", ""))
    away, instead = form.get("away", ""), form.get("instead", "")
    await call.desk.write(
        lambda store, at: team.add_cover(
            store, call.desk.clinic, away, instead, first=first, last=last, by=call.person.name, at=at
        )
    )
    return call.back("/console/rota")


async def drop_cover(call: Call) -> Response:
    """End a cover."""
    number = int(call.request.path_params["number"])
    await call.desk.write(lambda store, at: team.drop_cover(store, number, call.person.name, at))
    return call.back("/console/rota")


def _hour(text: str) -> time:
    try:
        return time.fromisoformat(text[:5]) if text else time(0)
    except ValueError:
        raise BadFormError(f"{text!r} is no time of day, write it as 08:30") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadFormError(f"{text!r} is no date, write it as 2026-03-31") from None


# -- people


async def people(call: Call) -> Response:
    """Who is of the team."""
    found = await call.desk.read(lambda store, _at: team.present(store))
    return call.page("team.html", people=found, roles=ROLES, languages=call.desk.clinic.languages)


async def add_person(call: Call) -> Response:
    """Add someone and show the link to their chat."""
    form, clinic = call.form, call.desk.clinic
    role = next((known for known in ROLES if known == form.get("role")), None)
    if role is None:
        raise BadFormError(f"role {form.get('role')!r}: one of {', '.join(ROLES)}")

    def work(store: Store, at: datetime) -> tuple[Staff, str, str | None]:
        name, language = form.get("name", "").strip(), form.get("language") or None
        row, token = team.add(
            store,
            clinic,
            name=name,
            role=role,
            language=language,
            by=call.person.name,
            at=at,
        )
        return row, token, store.setting(BOT_NAME)

    return _link(call, *await call.desk.write(work))


async def link_again(call: Call) -> Response:
    """Show a new link to someone's chat."""
    name = call.request.path_params["name"]

    def work(store: Store, at: datetime) -> tuple[Staff, str, str | None]:
        row, token = team.link_again(store, call.desk.clinic, name, call.person.name, at)
        return row, token, store.setting(BOT_NAME)

    return _link(call, *await call.desk.write(work))


async def remove_person(call: Call) -> Response:
    """Take someone out of the team; signed in they are no more."""
    name = call.request.path_params["name"]
    if name == call.person.name:
        raise BadFormError(call.desk.words(call.person, "team.not_oneself"))

    await call.desk.write(lambda store, at: duty.remove(store, name, call.person.name, at))
    return call.back("/console/team")


def _link(call: Call, row: Staff, token: str, bot: str | None) -> Response:
    link = f"https://t.me/{bot}?start={token}" if bot else None
    return call.page("staff_link.html", row=row, token=token, link=link, qr=svg(qr_svg(link)) if link else None)


# -- plans of the clinic, and many patients at once


async def schedules(call: Call) -> Response:
    """The plans that the clinic signed, and the form for a table of patients."""
    return call.page("schedules.html", plans=call.desk.clinic.protocol.plans, faults=(), good=None)


async def import_table(call: Call) -> Response:
    """Try a table, or add all its patients and give their cards to print."""
    content, clinic = call.upload or b"", call.desk.clinic
    plans = clinic.protocol.plans
    try:
        if call.form.get("how") != "add":
            rows = await call.desk.read(lambda store, at: importing.checked(store, clinic, content, at))
            return call.page("schedules.html", plans=plans, faults=(), good=len(rows))

        def work(store: Store, at: datetime) -> tuple[list[Invited], str | None]:
            return importing.add_all(store, clinic, content, at, by=call.person.name), store.setting(BOT_NAME)

        made, bot = await call.desk.write(work)
    except ImportFaultsError as error:
        return call.page("schedules.html", status=422, plans=plans, faults=error.faults, good=None)
    return _cards(call, made, bot)


def _cards(call: Call, made: list[Invited], bot: str | None) -> Response:
    """The cards to print, as a file: a token is shown once."""
    cards = [
        Card(
            one.code,
            f"https://t.me/{bot or ''}?start={one.start}",
            one.language,
            call.desk.all_words(one.language)["invite.card"],
        )
        for one in made
    ]
    names = {"Content-Disposition": 'attachment; filename="invites.html"'}
    return Response(page(cards), media_type="text/html; charset=utf-8", headers=names)
