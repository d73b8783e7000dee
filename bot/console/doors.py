"""Which page is behind which address, and who may open it: every route stands in one table with its roles.

Whoever isn't signed in is sent to sign in; whoever may not is told so (403); a form without its word is refused. What
a use case refuses is shown where it was asked, as words, and nothing is changed.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import structlog
from prometheus_client import Counter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.app.lookup import RefusedError
from bot.app.store_errors import DuplicateError
from bot.app.team_store import Role, Staff
from bot.console import passkeys, sign_in
from bot.console.desk import Desk

log = structlog.get_logger(__name__)

PAGE_ERRORS = Counter("nervecheck_page_errors_total", "Console pages that failed: an error of ours.")

EVERYONE: frozenset[Role] = frozenset({"coordinator", "lead", "operator"})
CARE: frozenset[Role] = frozenset({"coordinator", "lead"})
LEADS: frozenset[Role] = frozenset({"lead"})
KEEPERS: frozenset[Role] = frozenset({"lead", "operator"})
"""Who keeps the team, the rota and the record."""
MOST_FORM = 2_000_000
"""Bytes of a form: the largest is a table of patients."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Call:
    """One request of someone who is signed in (of anyone, for public doors: then `person` is None)."""

    desk: Desk
    request: Request
    who: Staff | None
    csrf: str
    form: Mapping[str, str]
    upload: bytes | None = None

    @property
    def person(self) -> Staff:
        """Whoever is signed in; LookupError behind a public door."""
        if self.who is None:
            raise LookupError("nobody is signed in behind a public door")
        return self.who

    @property
    def passkeys(self) -> bool:
        """Whether browsers take passkeys at this address."""
        return passkeys.offered(self.desk)

    @property
    def language(self) -> str:
        """The reader's own, or, before that is known, the clinic's first that the browser asks for."""
        if self.who is not None:
            return self.who.language
        asked = [part.split(";")[0].strip()[:2] for part in self.request.headers.get("accept-language", "").split(",")]
        return next((code for code in asked if code in self.desk.clinic.languages), self.desk.clinic.languages[0])

    def page(self, name: str, status: int = 200, **values: Any) -> Response:
        """Return a whole page."""
        found = self.request.query_params
        shown: dict[str, object] = {"person": self.who, "csrf": self.csrf, "here": self.request.url.path, "refused": ""}
        shown |= {"said": found.get("said", "")[:80], "may": may, "up": _up(self.request.url.path)}
        shown |= {"passkeys": self.passkeys, "sandbox_door": self.desk.sandbox, "languages": self.desk.clinic.languages}
        html = self.desk.render(name, self.language, **{**shown, **values})
        return HTMLResponse(html, status_code=status)

    def back(self, path: str, said: str = "done") -> Response:
        """Return to a page with a word on what was done."""
        return RedirectResponse(f"{path}?{urlencode({'said': said})}", status_code=303)


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Door:
    """A route. `roles` None: public. `back`: where a refused form leads, with its words."""

    method: str
    path: str
    roles: frozenset[Role] | None
    handler: Handler
    refusal: str = "refused.html"


def _up(path: str) -> str:
    """The page that a form stood on: the patient's, or that of its part of the console."""
    parts = path.split("/")
    return "/".join(parts[: 4 if parts[2:3] == ["patients"] else 3])


def may(person: Staff | None, roles: Iterable[Role]) -> bool:
    """Whether someone has one of these roles."""
    return person is not None and person.role in roles


def routes(desk: Desk, doors: Iterable[Door]) -> list[Route]:
    """Return the routes of all doors; every answer carries the headers above."""
    by_path: dict[str, list[Door]] = {}
    for door in doors:
        by_path.setdefault(door.path, []).append(door)
    return [
        Route(path, _endpoint(desk, {door.method: door for door in same}), methods=[door.method for door in same])
        for path, same in by_path.items()
    ]


def _endpoint(desk: Desk, doors: Mapping[str, Door]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        door = doors["GET" if request.method == "HEAD" else request.method]
        response = await _opened(desk, door, request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return answer


async def _opened(desk: Desk, door: Door, request: Request) -> Response:
    token = request.cookies.get(sign_in.COOKIE)
    found = await sign_in.entered(desk, token)
    if door.roles is not None and found is None:
        return _to_sign_in(request)
    form, upload = await _form(request) if door.method == "POST" else ({}, None)
    call = Call(desk, request, found.person if found else None, found.csrf if found else "", form, upload)
    if door.roles is not None and not may(call.who, door.roles):
        return call.page("forbidden.html", status=403)
    if door.method == "POST" and not _is_ours(call, door):
        return call.page("forbidden.html", status=403)
    if found is not None and token is not None and "events" not in door.path:
        await sign_in.touch(desk, token)
    return await _handled(call, door)


async def _handled(call: Call, door: Door) -> Response:
    try:
        return await door.handler(call)
    except (RefusedError, DuplicateError) as error:
        return call.page(door.refusal, status=409, refused=str(error))
    except ValidationError as error:
        return call.page(door.refusal, status=422, refused="; ".join(e["msg"] for e in error.errors()))
    except BadFormError as error:
        return call.page(door.refusal, status=422, refused=str(error))
    except Exception as error:  # noqa: BLE001 - a person sees words and never a trace
        PAGE_ERRORS.inc()
        # No traceback: its words may hold an answer.
        log.error("a page failed", action="page_failed", page=door.path, error=type(error).__name__)  # noqa: TRY400
        return call.page("failed.html", status=500)


class BadFormError(ValueError):
    """A field of a form can't be read; the message says which and why."""


def _is_ours(call: Call, door: Door) -> bool:
    """Whether a form comes from a page of ours: the browser says so, and it carries its word."""
    site = call.request.headers.get("sec-fetch-site", "same-origin")
    if site not in {"same-origin", "none"}:
        return False
    return door.roles is None or sign_in.is_same(call.form.get("csrf", ""), call.csrf)


async def _form(request: Request) -> tuple[dict[str, str], bytes | None]:
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MOST_FORM:
        return {}, None
    upload: bytes | None = None
    fields: dict[str, str] = {}
    async with request.form(max_files=1, max_fields=100, max_part_size=MOST_FORM) as data:
        for name, value in data.multi_items():
            if isinstance(value, str):
                # Several boxes of one name are one field with commas.
                fields[name] = f"{fields[name]},{value}" if name in fields else value
            else:
                upload = await value.read()
    return fields, upload


def _to_sign_in(request: Request) -> Response:
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/console/sign-in"})
    wanted = quote(request.url.path) if request.method in {"GET", "HEAD"} else ""
    return RedirectResponse(f"/console/sign-in?{urlencode({'to': wanted})}" if wanted else "/console/sign-in", 303)
