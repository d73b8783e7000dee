import re
from pathlib import Path

import pytest

from bot import config
from bot.config import ConfigError, Settings, example, variables

ROOT = Path(__file__).parent.parent
TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz_0123"
KEYS = "k1:bmVydmVjaGVjay1zYW5kYm94LW1hZGUtdXAta2V5LTE="
LIVE = {
    "NERVECHECK_TOKEN": TOKEN,
    "NERVECHECK_KEYS": KEYS,
    "NERVECHECK_TEAM_NAME": "Oncology day unit",
    "NERVECHECK_TEAM_NUMBER": "+49 30 901820",
    "NERVECHECK_EMERGENCY_NUMBER": "112",
}


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        Settings.load({f"NERVECHECK_{name}": value for name, value in environ.items()})
    return refused.value.problems


def test_load_with_all_required_settings_succeeds() -> None:
    settings = Settings.load(LIVE)
    assert settings.token is not None
    assert settings.token.get_secret_value() == TOKEN
    assert settings.team_number == "+4930901820"
    assert settings.emergency_number == "112"
    assert (settings.listen.host, settings.listen.port) == ("127.0.0.1", 8080)
    assert settings.database_url.get_secret_value() == "sqlite:///var/nervecheck.db"
    assert settings.api_url == "https://api.telegram.org"
    assert settings.missing() == {}


def test_load_without_settings_succeeds() -> None:
    settings = Settings.load({})
    assert settings.token is None
    assert set(settings.missing()) == set(config.REQUIRED)


@pytest.mark.parametrize("name", [n for n in LIVE if n != "NERVECHECK_TOKEN"])
def test_load_with_token_requires_each_clinic_setting(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.load({k: v for k, v in LIVE.items() if k != name})
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name} is missing: ")


def test_missing_keys_error_says_how_to_generate_one() -> None:
    assert any("nervecheck keys new" in p for p in problems(TOKEN=TOKEN) if "KEYS" in p)


def test_load_reports_all_problems_together(tmp_path: Path) -> None:
    reported = problems(
        TOKEN="nothing like it",
        TEAM_NUMBER="030 901820",
        TIMEZONE="Europe/Berln",
        LISTEN="8080",
        LANGAUGES="en",
        LOG_LEVEL="loud",
        KEYS_FILE=str(tmp_path / "absent"),
    )
    start = [p.split()[0].rstrip(":").removeprefix("NERVECHECK_") for p in reported]
    assert sorted(start) == sorted(
        ["TOKEN", "TEAM_NUMBER", "TIMEZONE", "LISTEN", "LANGAUGES", "LOG_LEVEL", "KEYS_FILE", "TEAM_NAME",
         "EMERGENCY_NUMBER"]
    )  # fmt: skip
    assert "did you mean Europe/Berlin?" in "\n".join(reported)
    assert "did you mean NERVECHECK_LANGUAGES?" in "\n".join(reported)


def test_config_error_holds_the_usable_settings() -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.load(LIVE | {"NERVECHECK_LANGUAGES": "en,es", "NERVECHECK_TIMEZONE": "Mars"})
    assert refused.value.usable.languages == ("en", "es")
    assert refused.value.usable.timezone == "UTC"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN", "secret-secret-secret"),
        ("TEAM_NUMBER", "901820"),
        ("TEAM_NUMBER", "+4930"),
        ("TEAM_NUMBER", "112"),
        ("EMERGENCY_NUMBER", "call us"),
        ("EMERGENCY_NUMBER", "1"),
        ("TEAM_NAME", "two\nlines"),
        ("DATABASE_URL", "mysql://root:secret-secret-secret@db/x"),
        ("DATABASE_URL", "sqlite:///file:secret-secret-secret.db?mode=rwc"),
        ("DATABASE_URL", "sqlite:////secret-secret-secret.db?timeout=5&uri=true"),
        ("DATABASE_URL", "sqlite+pysqlite:////secret-secret-secret.db?uri="),
        ("LANGUAGES", "english"),
        ("LANGUAGES", ","),
        ("TIMEZONE", "CET+1"),
        ("API_URL", "api.telegram.org"),
        ("WEBHOOK_URL", "http://clinic.example/hook"),
        ("PING_URL", "watch.example/secret-secret-secret"),
        ("PING_URL", "ftp://watch.example/secret-secret-secret"),
        ("LISTEN", "127.0.0.1"),
        ("LISTEN", "127.0.0.1:99999"),
        ("SANDBOX_LISTEN", "0.0.0.0:8081"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_invalid_value_is_refused_and_secrets_not_repeated(name: str, value: str) -> None:
    reported = [p for p in problems(**{name: value}) if p.startswith(f"NERVECHECK_{name} ")]
    assert len(reported) == 1
    assert "secret-secret-secret" not in reported[0]


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("TEAM_NUMBER", "+1 (202) 555-0123", "team_number", "+12025550123"),
        ("EMERGENCY_NUMBER", "911", "emergency_number", "911"),
        ("EMERGENCY_NUMBER", "+49 30 901820", "emergency_number", "+4930901820"),
        ("LANGUAGES", "es, en,es", "languages", ("es", "en")),
        ("API_URL", "http://localhost:8081/", "api_url", "http://localhost:8081"),
        ("LISTEN", "[::1]:0", "listen", ("::1", 0)),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("PROTOCOL", "clinic.yaml", "protocol", Path("clinic.yaml")),
        ("TIMEZONE", "  ", "timezone", "UTC"),
    ],
)
def test_valid_values_are_parsed(name: str, value: str, field: str, read: object) -> None:
    assert getattr(Settings.load({f"NERVECHECK_{name}": value}), field) == read


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///file.db", "sqlite:///x.db?timeout=5", "postgresql://h/n?uri=x"]
)
def test_database_url_may_be_a_file_or_a_server(url: str) -> None:
    assert Settings.load({"NERVECHECK_DATABASE_URL": url}).database_url.get_secret_value() == url


