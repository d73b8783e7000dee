"""Checks requests and objects against the Bot API as data (../shared/telegram-bot-api.json, next to the repository).

Reusable: `check_object("Message", obj)` and `check_request("sendMessage", params)` fail with every difference found.
Tests that use it are skipped where the data isn't there; the product doesn't need it.
"""

import json
import re
from functools import cache
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "telegram-bot-api.json"

needs_schema = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/telegram-bot-api.json, which isn't here")

_NUMBER = re.compile(r"-?\d+")


@cache
def bot_api():
    """Return the description: `methods` and `types`; skip the running test if it is absent."""
    if not DATA.exists():
        pytest.skip("needs ../shared/telegram-bot-api.json, which isn't here")
    return json.loads(DATA.read_text(encoding="utf-8"))


def check_object(type_name, obj):
    """Fail unless `obj` is a valid `type_name` (also "Array of …"): only known fields, all required ones, right types."""
    problems = _value_problems([type_name], obj, type_name, from_form=False)
    assert not problems, "\n".join(problems)


def check_result(method, result):
    """Fail unless `result` is what the method is documented to return."""
    problems = _value_problems(bot_api()["methods"][method]["returns"], result, f"{method}()", from_form=False)
    assert not problems, "\n".join(problems)


def check_request(method, params):
    """Fail unless `params` are documented for `method`, complete and of the right types (forms' strings count as numbers)."""
    methods = bot_api()["methods"]
    assert method in methods, f"{method} is not a documented method"
    problems = _fields_problems(methods[method].get("fields", []), params, method, from_form=True)
    assert not problems, "\n".join(problems)


def check_journal(calls):
    """Check every recorded call of a sandbox: the bot's request and its result."""
    for call in calls:
        check_request(call.method, call.params)
        if call.error is None and call.method != "getUpdates":  # the journal stores only their ids
            check_result(call.method, call.result)


def _fields_problems(fields, given, where, *, from_form):
    if not isinstance(given, dict):
        return [f"{where}: an object is expected, not {given!r}"]
    known = {field["name"]: field for field in fields}
    problems = [f"{where}.{name}: not documented" for name in given if name not in known]
    problems += [f"{where}.{name}: missing" for name, field in known.items() if field["required"] and name not in given]
    for name, value in given.items():
        if name in known:
            problems += _value_problems(known[name]["types"], value, f"{where}.{name}", from_form=from_form)
    return problems


def _value_problems(types, value, where, *, from_form):
    """Return the problems with the best matching type; none if one of `types` matches."""
    best = None
    for type_name in types:
        problems = _type_problems(type_name, value, where, from_form=from_form)
        if not problems:
            return []
        if best is None or len(problems) < len(best):
            best = problems
    return best


def _type_problems(type_name, value, where, *, from_form):
    if type_name.startswith("Array of "):
        return _array_problems(type_name.removeprefix("Array of "), value, where, from_form=from_form)
    if type_name in _PLAIN:
        return [] if _PLAIN[type_name](value, from_form) else [f"{where}: {value!r} is no {type_name}"]
    if type_name == "InputFile":
        return [] if isinstance(value, str) else [f"{where}: no file"]
    described = bot_api()["types"][type_name]
    if subtypes := described.get("subtypes"):
        return _value_problems(subtypes, value, where, from_form=from_form)
    return _fields_problems(described.get("fields", []), value, where, from_form=False)


def _array_problems(type_name, value, where, *, from_form):
    if not isinstance(value, list):
        return [f"{where}: {value!r} is no array"]
    return [
        problem
        for place, item in enumerate(value)
        for problem in _value_problems([type_name], item, f"{where}[{place}]", from_form=from_form)
    ]


def _is_integer(value, from_form):
    if isinstance(value, str):
        return from_form and bool(_NUMBER.fullmatch(value))
    return isinstance(value, int) and not isinstance(value, bool)


_PLAIN = {
    "Integer": _is_integer,
    "Float": lambda value, from_form: _is_integer(value, from_form) or isinstance(value, float),
    "String": lambda value, _from_form: isinstance(value, str),
    "Boolean": lambda value, from_form: (
        isinstance(value, bool) or (from_form and value in {"true", "false", "True", "False"})
    ),
}
