"""Owns access to pages: authenticates each request, checks its role and its CSRF token, and turns errors into pages.

A request without a session is redirected to the sign-in page; one without permission gets 403; so does a form without
a valid CSRF token. If a use case refuses, the page shows the reason and nothing is changed. Knows no single page.
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

from bot.app.patients.registry import CODE
from bot.app.ports.errors import DuplicateError, RefusedError
from bot.app.records.team import Role, Staff
from bot.core.digits import ascii_digits
from bot.desk import passkeys, sign_in
from bot.desk.context import ConsoleContext

log = structlog.get_logger(__name__)

PAGE_ERRORS = Counter("nervecheck_page_errors_total", "Console pages that failed: an error of ours.")

EVERYONE: frozenset[Role] = frozenset({"coordinator", "lead", "operator"})
CARE: frozenset[Role] = frozenset({"coordinator", "lead"})
LEADS: frozenset[Role] = frozenset({"lead"})
MANAGERS: frozenset[Role] = frozenset({"lead", "operator"})
"""Roles that manage the team and the rota and read the audit log."""
MAX_FORM_BYTES = 2_000_000
MAX_NUMBER_LENGTH = 40
"""Characters of a field that may be a number, a date, a time or a code."""
"""Largest accepted form: a CSV file of patients."""

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
class ConsoleRequest:
    """One HTTP request with its session: the signed-in team member (None on public routes), CSRF token and form."""

    context: ConsoleContext
    http: Request
    member: Staff | None
    csrf: str
    form: Mapping[str, str]
    upload: bytes | None = None

    @property
    def person(self) -> Staff:
        """The signed-in team member. Raises LookupError on a public route."""
        if self.member is None:
            raise LookupError("a public route has no signed-in team member")
        return self.member

    @property
    def passkeys(self) -> bool:
        """Whether browsers support passkeys at this address."""
        return passkeys.are_available(self.context)

    @property
    def language(self) -> str:
        """The member's language; before sign-in, the browser's first preference that the clinic offers."""
        if self.member is not None:
            return self.member.language
        preferred = [part.split(";")[0].strip()[:2] for part in self.http.headers.get("accept-language", "").split(",")]
        return next(
            (code for code in preferred if code in self.context.clinic.languages), self.context.clinic.languages[0]
        )

    def page(self, name: str, status: int = 200, **values: Any) -> Response:
        """Render a template with the values that every page needs."""
        query = self.http.query_params
        shown: dict[str, object] = {"person": self.member, "csrf": self.csrf, "here": self.http.url.path, "refused": ""}
        shown |= {
            "said": query.get("said", "")[:80],
            "about": about if CODE.fullmatch(about := query.get("about", "")) else "",
            "is_allowed": is_allowed,
            "parent": _parent_path(self.http.url.path),
        }
        shown |= {
            "passkeys": self.passkeys,
            "sandbox_sign_in": self.context.sandbox,
            "languages": self.context.clinic.languages,
        }
        html = self.context.render(name, self.language, **{**shown, **values})
        return HTMLResponse(html, status_code=status)

    def back(self, path: str, said: str = "done", **more: str) -> Response:
        """Redirect to a page, which then confirms that the action is done. `about`: the patient it was about."""
        return RedirectResponse(f"{path}?{urlencode({'said': said, **more})}", status_code=303)


Handler = Callable[[ConsoleRequest], Awaitable[Response]]


@dataclass(frozen=True)
class PageRoute:
    """A row of the access table. `roles`: None for a public route. `refusal`: the template for a refused form."""

    method: str
    path: str
    roles: frozenset[Role] | None
    handler: Handler
    refusal: str = "refused.html"


def _parent_path(path: str) -> str:
    """Return the page that a form belongs to: the patient's page, or the page of its section."""
    parts = path.split("/")
    return "/".join(parts[: 4 if parts[2:3] == ["patients"] else 3])


def is_allowed(person: Staff | None, roles: Iterable[Role]) -> bool:
    """Return whether a team member has one of these roles."""
    return person is not None and person.role in roles


