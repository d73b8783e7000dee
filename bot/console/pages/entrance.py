"""Signing in and out, one's own account, and the files every page needs."""

import pyotp
from starlette.responses import RedirectResponse, Response

from bot.app import team
from bot.console import passkeys, sign_in
from bot.console.desk import static_file, svg
from bot.console.doors import BadFormError, Call
from bot.export.cards import qr_svg

_TYPES = {"css": "text/css", "js": "text/javascript"}
_FOREVER = "public, max-age=31536000, immutable"


async def ask(call: Call) -> Response:
    """The page to sign in at."""
    return call.page("sign_in.html", to=_inside(call.request.query_params.get("to", "")), failed=False)


async def by_password(call: Call) -> Response:
    """Sign in by name, password and code."""
    form = call.form
    token = await sign_in.by_password(call.desk, form.get("name", ""), form.get("password", ""), form.get("code", ""))
    to = _inside(form.get("to", ""))
    if token is None:
        return call.page("sign_in.html", status=401, to=to, failed=True)
    return _with_cookie(call, token, to)


async def send_link(call: Call) -> Response:
    """Send a one-time link to the chat of whoever is named; the answer is the same for every name."""
    await sign_in.send_link(call.desk, call.form.get("name", ""))
    return call.page("link_sent.html")


async def enter(call: Call) -> Response:
    """Where the link leads: a button, because a chat's preview opens links by itself."""
    return call.page("enter.html", token=call.request.path_params["token"])


async def entered(call: Call) -> Response:
    """Sign in by the link."""
    token = await sign_in.by_link(call.desk, call.request.path_params["token"])
    if token is None:
        return call.page("link_gone.html", status=410)
    return _with_cookie(call, token, "/console")


async def sandbox(call: Call) -> Response:
    """Sign in as the sandbox's made-up lead."""
    if not call.desk.sandbox:
        return call.page("forbidden.html", status=403)
    return _with_cookie(call, await sign_in.into_sandbox(call.desk), "/console")


async def leave(call: Call) -> Response:
    """Sign out."""
    await sign_in.leave(call.desk, call.request.cookies.get(sign_in.COOKIE, ""))
    gone = RedirectResponse("/console/sign-in", status_code=303)
    gone.delete_cookie(sign_in.COOKIE, path="/console")
    return gone


async def account(call: Call) -> Response:
    """One's own language, password and codes."""
    secret = pyotp.random_base32()
    address = pyotp.TOTP(secret).provisioning_uri(name=call.person.name, issuer_name="nervecheck")
    keys = await call.desk.read(lambda store, _at: store.passkeys(call.person.id))
    return call.page("account.html", secret=secret, qr=svg(qr_svg(address)), keys=keys)


async def ask_passkey(call: Call) -> Response:
    """What the browser is asked, to make a passkey."""
    there = await call.desk.read(lambda store, _at: list(store.passkeys(call.person.id)))
    return _asked(call, passkeys.ask_to_register(call.desk, call.person, there))


async def add_passkey(call: Call) -> Response:
    """Keep the passkey that the browser made."""
    cookie = call.request.cookies.get(passkeys.COOKIE, "")
    if not await passkeys.register(call.desk, call.person, call.form.get("credential", ""), cookie):
        raise BadFormError(call.desk.words(call.person, "passkey.not_added", n=passkeys.MOST))
    return call.back("/console/account")


async def remove_passkey(call: Call) -> Response:
    """Forget one of one's own passkeys."""
    number = int(call.request.path_params["number"])
    if not await passkeys.remove(call.desk, call.person, number):
        raise BadFormError(call.desk.words(call.person, "passkey.not_yours"))
    return call.back("/console/account")


async def ask_to_enter(call: Call) -> Response:
    """What the browser is asked, to sign in by a passkey."""
    return _asked(call, passkeys.ask_to_sign_in(call.desk))


async def by_passkey(call: Call) -> Response:
    """Sign in by a passkey."""
    cookie = call.request.cookies.get(passkeys.COOKIE, "")
    token = await passkeys.enter(call.desk, call.form.get("credential", ""), cookie)
    to = _inside(call.form.get("to", ""))
    if token is None:
        return call.page("sign_in.html", status=401, to=to, failed=True)
    return _with_cookie(call, token, to)


def _asked(call: Call, asked: passkeys.Asked) -> Response:
    answer = Response(asked.options, media_type="application/json")
    answer.set_cookie(
        passkeys.COOKIE,
        asked.cookie,
        max_age=int(passkeys.VALID.total_seconds()),
        path="/console",
        secure=call.desk.secure,
        httponly=True,
        samesite="strict",
    )
    return answer


async def set_password(call: Call) -> Response:
    """Set password and codes; then sign in anew."""
    form = call.form
    wrong = await sign_in.set_password(
        call.desk, call.person, form.get("password", ""), form.get("secret", ""), form.get("code", "")
    )
    if wrong is not None:
        raise BadFormError(call.desk.words(call.person, wrong, n=sign_in.SHORTEST_PASSWORD))
    return RedirectResponse("/console/sign-in", status_code=303)


async def set_language(call: Call) -> Response:
    """Set the language of one's chat and pages."""
    language = call.form.get("language", "")
    if language not in call.desk.clinic.languages:
        raise BadFormError(language)

    await call.desk.write(lambda store, at: team.set_language(store, call.person.name, language, at))
    return call.back("/console/account")


async def static(call: Call) -> Response:
    """A file of the pages' own."""
    name = call.request.path_params["name"]
    found = static_file(name)
    if found is None:
        return Response(status_code=404)
    return Response(
        found, media_type=_TYPES.get(name.rsplit(".", 1)[-1], "text/plain"), headers={"Cache-Control": _FOREVER}
    )


def _with_cookie(call: Call, token: str, to: str) -> Response:
    into = RedirectResponse(to, status_code=303)
    into.set_cookie(
        sign_in.COOKIE,
        token,
        max_age=int(sign_in.LIFE.total_seconds()),
        path="/console",
        secure=call.desk.secure,
        httponly=True,
        samesite="lax",
    )
    return into


def _inside(to: str) -> str:
    """A page of the console, whatever the address asks for: never another site."""
    inside = to == "/console" or (to.startswith("/console/") and "//" not in to and "\\" not in to)
    return to if inside and not to.startswith(("/console/sign-in", "/console/enter")) else "/console"
