"""The control API, JSON under /sandbox/…: used by the chat page and by tests in other processes.

Thin: each route parses JSON, calls the sandbox and returns JSON. The rules are in state.py and faults.py.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.sandbox.api import commands_for
from bot.sandbox.chats import CallbackQuery, Chat, Person
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.events import CLOSED
from bot.sandbox.state import BOT_NAME, BOT_USERNAME, Sandbox

PING_SECONDS = 15.0
# Events that the page doesn't use.
_NOT_FOR_PAGES = {"update"}

Json = dict[str, Any]
MAX_STOPS = 200
"""Limit on the stops of one clock jump: enough for months of check-ins, and finite if something stays due."""


@dataclass(frozen=True)
class SandboxHooks:
    """Functions of the product that the page uses; without a hook the page hides its button.

    `new_patient` adds a patient, `new_staff` a team member; both return `{code, start, link}`. `next_event` returns
    when the next event falls due (aware, UTC), or None. `after_jump` is awaited after a clock jump, so that what fell
    due is processed before the page continues.
    """

    new_patient: Callable[[], Awaitable[dict[str, Any]]] | None = None
    next_event: Callable[[], Awaitable[datetime | None]] | None = None
    after_jump: Callable[[], Awaitable[None]] | None = None
    new_staff: Callable[[], Awaitable[dict[str, Any]]] | None = None


class Control:
    """The routes of the control API."""

    def __init__(self, sandbox: Sandbox, hooks: SandboxHooks) -> None:
        self._box = sandbox
        self._hooks = hooks
        self._invite_lock = asyncio.Lock()

    def routes(self) -> list[Route]:
        person = "/people/{id:int}"
        table: list[tuple[str, str, Callable[[Request, Json], Awaitable[Any]]]] = [
            ("GET", "/state", self._state),
            ("GET", "/chats/{id:int}", self._chat),
            ("GET", "/chats/-{id:int}", self._chat),
            ("GET", "/journal", self._journal),
            ("POST", "/people", self._add_person),
            ("POST", "/invites", self._invite),
            ("POST", f"{person}/open-invite", self._open_invite),
            ("POST", f"{person}/say", self._say),
            ("POST", f"{person}/tap", self._tap),
            ("POST", f"{person}/reply", self._reply),
            ("POST", f"{person}/block", self._block),
            ("POST", f"{person}/unblock", self._unblock),
            ("POST", f"{person}/deactivate", self._deactivate),
            ("POST", "/groups", self._add_group),
            ("POST", "/groups/-{id:int}/say", self._say_in_group),
            ("POST", "/updates", self._inject),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", self._clear_faults),
            ("DELETE", "/faults/{id:int}", self._clear_faults),
            ("POST", "/clock/advance", self._advance),
            ("POST", "/clock/next-event", self._next_event),
        ]
        routes = [Route(f"/sandbox{path}", _json(handler), methods=[verb]) for verb, path, handler in table]
        routes.append(Route("/sandbox/events", self._events))
        routes.append(Route("/sandbox/photos/{file_id}", self._photo))
        routes.append(Route("/sandbox/documents/{file_id}", self._document))
        return routes

    # -- Reading --------------------------------------------------------------------------------------------------

    async def _state(self, _request: Request, _body: Json) -> Json:
        return {
            "bot": {"name": BOT_NAME, "username": BOT_USERNAME},
            "people": [self._person_json(person) for person in self._box.people.values()],
            "clock": self._box.clock_json(),
            "console": self._box.console_url,
            "faults": [fault.as_json() for fault in self._box.faults.active()],
            "can": {
                "invite": self._hooks.new_patient is not None,
                "staff": self._hooks.new_staff is not None,
                "next_event": self._hooks.next_event is not None,
            },
        }

    async def _chat(self, request: Request, _body: Json) -> Json:
        number = request.path_params["id"]
        chat = self._box.chat(-number if "/-" in request.url.path else number)
        person = self._box.people.get(chat.id)
        return {
            "chat": chat.head(),
            "messages": self._box.messages(chat),
            "keyboard": chat.keyboard,
            "commands": commands_for(self._box, chat.id, person.language_code) if person else [],
        }

    async def _journal(self, request: Request, _body: Json) -> Json:
        query = request.query_params
        calls = self._box.journal.calls(query.get("method"), after=int(query.get("after", "0")))
        return {"calls": [call.as_json() for call in calls], "counts": self._box.journal.counts}

    async def _photo(self, request: Request) -> Response:
        photo = self._box.photos.get(request.path_params["file_id"])
        return Response(status_code=404) if photo is None else Response(photo[0], media_type=photo[1])

    async def _document(self, request: Request) -> Response:
        """Return a document to save: shown in place, its scripts would run as this page's."""
        found = self._box.documents.get(request.path_params["file_id"])
        if found is None:
            return Response(status_code=404)
        headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(found[0])}"}
        return Response(found[1], media_type="application/octet-stream", headers=headers)

    async def _events(self, _request: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        with self._box.events.subscribed() as queue:
            yield ": here\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), PING_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if event is CLOSED:
                    return
                if event["type"] not in _NOT_FOR_PAGES:
                    yield f"data: {json.dumps(event, ensure_ascii=False)}\n\n"

    # -- People ---------------------------------------------------------------------------------------------------

    def _person_json(self, person: Person) -> Json:
        return {**asdict(person), "started": self._box.chat(person).started}

    def _person(self, request: Request) -> Person:
        person = self._box.people.get(request.path_params["id"])
        if person is None:
            raise NotPossibleError("this person doesn't exist")
        return person

    async def _add_person(self, _request: Request, body: Json) -> Json:
        """Add a person; `started`: they have already written to the bot, so that it may write to them."""
        person = self._box.person(str(body["name"]), language_code=str(body.get("language_code", "en")))
        self._box.chat(person).started |= bool(body.get("started"))
        return self._person_json(person)

    async def _invite(self, _request: Request, body: Json) -> Json:
        """Let the product add a patient, and a person who has the invite; `only_first`: not if any person exists.

        `staff`: add a team member instead.
        """
        create = self._hooks.new_staff if body.get("staff") else self._hooks.new_patient
        if create is None:
            raise NotPossibleError("this sandbox runs without the product: add patients with `nervecheck patient add`")
        async with self._invite_lock:
            if body.get("only_first") and self._box.people:
                return self._person_json(next(iter(self._box.people.values())))
            invite = await create()
            language = str(body.get("language_code", "en"))
            fields = {name: str(invite[name]) for name in ("code", "start", "link")}
            return self._person_json(self._box.person(fields["code"], language_code=language, **fields))

    async def _open_invite(self, request: Request, _body: Json) -> Any:
        return self._box.open_invite(self._person(request))

    async def _say(self, request: Request, body: Json) -> Any:
        return self._box.say(self._person(request), str(body["text"]))

    async def _tap(self, request: Request, body: Json) -> Json:
        position = (int(body["row"]), int(body["column"])) if "row" in body and "column" in body else None
        tapped = self._box.tap(
            self._person(request),
            int(body["message_id"]),
            body.get("data"),
            label=body.get("label"),
            position=position,
            force=bool(body.get("force")),
        )
        return {"tap": asdict(tapped)} if isinstance(tapped, CallbackQuery) else {"button": tapped}

    async def _reply(self, request: Request, body: Json) -> Any:
        return self._box.tap_reply(self._person(request), str(body["text"]))

    async def _block(self, request: Request, _body: Json) -> Json:
        person = self._person(request)
        self._box.block(person)
        return self._person_json(person)

    async def _unblock(self, request: Request, _body: Json) -> Json:
        person = self._person(request)
        self._box.unblock(person)
        return self._person_json(person)

    async def _deactivate(self, request: Request, _body: Json) -> Json:
        person = self._person(request)
        self._box.deactivate(person)
        return self._person_json(person)

    # -- Groups, raw updates, faults ------------------------------------------------------------------------------

    async def _add_group(self, _request: Request, body: Json) -> Json:
        by = self._box.people[int(body["by"])]
        return self._box.add_to_group(str(body["title"]), by, kind=str(body.get("kind", "supergroup"))).head()

    async def _say_in_group(self, request: Request, body: Json) -> Any:
        chat: Chat = self._box.chat(-request.path_params["id"])
        return self._box.say_in(chat, self._box.people[int(body["by"])], str(body["text"]))

    async def _inject(self, _request: Request, body: Json) -> Json:
        return {"update_id": self._box.inject(body)}

    async def _add_fault(self, _request: Request, body: Json) -> Json:
        numbers = {
            name: body[name] for name in ("count", "percent", "seconds", "retry_after") if body.get(name) is not None
        }
        return self._box.faults.add(str(body["kind"]), methods=body.get("methods", ()), **numbers).as_json()

    async def _clear_faults(self, request: Request, _body: Json) -> list[Json]:
        self._box.faults.clear(request.path_params.get("id"))
        return [fault.as_json() for fault in self._box.faults.active()]

    # -- Clock ------------------------------------------------------------------------------------------------

    async def _advance(self, _request: Request, body: Json) -> Json:
        by = timedelta(seconds=float(body["seconds"]))
        if by < timedelta(0):
            raise NotPossibleError("the sandbox clock can only move forward")
        return await self._jump(self._box.clock.now() + by)

    async def _next_event(self, _request: Request, _body: Json) -> Json:
        """Skip to the product's next event; 409 if nothing is due."""
        due_at = await self._hooks.next_event() if self._hooks.next_event else None
        if due_at is None:
            raise NotPossibleError("nothing is due")
        return await self._jump(due_at)

    async def _jump(self, target: datetime) -> Json:
        """Move the clock to `target` and stop at each event that falls due before, as in real time."""
        for _ in range(MAX_STOPS):
            due_at = await self._hooks.next_event() if self._hooks.next_event else None
            if due_at is None or not self._box.clock.now() < due_at < target:
                break
            await self._move_to(due_at)
        await self._move_to(target)
        return self._box.clock_json()

    async def _move_to(self, target: datetime) -> None:
        self._box.advance(max(timedelta(0), target - self._box.clock.now()))
        if self._hooks.after_jump is not None:
            await self._hooks.after_jump()


def _json(handler: Callable[[Request, Json], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads a JSON object and returns JSON: 400 for a bad request, 409 if not possible."""

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            body = json.loads(raw) if raw else {}
            if not isinstance(body, dict):
                return JSONResponse({"error": "a JSON object is expected"}, 400)
            return JSONResponse(await handler(request, body))
        except NotPossibleError as error:
            return JSONResponse({"error": str(error)}, 409)
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"bad request: {type(error).__name__}"}, 400)

    return endpoint
