"""The settings: the only reader of the environment. Checks what can be checked without a database; opens nothing else.

Each setting is a variable NERVECHECK_<NAME>, or a file named by NERVECHECK_<NAME>_FILE (for secrets), or a line of the
file `.env` in the present folder; the environment goes before that file. An empty variable counts as not set. All that
is wrong is told at once.
"""

import difflib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.config_values import (
    Address,
    DatabaseUrl,
    EmergencyNumber,
    Languages,
    ListenAddress,
    Loopback,
    Lowered,
    Number,
    PublicUrl,
    SecretUrl,
    TeamName,
    Token,
    Url,
    WebhookUrl,
    Zone,
)

PREFIX = "NERVECHECK_"
FILE = "_FILE"
DOTENV = Path(".env")
REQUIRED = ("token", "keys", "team_name", "team_number", "emergency_number")
"""What a clinic must set before anyone is asked anything."""


class ConfigError(ValueError):
    """The settings can't be used. `problems`: all of them; `rest`: the settings without those that are wrong."""

    def __init__(self, problems: Iterable[str], rest: "Settings") -> None:
        self.problems = tuple(problems)
        self.rest = rest
        super().__init__("\n".join(self.problems))


# --- The settings -----------------------------------------------------------------------------------------------------


class Settings(BaseModel):
    """All settings, checked. What a clinic must set is None until it is; `SANDBOX` has made-up values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: Token | None = Field(None, description="The bot's token, from @BotFather. Without it the sandbox runs.")
    keys: SecretStr | None = Field(
        None,
        description="Keys that encrypt answers and chat ids, newest first. Make one with `nervecheck keys new`, keep "
        "a copy away from the database: without it nothing can be read.",
    )
    team_name: TeamName | None = Field(
        None, description="The care team as patients know it, also the name of the contact they save."
    )
    team_number: Number | None = Field(
        None, description='The number patients call, day and night, in international form ("+49 30 901820").'
    )
    emergency_number: EmergencyNumber | None = Field(
        None, description='The emergency number of your country ("112", "911").'
    )
    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///var/nervecheck.db"),
        description="Where the data is: sqlite:///path/to/file.db or postgresql://user:password@host/name.",
    )
    languages: Languages = Field(
        ("en",), description="Languages offered to patients, with commas; the first is the default."
    )
    unreviewed_languages: Languages | None = Field(
        None,
        description="Languages that may be used although no clinician of yours has signed their texts yet, with "
        "commas. Not needed with a Bot API server on this machine, where nobody is a patient.",
    )
    timezone: Zone = Field("UTC", description="The clinic's own time zone (IANA name), offered to patients first.")
    protocol: Path | None = Field(
        None, description="The protocol your clinic signed off; without it the one that comes with the program."
    )
    staff_answers: bool = Field(
        False, description="Whether alerts in the team's chats may say what was answered: true or false."
    )
    api_url: Url = Field("https://api.telegram.org", description="The Bot API server; your own may stand here.")
    webhook_url: WebhookUrl | None = Field(
        None,
        description="The public https address of LISTEN. Telegram then brings updates there; without it they are "
        "fetched, which needs no open port.",
    )
    listen: ListenAddress = Field(
        Address("127.0.0.1", 8080), description="Where console, health, metrics and webhook answer."
    )
    console_url: PublicUrl | None = Field(
        None,
        description="The public https address of LISTEN, where the team opens /console. Without it the console is only "
        "for this machine's own browser.",
    )
    ping_url: SecretUrl | None = Field(
        None,
        description="A monitoring service's address, asked once a minute while all is well: it raises the alarm when "
        "it is not asked any more.",
    )
    sandbox_listen: Loopback = Field(
        Address("127.0.0.1", 8081),
        description="Where the sandbox's chat page answers: this machine's own address only.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lowered] = Field(
        "info", description="How much is logged: debug, info, warning or error."
    )
    log_format: Annotated[Literal["console", "json"], Lowered] = Field(
        "console", description="How it is logged: console (for people) or json (for machines)."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, sandbox: bool = False) -> Self:
        """Read and check all settings (default: the process's environment and `.env`).

        ConfigError with every problem found. Without a token, and with `sandbox`, nothing is missing.
        """
        found, problems = _read(_environment() if environ is None else environ)
        settings, bad = _validated(cls, found)
        problems += [f"{variable(name)} {reason}" for name, reason in bad.items()]
        if not sandbox and "token" in found:
            problems += [text for name, text in settings.missing().items() if name not in found]
        if sandbox and {"token", "database_url"} <= found.keys():
            problems.append(_MIXED)
        if problems:
            raise ConfigError(problems, settings)
        return settings

    def missing(self) -> dict[str, str]:
        """Return what a clinic still has to set: name -> problem."""
        gone = [name for name in REQUIRED if getattr(self, name) is None]
        return {name: f"{variable(name)} is missing: {_HOW[name]}" for name in gone}

    def in_sandbox(self) -> Self:
        """Return these settings with made-up values where none are given; never the clinic's token or its database."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.token is not None:
            given = {name: value for name, value in given.items() if name not in {"token", "database_url", "keys"}}
        return self.model_validate({**SANDBOX, **given})

    @property
    def tests_alone(self) -> bool:
        """Whether the Bot API server is on this machine, so that nobody out there is asked anything."""
        return (urlsplit(self.api_url).hostname or "") in {"localhost", "127.0.0.1", "::1"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may never be shown or logged."""
        held = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in held if isinstance(value, SecretStr))

    @property
    def data_at(self) -> str:
        """Where the data is, without the password: for people."""
        url = self.database_url.get_secret_value()
        if url.startswith("sqlite"):
            return url.partition(":///")[2] or "memory"
        parts = urlsplit(url)
        return f"{parts.hostname or 'this machine'}{parts.path}"


SANDBOX: Mapping[str, Any] = {
    "team_name": "Sandbox clinic",
    "team_number": "+4930901820",
    "emergency_number": "112",
    "languages": ("en", "es", "ru"),
    "timezone": "Europe/Berlin",
    "database_url": SecretStr("sqlite:///var/sandbox.db"),
    # Known to everyone, like all that is in the sandbox.
    "keys": SecretStr("sandbox:bmVydmVjaGVjay1zYW5kYm94LW1hZGUtdXAta2V5LTE="),
}
"""What stands in for settings in the sandbox. Its data is a file of its own: made-up patients among real ones harm."""

_MIXED = (
    f"{PREFIX}TOKEN and {PREFIX}DATABASE_URL are both set: the sandbox would put made-up patients among real ones. "
    "Unset one of them, or run without --sandbox"
)
_HOW = {
    "token": "set it to the bot's token from @BotFather",
    "keys": "make one with `nervecheck keys new`, keep a copy in a safe place and set it",
    "team_name": "set it to the name patients know their care team by",
    "team_number": 'set it to the number patients call day and night, like "+49 30 901820"',
    "emergency_number": 'set it to the emergency number of your country, like "112"',
}


_S = TypeVar("_S", bound=Settings)

# --- Reading ----------------------------------------------------------------------------------------------------------


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def variables() -> tuple[str, ...]:
    """Return every variable that is read, those that name files included."""
    names = [variable(name) for name in Settings.model_fields]
    return (*names, *(f"{name}{FILE}" for name in names))


def _environment() -> dict[str, str]:
    lines = dotenv_values(DOTENV) if DOTENV.is_file() else {}
    return {**{k: v for k, v in lines.items() if v is not None}, **os.environ}


def _read(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return what is set (field -> text), files read, and what is wrong with how it is set."""
    given = {k: v.strip() for k, v in environ.items() if k.startswith(PREFIX) and v.strip()}
    found: dict[str, str] = {}
    problems = list(_misspelt(given))
    for name in Settings.model_fields:
        plain, from_file = given.get(variable(name)), given.get(variable(name) + FILE)
        if plain is not None and from_file is not None:
            problems.append(f"{variable(name)} and {variable(name)}{FILE} are both set: keep one of them")
        elif plain is not None:
            found[name] = plain
        elif from_file is not None:
            try:
                found[name] = Path(from_file).read_text(encoding="utf-8").strip()
                if not found[name]:
                    problems.append(f"{variable(name)}{FILE}: {from_file} is empty: write the value into it")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                problems.append(
                    f"{variable(name)}{FILE}: can't read {from_file} ({reason}): mend the path or its rights"
                )
                found[name] = ""
    return found, problems


def _misspelt(given: Iterable[str]) -> Iterator[str]:
    known = variables()
    for name in given:
        near = difflib.get_close_matches(name, known, 1, cutoff=0.9)
        if name not in known and near:
            yield f"{name} is no setting: did you mean {near[0]}?"


def _validated(cls: type[_S], found: Mapping[str, str]) -> tuple[_S, dict[str, str]]:
    """Return the settings without those that are wrong, and what is wrong with these: name -> reason."""
    good = {name: value for name, value in found.items() if value}
    try:
        return cls.model_validate(good), {}
    except ValidationError as error:
        bad = {str(e["loc"][0]): _reason(e) for e in error.errors(include_url=False, include_input=False)}
    return cls.model_validate({name: value for name, value in good.items() if name not in bad}), bad


def _reason(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "literal_error":
        return f"must be {error['ctx']['expected']}"
    return f"can't be used: {error['msg']}"


# --- For people -------------------------------------------------------------------------------------------------------


def _field(name: str) -> FieldInfo:
    return Settings.model_fields[name]


def _description(name: str) -> str:
    return _field(name).description or ""


def example() -> str:
    """Return `.env.example`: every setting with what it is for and its default."""
    lines = [
        "# Settings of nervecheck. Copy this file to .env and fill it in; an empty setting counts as not set.",
        f"# Each may also be read from a file: {PREFIX}<NAME>{FILE}=/path (best for secrets).",
    ]
    for name in Settings.model_fields:
        must = " Required outside the sandbox." if name in REQUIRED else ""
        lines += ["", *_comment(_description(name) + must), _assignment(name)]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    words, lines = text.split(), ["#"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > 100:  # noqa: PLR2004 - a width that reads well
            lines.append("#")
        lines[-1] += f" {word}"
    return lines


def _assignment(name: str) -> str:
    if name in REQUIRED or _field(name).default is None:
        return f"{'' if name in REQUIRED else '# '}{variable(name)}="
    default = _field(name).default
    shown = default.get_secret_value() if isinstance(default, SecretStr) else default
    if isinstance(shown, tuple) and not isinstance(shown, Address):
        shown = ",".join(shown)
    return f"# {variable(name)}={shown}"


if __name__ == "__main__":
    sys.stdout.write(example())