def test_secret_can_be_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    without = {k: v for k, v in LIVE.items() if k != "NERVECHECK_TOKEN"}
    settings = Settings.load(without | {"NERVECHECK_TOKEN_FILE": str(file)})
    assert settings.token is not None
    assert settings.token.get_secret_value() == TOKEN


def test_setting_given_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    reported = problems(TOKEN=TOKEN, TOKEN_FILE=str(file))
    assert "NERVECHECK_TOKEN and NERVECHECK_TOKEN_FILE are both set: keep one of them" in reported


def test_empty_token_file_is_a_problem_not_the_sandbox(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch()
    reported = problems(TOKEN_FILE=str(file))
    assert f"NERVECHECK_TOKEN_FILE: {file} is empty: write the value into it" in reported


def test_environment_takes_precedence_over_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text("NERVECHECK_LANGUAGES=es\nNERVECHECK_TIMEZONE='Asia/Tokyo'\n")
    monkeypatch.setenv("NERVECHECK_LANGUAGES", "ru")
    settings = Settings.load()
    assert (settings.languages, settings.timezone) == (("ru",), "Asia/Tokyo")


def test_secrets_are_never_shown() -> None:
    url = "postgresql://nurse:wonderland@db.clinic/nervecheck"
    settings = Settings.load(LIVE | {"NERVECHECK_DATABASE_URL": url})
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert not [s for s in (TOKEN, KEYS, "wonderland") if s in shown]
    assert settings.data_location == "db.clinic/nervecheck"
    assert set(settings.secrets) == {TOKEN, KEYS, url}


# --- The sandbox ------------------------------------------------------------------------------------------------------


def test_sandbox_fills_missing_settings_with_demo_values() -> None:
    settings = Settings.load({"NERVECHECK_TEAM_NAME": "Ward 7"}).for_sandbox()
    assert settings.team_name == "Ward 7"
    assert settings.team_number == "+4930901820"
    assert settings.emergency_number == "112"
    assert settings.data_location == "var/sandbox.db"
    assert set(settings.missing()) == {"token"}


def test_sandbox_never_uses_clinic_token_keys_or_data() -> None:
    settings = Settings.load(LIVE, sandbox=True).for_sandbox()
    assert settings.token is None
    assert settings.data_location == "var/sandbox.db"
    assert KEYS not in settings.secrets
    with pytest.raises(ConfigError, match="sample patients among real ones"):
        Settings.load(LIVE | {"NERVECHECK_DATABASE_URL": "sqlite:///clinic.db"}, sandbox=True)


def test_sandbox_without_token_uses_a_given_database() -> None:
    settings = Settings.load({"NERVECHECK_DATABASE_URL": "sqlite:///mine.db"}, sandbox=True).for_sandbox()
    assert settings.data_location == "mine.db"


# --- The example ------------------------------------------------------------------------------------------------------


def test_example_file_is_current() -> None:
    assert (ROOT / ".env.example").read_text() == example(), "run `make env-example`"


def test_example_file_describes_every_setting() -> None:
    for name, field in Settings.model_fields.items():
        assert re.search(rf"^(# )?NERVECHECK_{name.upper()}=", example(), re.MULTILINE)
        assert field.description
        assert field.description.endswith(".")


def test_example_file_unchanged_runs_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(example())
    assert Settings.load() == Settings.load({})


@pytest.mark.parametrize("url", ["https://clinic.example/hook", "http://127.0.0.1:8080", "http://localhost:8080"])
def test_webhook_url_may_be_http_on_this_machine_only(url: str) -> None:
    assert Settings.load(LIVE | {"NERVECHECK_WEBHOOK_URL": url}).webhook_url == url


def test_numbers_in_the_digits_of_another_script_are_read() -> None:
    arabic = str.maketrans("0123456789", "".join(map(chr, range(0x660, 0x66A))))
    given = LIVE | {
        "NERVECHECK_TEAM_NUMBER": "+49 30 901820".translate(arabic),
        "NERVECHECK_EMERGENCY_NUMBER": "112".translate(arabic),
        "NERVECHECK_CRISIS_NUMBER": "116 123".translate(arabic),
    }
    settings = Settings.load(given)
    assert settings.team_number == "+4930901820"
    assert (settings.emergency_number, settings.crisis_number) == ("112", "116 123")