def routes(context: ConsoleContext, page_routes: Iterable[PageRoute]) -> list[Route]:
    """Build Starlette routes from the access table; every response carries HEADERS."""
    by_path: dict[str, list[PageRoute]] = {}
    for route in page_routes:
        by_path.setdefault(route.path, []).append(route)
    return [
        Route(
            path,
            _endpoint(context, {route.method: route for route in entries}),
            methods=[route.method for route in entries],
        )
        for path, entries in by_path.items()
    ]


def _endpoint(
    context: ConsoleContext, page_routes: Mapping[str, PageRoute]
) -> Callable[[Request], Awaitable[Response]]:
    async def respond(http: Request) -> Response:
        route = page_routes["GET" if http.method == "HEAD" else http.method]
        response = await _dispatch(context, route, http)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return respond


async def _dispatch(context: ConsoleContext, route: PageRoute, http: Request) -> Response:
    token = http.cookies.get(sign_in.COOKIE)
    session = await sign_in.current_session(context, token)
    if route.roles is not None and session is None:
        return _to_sign_in(http)
    form, upload = await _form(http) if route.method == "POST" else ({}, None)
    request = ConsoleRequest(
        context, http, session.person if session else None, session.csrf if session else "", form, upload
    )
    if route.roles is not None and not is_allowed(request.member, route.roles):
        return request.page("forbidden.html", status=403)
    if route.method == "POST" and not _is_same_site(request, route):
        return request.page("forbidden.html", status=403)
    if session is not None and token is not None and "events" not in route.path:
        await sign_in.touch(context, token)
    return await _run_handler(request, route)


async def _run_handler(request: ConsoleRequest, route: PageRoute) -> Response:
    try:
        return await route.handler(request)
    except (RefusedError, DuplicateError) as error:
        return request.page(route.refusal, status=409, refused=str(error))
    except ValidationError as error:
        return request.page(route.refusal, status=422, refused="; ".join(e["msg"] for e in error.errors()))
    except BadFormError as error:
        return request.page(route.refusal, status=422, refused=str(error))
    except Exception as error:  # noqa: BLE001 - people see an explanation, never a traceback
        PAGE_ERRORS.inc()
        # No traceback: its message may contain an answer.
        log.error("a page failed", action="page_failed", page=route.path, error=type(error).__name__)  # noqa: TRY400
        return request.page("failed.html", status=500)


class BadFormError(ValueError):
    """A field of a form is invalid; the message says which and why."""


def _is_same_site(request: ConsoleRequest, route: PageRoute) -> bool:
    """Return whether the form comes from our own pages: the browser's fetch metadata and the CSRF token say so."""
    site = request.http.headers.get("sec-fetch-site", "same-origin")
    if site not in {"same-origin", "none"}:
        return False
    return route.roles is None or sign_in.is_equal(request.form.get("csrf", ""), request.csrf)


async def _form(http: Request) -> tuple[dict[str, str], bytes | None]:
    length = http.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MAX_FORM_BYTES:
        return {}, None
    upload: bytes | None = None
    fields: dict[str, str] = {}
    async with http.form(max_files=1, max_fields=100, max_part_size=MAX_FORM_BYTES) as data:
        for name, value in data.multi_items():
            if isinstance(value, str):
                if "password" not in name and len(value) <= MAX_NUMBER_LENGTH and " " not in value.strip():
                    value = ascii_digits(value)  # noqa: PLW2901 - a number, a date or a code; sentences stay as typed
                # Several checkboxes of one name become one field, separated by commas.
                fields[name] = f"{fields[name]},{value}" if name in fields else value
            else:
                upload = await value.read()
    return fields, upload


def _to_sign_in(http: Request) -> Response:
    if http.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/console/sign-in"})
    wanted = quote(http.url.path) if http.method in {"GET", "HEAD"} else ""
    return RedirectResponse(f"/console/sign-in?{urlencode({'to': wanted})}" if wanted else "/console/sign-in", 303)
