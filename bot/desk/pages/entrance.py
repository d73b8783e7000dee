"""Pages to sign in and out, the account page, and static files."""

import pyotp
from starlette.responses import RedirectResponse, Response

from bot.app.team import members
from bot.desk import passkeys, sign_in
from bot.desk.access import BadFormError, ConsoleRequest
from bot.desk.context import static_file, svg
from bot.export.cards import qr_svg

_TYPES = {"css": "text/css", "js": "text/javascript"}
_FOREVER = "public, max-age=31536000, immutable"


async def sign_in_page(request: ConsoleRequest) -> Response:
    """Show the sign-in page."""
    return request.page("sign_in.html", to=_local_path(request.http.query_params.get("to", "")), failed=False)


async def by_password(request: ConsoleRequest) -> Response:
    """Sign in with name, password and code."""
    form = request.form
    token = await sign_in.by_password(
        request.context, form.get("name", ""), form.get("password", ""), form.get("code", "")
    )
    to = _local_path(form.get("to", ""))
    if token is None:
        return request.page("sign_in.html", status=401, to=to, failed=True)
    return _with_cookie(request, token, to)


async def send_link(request: ConsoleRequest) -> Response:
    """Send a one-time link to a member's chat; the response is the same for every name."""
    await sign_in.send_link(request.context, request.form.get("name", ""))
    return request.page("link_sent.html")


async def link_page(request: ConsoleRequest) -> Response:
    """Show a button to sign in with the link: chat apps open links by themselves to make a preview."""
    return request.page("enter.html", token=request.http.path_params["token"])


async def by_link(request: ConsoleRequest) -> Response:
    """Sign in with the link."""
    token = await sign_in.by_link(request.context, request.http.path_params["token"])
    if token is None:
        return request.page("link_gone.html", status=410)
    return _with_cookie(request, token, "/console")


async def into_sandbox(request: ConsoleRequest) -> Response:
    """Sign in as the sandbox's sample lead."""
    if not request.context.sandbox:
        return request.page("forbidden.html", status=403)
    return _with_cookie(request, await sign_in.sign_in_to_sandbox(request.context), "/console")


async def sign_out(request: ConsoleRequest) -> Response:
    """Sign out."""
    await sign_in.end_session(request.context, request.http.cookies.get(sign_in.COOKIE, ""))
    response = RedirectResponse("/console/sign-in", status_code=303)
    response.delete_cookie(sign_in.COOKIE, path="/console")
    return response


async def account(request: ConsoleRequest) -> Response:
    """Show the member's own language, passkeys, password and authenticator app."""
    secret = pyotp.random_base32()
    address = pyotp.TOTP(secret).provisioning_uri(name=request.person.name, issuer_name="nervecheck")
    keys = await request.context.read(lambda work: work.passkeys.of_staff(request.person.id))
    return request.page("account.html", secret=secret, qr=svg(qr_svg(address)), keys=keys)


async def passkey_options(request: ConsoleRequest) -> Response:
    """Return WebAuthn options to create a passkey."""
    existing = await request.context.read(lambda work: list(work.passkeys.of_staff(request.person.id)))
    return _challenge_response(request, passkeys.registration_challenge(request.context, request.person, existing))


async def add_passkey(request: ConsoleRequest) -> Response:
    """Store the passkey that the browser created."""
    cookie = request.http.cookies.get(passkeys.COOKIE, "")
    if not await passkeys.register(request.context, request.person, request.form.get("credential", ""), cookie):
        raise BadFormError(request.context.text(request.person, "passkey.not_added", n=passkeys.MAX_PASSKEYS))
    return request.back("/console/account")


async def remove_passkey(request: ConsoleRequest) -> Response:
    """Remove one of the member's own passkeys."""
    number = int(request.http.path_params["number"])
    if not await passkeys.remove(request.context, request.person, number):
        raise BadFormError(request.context.text(request.person, "passkey.not_yours"))
    return request.back("/console/account")


async def passkey_sign_in_options(request: ConsoleRequest) -> Response:
    """Return WebAuthn options to sign in with a passkey."""
    return _challenge_response(request, passkeys.sign_in_challenge(request.context))


async def by_passkey(request: ConsoleRequest) -> Response:
    """Sign in with a passkey."""
    cookie = request.http.cookies.get(passkeys.COOKIE, "")
    token = await passkeys.redeem(request.context, request.form.get("credential", ""), cookie)
    to = _local_path(request.form.get("to", ""))
    if token is None:
        return request.page("sign_in.html", status=401, to=to, failed=True)
    return _with_cookie(request, token, to)


def _challenge_response(request: ConsoleRequest, challenge: passkeys.Challenge) -> Response:
    response = Response(challenge.options, media_type="application/json")
    response.set_cookie(
        passkeys.COOKIE,
        challenge.cookie,
        max_age=int(passkeys.CHALLENGE_LIFETIME.total_seconds()),
        path="/console",
        secure=request.context.secure,
        httponly=True,
        samesite="strict",
    )
    return response


async def set_password(request: ConsoleRequest) -> Response:
    """Set password and authenticator app; all sessions end, so the member signs in again."""
    form = request.form
    error = await sign_in.set_password(
        request.context, request.person, form.get("password", ""), form.get("secret", ""), form.get("code", "")
    )
    if error is not None:
        raise BadFormError(request.context.text(request.person, error, n=sign_in.MIN_PASSWORD_LENGTH))
    return RedirectResponse("/console/sign-in", status_code=303)


async def set_language(request: ConsoleRequest) -> Response:
    """Set the language of the member's chat and pages."""
    language = request.form.get("language", "")
    if language not in request.context.clinic.languages:
        raise BadFormError(f"language {language!r}: use one of {', '.join(request.context.clinic.languages)}")

    await request.context.write(lambda work: members.set_language(work, request.person.name, language))
    return request.back("/console/account")


async def static_asset(request: ConsoleRequest) -> Response:
    """Return a style sheet or script."""
    name = request.http.path_params["name"]
    found = static_file(name)
    if found is None:
        return Response(status_code=404)
    return Response(
        found, media_type=_TYPES.get(name.rsplit(".", 1)[-1], "text/plain"), headers={"Cache-Control": _FOREVER}
    )


def _with_cookie(request: ConsoleRequest, token: str, to: str) -> Response:
    response = RedirectResponse(to, status_code=303)
    response.set_cookie(
        sign_in.COOKIE,
        token,
        max_age=int(sign_in.SESSION_LIFETIME.total_seconds()),
        path="/console",
        secure=request.context.secure,
        httponly=True,
        samesite="lax",
    )
    return response


def _local_path(to: str) -> str:
    """Return `to` if it is a page of the console, else the start page: never another site."""
    is_local = to == "/console" or (to.startswith("/console/") and "//" not in to and "\\" not in to)
    return to if is_local and not to.startswith(("/console/sign-in", "/console/enter")) else "/console"
