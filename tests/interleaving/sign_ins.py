"""How staff sign in and out, each a case of the catalog: its name, and what a side does."""

import json
from collections.abc import Callable

import pyotp

from bot.app.team import members
from bot.desk import passkeys, sign_in
from tests.interleaving.scene import CREDENTIAL, PASSWORD, SECRET, Scene
from tests.interleaving.sides import Side

Do = Callable[[Scene, Side], object]


def _code(side: Side) -> str:
    return pyotp.TOTP(SECRET).at(side.at)


async def _passkey_added(side: Side) -> bool:
    person = side.transact(lambda stores: members.by_name(stores, "lead-1"))
    made = json.dumps({"id": f"{side.name}-key"})
    return await passkeys.register(side.desk, person, made, _challenge(side))


async def _signed_in_by_passkey(side: Side) -> str | None:
    return await passkeys.redeem(side.desk, json.dumps({"id": CREDENTIAL, "counter": 1}), _challenge(side))


def _challenge(side: Side) -> str:
    """The cookie of a challenge that is the same in every run."""
    return passkeys._challenge_cookie(side.desk, side.name.encode())


def _entered(token: str | None) -> str | None:
    return token


ALL: tuple[tuple[str, Do], ...] = (
    (
        "sign-in by password",
        lambda _, s: _entered(s.wait(sign_in.by_password(s.desk, "lead-1", PASSWORD, _code(s)))),
    ),
    ("sign-in wrong password", lambda _, s: s.wait(sign_in.by_password(s.desk, "lead-1", "wrong", "000000"))),
    ("sign-in link sent", lambda _, s: s.wait(sign_in.send_link(s.desk, "coord-1"))),
    ("sign-in by link", lambda c, s: s.wait(sign_in.by_link(s.desk, c.tokens["login"]))),
    ("session used", lambda c, s: s.wait(sign_in.touch(s.desk, c.tokens["session"]))),
    ("sign-out", lambda c, s: s.wait(sign_in.end_session(s.desk, c.tokens["session"]))),
    (
        "password set",
        lambda _, s: s.wait(
            sign_in.set_password(
                s.desk, s.transact(lambda stores: members.by_name(stores, "lead-1")), PASSWORD, SECRET, _code(s)
            )
        ),
    ),
    (
        "passkey removed",
        lambda c, s: s.wait(
            passkeys.remove(s.desk, s.transact(lambda stores: members.by_name(stores, "lead-1")), c.numbers["passkey"])
        ),
    ),
    ("passkey added", lambda _, s: s.wait(_passkey_added(s))),
    ("sign-in by passkey", lambda _, s: s.wait(_signed_in_by_passkey(s))),
    ("sign-in to the sandbox", lambda _, s: s.wait(sign_in.sign_in_to_sandbox(s.desk))),
)
