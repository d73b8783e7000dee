"""The rota, the team, and the clinic's plans with the import of patients."""

from datetime import date, time
from typing import Any, get_args

from starlette.responses import Response

from bot.app.alerts import escalation
from bot.app.operations.installation import BOT_NAME
from bot.app.patients import importing
from bot.app.patients.importing import ImportFaultsError, Invited
from bot.app.records.team import Role, Staff
from bot.app.team import members
from bot.app.team.members import DAYS
from bot.app.work import Work
from bot.core.plan_template import PlanTemplate, after_stop_of
from bot.core.rota import on_call
from bot.desk.access import BadFormError, ConsoleRequest
from bot.desk.context import svg
from bot.export.cards import Card, page, qr_svg

ROLES: tuple[Role, ...] = get_args(Role)


# -- rota


async def rota_page(request: ConsoleRequest) -> Response:
    """Show who is on call, and when."""

    def query(work: Work) -> dict[str, Any]:
        return {
            "lines": members.rota_lines(work),
            "now": on_call(members.rota_of(work), work.at),
            "people": [row.name for row in members.current_members(work)],
        }

    return request.page(
        "rota.html", **await request.context.read(query), days=DAYS, zone=request.context.clinic.timezone
    )


async def add_shift(request: ConsoleRequest) -> Response:
    """Add a shift."""
    form = request.form
    out_of_hours = form.get("out_of_hours") == "yes"
    days = range(7) if out_of_hours else [n for n, day in enumerate(DAYS) if day in form.get("days", "").split(",")]
    begins, ends = _hour(form.get("start", "")), _hour(form.get("end", ""))
    rank = form.get("rank", "0")
    if not rank.isdecimal() or int(rank) > 99:  # noqa: PLR2004 - two digits
        raise BadFormError(f"rank {rank!r}: use a number from 0 to 99")
    await request.context.write(
        lambda work: members.add_shift(
            work.acting(request.person.name),
            form.get("name", ""),
            days=days,
            start=begins,
            end=ends,
            rank=int(rank),
            out_of_hours=out_of_hours,
        )
    )
    return request.back("/console/rota")


async def remove_shift(request: ConsoleRequest) -> Response:
    """Remove a shift."""
    number = int(request.http.path_params["number"])
    await request.context.write(lambda work: members.drop_shift(work.acting(request.person.name), number))
    return request.back("/console/rota")


async def add_cover(request: ConsoleRequest) -> Response:
    """Add a cover: another member takes the shifts of one who is away."""
    form = request.form
    first, last = _day(form.get("first", "")), _day(form.get("last", ""))
    away, instead = form.get("away", ""), form.get("instead", "")
    await request.context.write(
        lambda work: members.add_cover(work.acting(request.person.name), away, instead, first=first, last=last)
    )
    return request.back("/console/rota")


async def remove_cover(request: ConsoleRequest) -> Response:
    """End a cover."""
    number = int(request.http.path_params["number"])
    await request.context.write(lambda work: members.drop_cover(work.acting(request.person.name), number))
    return request.back("/console/rota")


def _hour(text: str) -> time:
    try:
        return time.fromisoformat(text[:5]) if text else time(0)
    except ValueError:
        raise BadFormError(f"{text!r} is not a time of day: write it as 08:30") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadFormError(f"{text!r} is not a date: write it as 2026-03-31") from None


# -- team


async def team_page(request: ConsoleRequest) -> Response:
    """Show the team."""
    found = await request.context.read(members.current_members)
    return request.page("team.html", people=found, roles=ROLES, languages=request.context.clinic.languages)


async def add_member(request: ConsoleRequest) -> Response:
    """Add a team member and show the link to their chat."""
    form = request.form
    role = next((known for known in ROLES if known == form.get("role")), None)
    if role is None:
        raise BadFormError(f"role {form.get('role')!r}: use one of {', '.join(ROLES)}")

    def act(work: Work) -> tuple[Staff, str, str | None]:
        name, language = form.get("name", "").strip(), form.get("language") or None
        row, token = members.add(work.acting(request.person.name), name=name, role=role, language=language)
        return row, token, work.settings.get(BOT_NAME)

    return _link(request, *await request.context.write(act))


async def new_link(request: ConsoleRequest) -> Response:
    """Make a new link to a member's chat and show it."""
    name = request.http.path_params["name"]

    def act(work: Work) -> tuple[Staff, str, str | None]:
        row, token = members.renew_link(work.acting(request.person.name), name)
        return row, token, work.settings.get(BOT_NAME)

    return _link(request, *await request.context.write(act))


async def remove_member(request: ConsoleRequest) -> Response:
    """Remove a team member; their sessions end."""
    name = request.http.path_params["name"]
    if name == request.person.name:
        raise BadFormError(request.context.text(request.person, "team.not_oneself"))

    await request.context.write(lambda work: escalation.remove(work.acting(request.person.name), name))
    return request.back("/console/team")


def _link(request: ConsoleRequest, row: Staff, token: str, bot: str | None) -> Response:
    link = f"https://t.me/{bot}?start={token}" if bot else None
    return request.page("staff_link.html", row=row, token=token, link=link, qr=svg(qr_svg(link)) if link else None)


# -- the clinic's plans, and the import of patients


async def schedules_page(request: ConsoleRequest) -> Response:
    """Show the plans that the clinic signed off, and the import form."""
    return _schedules(request, faults=(), good=None)


async def import_patients(request: ConsoleRequest) -> Response:
    """Check a CSV file, or add all its patients and return their cards to print."""
    content = request.upload or b""
    try:
        if request.form.get("how") != "add":
            rows = await request.context.read(lambda work: importing.read_rows(work, content))
            return _schedules(request, faults=(), good=len(rows))

        def act(work: Work) -> tuple[list[Invited], str | None]:
            return importing.add_all(work.acting(request.person.name), content), work.settings.get(BOT_NAME)

        invited, bot = await request.context.write(act)
    except ImportFaultsError as error:
        return _schedules(request, status=422, faults=error.faults, good=None)
    return _cards(request, invited, bot)


def _schedules(request: ConsoleRequest, **values: Any) -> Response:
    def reasons(plan: PlanTemplate) -> str:
        risky = after_stop_of(plan).at_risk_reasons
        return ", ".join(request.context.text(request.person, f"stop_reason.{reason}") for reason in risky)

    plans = request.context.clinic.protocol.plans
    return request.page("schedules.html", plans=plans, after_stop=after_stop_of, reasons=reasons, **values)


def _cards(request: ConsoleRequest, invited: list[Invited], bot: str | None) -> Response:
    """Return the cards to print as a file: each token is shown only once."""
    cards = [
        Card(
            one.code,
            f"https://t.me/{bot or ''}?start={one.start}",
            one.language,
            request.context.all_words(one.language)["invite.card"],
        )
        for one in invited
    ]
    names = {"Content-Disposition": 'attachment; filename="invites.html"'}
    return Response(page(cards), media_type="text/html; charset=utf-8", headers=names)
