"""Types that parse and validate the text of settings. Opens nothing.

A validator raises ValueError with a message that follows the setting's name and says what to write
("NERVECHECK_TIMEZONE is not a time zone: ..."). The message never repeats the text, which may be a secret.
"""

import difflib
import ipaddress
import re
from functools import cache
from typing import Annotated, NamedTuple
from urllib.parse import parse_qs, urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr

from bot.core.digits import ascii_digits


class Address(NamedTuple):
    """The host and port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_ADDRESS = re.compile(r"^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/\[\]]+)):(\d{1,5})$")
_HIGHEST_PORT = 65535
_TOKEN = re.compile(r"^\d{1,20}:[A-Za-z0-9_-]{3,}$")
_SHORT_NUMBER = re.compile(r"^\d{2,6}$")
_DIALLED = re.compile(r"^\+?[0-9](?:[ -]?[0-9]){2,19}$")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(_[A-Z]{2})?$")
_ONE_LINE = re.compile(r"^[^\r\n\t]{1,64}$")
_NUMBER_FORMAT = 'write it in international format, like "+49 30 901820"'


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _ADDRESS.match(value.strip())
    if match is None or int(match[3]) > _HIGHEST_PORT:
        raise ValueError('is not an address to listen on: write host:port, like "127.0.0.1:8080"')
    return Address(match[1] or match[2], int(match[3]))


def _loopback(value: Address) -> Address:
    try:
        local = ipaddress.ip_address(value.host).is_loopback
    except ValueError:
        local = value.host == "localhost"
    if not local:
        raise ValueError('must be a loopback address, like "127.0.0.1:8081": the sandbox has no passwords')
    return value


def _token(value: SecretStr) -> SecretStr:
    if not _TOKEN.match(value.get_secret_value()):
        raise ValueError("is not a bot token: copy all of it from @BotFather (digits, a colon, letters)")
    return value


def _number(value: str) -> str:
    """Return a phone number in E.164 format ("+4930901820")."""
    import phonenumbers  # noqa: PLC0415 - its tables load slowly, and many commands need no number

    try:
        parsed = phonenumbers.parse(ascii_digits(value), None)
    except phonenumbers.NumberParseException:
        raise ValueError(f"is not a phone number: {_NUMBER_FORMAT}") from None
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError(f"has too few or too many digits for a phone number of its country: {_NUMBER_FORMAT}")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _emergency(value: str) -> str:
    digits = re.sub(r"[\s-]", "", ascii_digits(value))
    return digits if _SHORT_NUMBER.match(digits) else _number(value)


def _crisis(value: str) -> str:
    number = " ".join(ascii_digits(value).split())
    if not _DIALLED.match(number):
        raise ValueError('must be a phone number as people there dial it, like "988" or "116 123"')
    return number


def _name(value: str) -> str:
    if not _ONE_LINE.match(value):
        raise ValueError(
            "must be a single line of at most 64 characters: it is the name of the contact that patients save"
        )
    return value


def _list(value: object) -> object:
    return tuple(dict.fromkeys(v.strip() for v in value.split(",") if v.strip())) if isinstance(value, str) else value


def _languages(value: tuple[str, ...]) -> tuple[str, ...]:
    invalid = [language for language in value if not _LANGUAGE.match(language)]
    if invalid or not value:
        raise ValueError('is not a list of languages: write their codes separated by commas, like "en,es"')
    return value


_zones = cache(available_timezones)
"""The names of all time zones; finding them means reading a folder of 600 files."""


def _zone(value: str) -> str:
    if value not in _zones():
        similar = difflib.get_close_matches(value, _zones(), 1)
        raise ValueError(
            "is not a time zone: use an IANA name"
            f"{f'; did you mean {similar[0]}?' if similar else ', like Europe/Berlin'}"
        )
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not the URL of a server: it must begin with https:// (or http:// on your own machine)")
    return value.rstrip("/")


def _https(value: str) -> str:
    if urlsplit(value).scheme != "https":
        raise ValueError("must begin with https://: Telegram sends updates to no other address")
    return _url(value)


def _secret_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not a URL: it must begin with https://")
    return value


def _webhook_url(value: str) -> str:
    """Return an https URL, or an http URL on this machine, which a local Bot API server can send updates to."""
    parts = urlsplit(value)
    return _url(value) if parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"} else _https(value)


def _database(value: SecretStr) -> SecretStr:
    driver, _, rest = value.get_secret_value().partition("://")
    scheme = driver.partition("+")[0]
    if scheme not in {"sqlite", "postgresql"}:
        raise ValueError(
            "is not a database URL: write sqlite:///path/to/file.db or postgresql://user:password@host/name"
        )
    path, _, query = rest.partition("?")
    # The lock files that keep a second process out are next to the database file, so its path must be known.
    if scheme == "sqlite" and (
        path.lstrip("/").startswith("file:") or "uri" in parse_qs(query, keep_blank_values=True)
    ):
        raise ValueError("must name a SQLite file by its path, without file: and uri: write sqlite:///path/to/file.db")
    return value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Number = Annotated[str, AfterValidator(_number)]
ListenAddress = Annotated[Address, BeforeValidator(_address), PlainSerializer(str)]
Languages = Annotated[tuple[str, ...], BeforeValidator(_list), AfterValidator(_languages), PlainSerializer(",".join)]
Token = Annotated[SecretStr, AfterValidator(_token)]
TeamName = Annotated[str, AfterValidator(_name)]
EmergencyNumber = Annotated[str, AfterValidator(_emergency)]
CrisisNumber = Annotated[str, AfterValidator(_crisis)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_url)]
SecretUrl = Annotated[SecretStr, AfterValidator(_secret_url)]
WebhookUrl = Annotated[str, AfterValidator(_webhook_url)]
PublicUrl = Annotated[str, AfterValidator(_https)]
Loopback = Annotated[ListenAddress, AfterValidator(_loopback)]
Lowered = BeforeValidator(_lower)
