"""The settings: the only reader of the environment. Validates what it can without a database; opens nothing else.

Each setting is read from the variable NERVECHECK_<NAME>, from the file that NERVECHECK_<NAME>_FILE names (for secrets),
or from `.env` in the current directory; the environment takes precedence over `.env`. An empty variable counts as not
set. All problems are reported together.
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
    CrisisNumber,
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
"""Settings that a clinic must provide before any patient gets a message."""


class ConfigError(ValueError):
    """The settings can't be used. `problems` lists why; `usable` holds the settings without the invalid ones."""

    def __init__(self, problems: Iterable[str], usable: "Settings") -> None:
        self.problems = tuple(problems)
        self.usable = usable
        super().__init__("\n".join(self.problems))


# --- The settings -----------------------------------------------------------------------------------------------------


class Settings(BaseModel):
    """All settings, validated. A required setting is None until it is set; `SANDBOX` has the demo values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: Token | None = Field(None, description="Bot token from @BotFather. Without it, the sandbox runs.")
    keys: SecretStr | None = Field(
        None,
        description="Encryption keys for answers and chat ids, newest first. Generate one with `nervecheck keys new` "
        "and keep a copy away from the database: without the keys the data can't be read.",
    )
    team_name: TeamName | None = Field(
        None, description="Name of the care team as patients know it; also the name of the contact they save."
    )
    team_number: Number | None = Field(
        None, description='Number that patients call, day and night, in international format ("+49 30 901820").'
    )
    emergency_number: EmergencyNumber | None = Field(
        None, description='Emergency number of your country ("112", "911").'
    )
    crisis_number: CrisisNumber | None = Field(
        None,
        description='Number of a crisis line ("988", "116 123"), shown to a patient who writes that they want to die. '
        "Without it the emergency number is shown.",
    )
    database_url: DatabaseUrl = Field(
        SecretStr("sqlite:///var/nervecheck.db"),
        description="Database URL: sqlite:///path/to/file.db or postgresql://user:password@host/name.",
    )
    languages: Languages = Field(
        ("en",), description="Languages offered to patients, comma-separated; the first is the default."
    )
    unreviewed_languages: Languages | None = Field(
        None,
        description="Languages that may be used although none of your clinicians has signed off their texts yet, "
        "comma-separated. Not needed with a Bot API server on this machine, where nobody is a patient.",
    )
    timezone: Zone = Field("UTC", description="Time zone of the clinic (IANA name), offered to patients first.")
    protocol: Path | None = Field(
        None, description="Protocol file that your clinic signed off. Default: the one that comes with the program."
    )
    staff_answers: bool = Field(
        False, description="Whether alerts in the team's chats may contain the patient's answers: true or false."
    )
    api_url: Url = Field("https://api.telegram.org", description="Address of the Bot API server; may be your own.")
    webhook_url: WebhookUrl | None = Field(
        None,
        description="Public https address of LISTEN, to which Telegram sends updates. Without it the bot polls, "
        "which needs no open port.",
    )
    listen: ListenAddress = Field(
        Address("127.0.0.1", 8080), description="Address on which console, health, metrics and webhook are served."
    )
    console_url: PublicUrl | None = Field(
        None,
        description="Public https address of LISTEN, where the team opens /console. Without it the console is only "
        "for browsers on this machine.",
    )
    ping_url: SecretUrl | None = Field(
        None,
        description="URL of a monitoring service, requested once a minute while the bot is healthy. The service raises "
        "the alarm when the requests stop.",
    )
    sandbox_listen: Loopback = Field(
        Address("127.0.0.1", 8081),
        description="Address of the sandbox's chat page. Must be a loopback address.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lowered] = Field(
        "info", description="Log level: debug, info, warning or error."
    )
    log_format: Annotated[Literal["console", "json"], Lowered] = Field(
        "console", description="Log format: console (for people) or json (for machines)."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, sandbox: bool = False) -> Self:
        """Read and validate all settings (default: from the process's environment and `.env`).

        ConfigError lists every problem. Without a token or with `sandbox`, no setting is required.
        """
        values, problems = _read(_environment() if environ is None else environ)
        settings, invalid = _validate(cls, values)
        problems += [f"{variable(name)} {reason}" for name, reason in invalid.items()]
        if not sandbox and "token" in values:
            problems += [text for name, text in settings.missing().items() if name not in values]
        if sandbox and {"token", "database_url"} <= values.keys():
            problems.append(_SANDBOX_CONFLICT)
        if problems:
            raise ConfigError(problems, settings)
        return settings

    def missing(self) -> dict[str, str]:
        """Return the required settings that are not set: name -> problem."""
        unset = [name for name in REQUIRED if getattr(self, name) is None]
        return {name: f"{variable(name)} is missing: {_REMEDIES[name]}" for name in unset}

    def for_sandbox(self) -> Self:
        """Return these settings with demo values for unset ones, never with the clinic's token, keys or database."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.token is not None:
            given = {name: value for name, value in given.items() if name not in {"token", "database_url", "keys"}}
        return self.model_validate({**SANDBOX, **given})

    @property
    def is_local_test(self) -> bool:
        """Whether the Bot API server is on this machine, so that no real patient gets messages."""
        return (urlsplit(self.api_url).hostname or "") in {"localhost", "127.0.0.1", "::1"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """All values that must never be shown or logged."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))

    @property
    def data_location(self) -> str:
        """The location of the database without the password, to show to people."""
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
    # Not a secret: the sandbox holds no real data.
    "keys": SecretStr("sandbox:bmVydmVjaGVjay1zYW5kYm94LW1hZGUtdXAta2V5LTE="),
}
"""Demo values of settings. The database is a separate file: sample patients among real ones would be dangerous."""

_SANDBOX_CONFLICT = (
    f"{PREFIX}TOKEN and {PREFIX}DATABASE_URL are both set: the sandbox would put sample patients among real ones. "
    "Unset one of them, or run without --sandbox"
)
_REMEDIES = {
    "token": "set it to the bot token from @BotFather",
    "keys": "generate a key with `nervecheck keys new`, keep a copy in a safe place and set it",
    "team_name": "set it to the name by which patients know their care team",
    "team_number": 'set it to the number that patients call day and night, like "+49 30 901820"',
    "emergency_number": 'set it to the emergency number of your country, like "112"',
}


_S = TypeVar("_S", bound=Settings)

# --- Reading ----------------------------------------------------------------------------------------------------------


def variable(name: str) -> str:
    """Return the name of the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def variables() -> tuple[str, ...]:
    """Return the names of all variables that are read, including the `_FILE` ones."""
    names = [variable(name) for name in Settings.model_fields]
    return (*names, *(f"{name}{FILE}" for name in names))


def _environment() -> dict[str, str]:
    lines = dotenv_values(DOTENV) if DOTENV.is_file() else {}
    return {**{k: v for k, v in lines.items() if v is not None}, **os.environ}


def _read(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the values that are set (field -> text), also those from files, and the problems found."""
    environment = {k: v.strip() for k, v in environ.items() if k.startswith(PREFIX) and v.strip()}
    values: dict[str, str] = {}
    problems = list(_misspelled(environment))
    for name in Settings.model_fields:
        plain, file = environment.get(variable(name)), environment.get(variable(name) + FILE)
        if plain is not None and file is not None:
            problems.append(f"{variable(name)} and {variable(name)}{FILE} are both set: keep one of them")
        elif plain is not None:
            values[name] = plain
        elif file is not None:
            try:
                values[name] = Path(file).read_text(encoding="utf-8").strip()
                if not values[name]:
                    problems.append(f"{variable(name)}{FILE}: {file} is empty: write the value into it")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8 text"
                problems.append(
                    f"{variable(name)}{FILE}: can't read {file} ({reason}): fix the path or its permissions"
                )
                values[name] = ""
    return values, problems


def _misspelled(names: Iterable[str]) -> Iterator[str]:
    known = variables()
    for name in names:
        similar = difflib.get_close_matches(name, known, 1, cutoff=0.9)
        if name not in known and similar:
            yield f"{name} is not a setting: did you mean {similar[0]}?"


def _validate(cls: type[_S], values: Mapping[str, str]) -> tuple[_S, dict[str, str]]:
    """Return the settings without the invalid ones, and why those are invalid: name -> reason."""
    given = {name: value for name, value in values.items() if value}
    try:
        return cls.model_validate(given), {}
    except ValidationError as error:
        invalid = {str(e["loc"][0]): _reason(e) for e in error.errors(include_url=False, include_input=False)}
    return cls.model_validate({name: value for name, value in given.items() if name not in invalid}), invalid


def _reason(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "literal_error":
        return f"must be {error['ctx']['expected']}"
    return f"is not valid: {error['msg']}"


# --- The example file -------------------------------------------------------------------------------------------------


def _field(name: str) -> FieldInfo:
    return Settings.model_fields[name]


def _description(name: str) -> str:
    return _field(name).description or ""


def example() -> str:
    """Return the content of `.env.example`: every setting with its description and default."""
    lines = [
        "# Settings of nervecheck. Copy this file to .env and edit it. An empty setting counts as not set.",
        f"# Each setting can also be read from a file (recommended for secrets): {PREFIX}<NAME>{FILE}=/path",
    ]
    for name in Settings.model_fields:
        note = " Required outside the sandbox." if name in REQUIRED else ""
        lines += ["", *_comment(_description(name) + note), _assignment(name)]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    words, lines = text.split(), ["#"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > 100:  # noqa: PLR2004 - line width
            lines.append("#")
        lines[-1] += f" {word}"
    return lines


def _assignment(name: str) -> str:
    if name in REQUIRED or _field(name).default is None:
        return f"{'' if name in REQUIRED else '# '}{variable(name)}="
    default = _field(name).default
    value = default.get_secret_value() if isinstance(default, SecretStr) else default
    if isinstance(value, tuple) and not isinstance(value, Address):
        value = ",".join(value)
    if isinstance(value, bool):
        value = str(value).lower()
    return f"# {variable(name)}={value}"


if __name__ == "__main__":
    sys.stdout.write(example())
