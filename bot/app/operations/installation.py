"""Whose database this is: the clinic's or the sandbox's, and under which keys. Checked before anything else is done.

A sandbox on a clinic's data would mark its patients unreachable, and a wrong key would make them strangers whose red
flags are answered with "ask your team for a link". Both look like a working program from outside.
"""

from collections.abc import Sequence

from bot.app.work import Stores

BOT_NAME = "bot_name"
"""The setting that keeps the bot's username between starts, so that links can be made while it is down."""
KIND = "installation"
OLDEST_KEY = "oldest_key"
KEY_IDS = "key_ids"
_CLINICS = (
    "NERVECHECK_DATABASE_URL names a clinic's database, but NERVECHECK_TOKEN is not set: set the token, or unset the "
    "database to try the sandbox on data of its own"
)
_MADE_UP = (
    "NERVECHECK_DATABASE_URL names the sandbox's database, with made-up patients: name another one for the clinic"
)
_MISSING = "NERVECHECK_KEYS: the key {name!r} is missing, and what was written with it can't be read: add it again"


def claim(stores: Stores, *, sandbox: bool, oldest_key: str, key_ids: Sequence[str]) -> list[str]:
    """Return what stands against using this database with these settings; an unused database is claimed for them.

    `oldest_key` is a fingerprint of the last key, `key_ids` are all keys given, the one that writes first.
    """
    problems = against(stores, sandbox=sandbox, oldest_key=oldest_key, key_ids=key_ids)
    if not problems:
        stores.settings.set(KIND, _kind(sandbox=sandbox))
        stores.settings.set(OLDEST_KEY, oldest_key)
        stores.settings.set(KEY_IDS, ",".join(dict.fromkeys((*_used(stores), key_ids[0]))))
    return problems


def against(stores: Stores, *, sandbox: bool, oldest_key: str, key_ids: Sequence[str]) -> list[str]:
    """Return what `claim` would refuse; changes nothing."""
    return [*_kind_problems(stores, sandbox=sandbox), *_key_problems(stores, oldest_key, key_ids)]


def _kind(*, sandbox: bool) -> str:
    return "sandbox" if sandbox else "clinic"


def _kind_problems(stores: Stores, *, sandbox: bool) -> list[str]:
    kind = stores.settings.get(KIND)
    if kind is None or kind == _kind(sandbox=sandbox):
        return []
    return [_CLINICS if sandbox else _MADE_UP]


def _key_problems(stores: Stores, oldest_key: str, key_ids: Sequence[str]) -> list[str]:
    begun = stores.settings.get(OLDEST_KEY)
    problems = []
    if begun is not None and begun != oldest_key:
        problems.append(
            "NERVECHECK_KEYS: the last key is not the one this database was begun with, so no patient would be known: "
            "the oldest key stays last, a new one goes in front"
        )
    missing = [name for name in _used(stores) if name not in key_ids]
    return problems + [_MISSING.format(name=name) for name in missing]


def _used(stores: Stores) -> list[str]:
    return [name for name in (stores.settings.get(KEY_IDS) or "").split(",") if name]
