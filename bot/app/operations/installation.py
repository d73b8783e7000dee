"""Guards that settings and database belong together: sandbox or clinic, and the keys. Runs before anything else.

A sandbox on a clinic's data would mark its patients as unreachable, and with a wrong key they would be strangers whose
red flags are answered with "ask your team for a link". From outside, both look like a working program.
"""

from collections.abc import Sequence

from bot.app.work import Stores

BOT_NAME = "bot_name"
"""The setting that keeps the bot's username between starts, so that links can be made while it is down."""
KIND = "installation"
OLDEST_KEY = "oldest_key"
KEY_IDS = "key_ids"
_IS_CLINIC = (
    "NERVECHECK_DATABASE_URL names a clinic's database, but NERVECHECK_TOKEN is not set: set the token, or unset the "
    "database to try the sandbox with its own data"
)
_IS_SANDBOX = (
    "NERVECHECK_DATABASE_URL names the sandbox's database, which has sample patients: name another one for the clinic"
)
_MISSING = "NERVECHECK_KEYS: the key {name!r} is missing, so data encrypted with it can't be read: add it again"


def claim(stores: Stores, *, sandbox: bool, oldest_key: str, key_ids: Sequence[str]) -> list[str]:
    """Return why these settings can't be used with this database; without a problem, store them in it.

    `oldest_key` is the fingerprint of the last key; `key_ids` names all keys, the one that encrypts first.
    """
    problems = problems_with(stores, sandbox=sandbox, oldest_key=oldest_key, key_ids=key_ids)
    if not problems:
        # It locks the row: of two processes that start at once with different keys, the second sees the first one's.
        stores.settings.set(KIND, _kind(sandbox=sandbox))
        problems = problems_with(stores, sandbox=sandbox, oldest_key=oldest_key, key_ids=key_ids)
    if not problems:
        stores.settings.set(OLDEST_KEY, oldest_key)
        stores.settings.set(KEY_IDS, ",".join(dict.fromkeys((*_used(stores), key_ids[0]))))
    return problems


def problems_with(stores: Stores, *, sandbox: bool, oldest_key: str, key_ids: Sequence[str]) -> list[str]:
    """Return the problems that `claim` would return; change nothing."""
    return [*_kind_problems(stores, sandbox=sandbox), *_key_problems(stores, oldest_key, key_ids)]


def _kind(*, sandbox: bool) -> str:
    return "sandbox" if sandbox else "clinic"


def _kind_problems(stores: Stores, *, sandbox: bool) -> list[str]:
    kind = stores.settings.get(KIND)
    if kind is None or kind == _kind(sandbox=sandbox):
        return []
    return [_IS_CLINIC if sandbox else _IS_SANDBOX]


def _key_problems(stores: Stores, oldest_key: str, key_ids: Sequence[str]) -> list[str]:
    first_key = stores.settings.get(OLDEST_KEY)
    problems = []
    if first_key is not None and first_key != oldest_key:
        problems.append(
            "NERVECHECK_KEYS: the last key is not the first one of this database, so no patient would be recognised: "
            "keep the oldest key last, and add a new one in front"
        )
    missing = [name for name in _used(stores) if name not in key_ids]
    return problems + [_MISSING.format(name=name) for name in missing]


def _used(stores: Stores) -> list[str]:
    return [name for name in (stores.settings.get(KEY_IDS) or "").split(",") if name]
