"""Deployment files: parsed as their tools would, and compared with the existing settings."""

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.config import REQUIRED, Settings, variable, variables
from tests.test_style import TEXT, tracked

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(DEPLOY / name for name in ("README.md", "decisions.md")),
    *sorted((DEPLOY / "docs").glob("*.md")),
]
WITHOUT_SETTINGS = {
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(DEPLOY / "docs" / name for name in ("patients.md", "commands.md", "reliability.md", "states.md", "hazards.md")),
    *(DEPLOY / "docs" / name for name in ("follow-a-tap.md", "follow-an-alert.md")),
}
FILES = [DEPLOY / "Dockerfile", DEPLOY / "compose.yaml", DEPLOY / "nervecheck.service", ROOT / ".env.example", *DOCS]
NOT_SETTINGS = {"NERVECHECK_LANGAUGES", "NERVECHECK_ANYTHING"}  # examples of mistakes in decisions.md


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_documented_variables_are_settings(path: Path) -> None:
    named = set(re.findall(r"\bNERVECHECK_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8")))
    assert named <= {*variables(), *NOT_SETTINGS}
    assert named or path in WITHOUT_SETTINGS


def test_every_setting_is_documented() -> None:
    text = (DEPLOY / "docs" / "settings.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(NERVECHECK_[A-Z_]+)` \|", text, re.MULTILINE)
    assert sorted(named) == sorted(name for name in variables() if not name.endswith("_FILE"))


def test_readme_is_short_and_links_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    linked = set(re.findall(r"\]\(deploy/docs/([^)#]+)\)", text))
    assert linked == {path.name for path in (DEPLOY / "docs").glob("*.md")}


def test_version_is_in_one_place() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", changes, re.MULTILINE)[0] == version, "the newest section is that of the version"
    # Library's versions and other people's code may have the same number.
    elsewhere = {"CHANGELOG.md", "requirements.txt", "requirements-dev.txt", "htmx.min.js", "axe.min.js"}
    named = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    texts = [path for path in tracked() if path.suffix in TEXT and path.name not in elsewhere]
    assert [path.name for path in texts if named.search(path.read_text(encoding="utf-8"))] == ["pyproject.toml"]


def test_templates_and_hooks_are_valid_and_local() -> None:
    read = YAML(typ="safe")
    templates = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert [path.stem for path in templates] == ["bug", "config", "content", "feature"]
    for path in templates:
        for field in read.load(path).get("body", ()):
            assert field["type"] == "markdown" or field["attributes"]["label"], path.name
    hooks = read.load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    entries = [hook["entry"] for hook in hooks[0]["hooks"]]
    assert all(entry.startswith(".venv/bin/") for entry in entries)
    assert {re.sub(r" (--force-exclude|\.)$", "", entry.removeprefix(".venv/bin/")) for entry in entries} == {
        *(
            re.sub(r" \.$", "", command)
            for command in re.findall(r"^\t\$\(BIN\)/((?!python).+)$", _check(), re.MULTILINE)
        ),
        "python -m tests.language",  # tests/test_language.py
    }
    assert "tests/test_language.py" in _check()


def _check() -> str:
    """Return the recipe of `make check`."""
    return (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck: ")[2].partition("\n\n")[0]


def test_devcontainer_sets_up_what_the_project_needs() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make setup"
    lowest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert lowest
    assert container["image"].startswith(f"python:{lowest[1]}-")
    settings = Settings()
    assert container["forwardPorts"] == [settings.listen.port, settings.sandbox_listen.port]
    installed = container["onCreateCommand"].partition("install ")[2]
    assert f"apt-get install {installed}" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_files_follow_editorconfig() -> None:
    config = configparser.ConfigParser()
    config.read_string((ROOT / ".editorconfig").read_text(encoding="utf-8").partition("\n")[2])
    rules = config["*"]
    assert (rules["end_of_line"], rules["insert_final_newline"], rules["trim_trailing_whitespace"]) == (
        "lf",
        "true",
        "true",
    )
    keep = [name for name in config.sections() if config[name].get("trim_trailing_whitespace") == "false"]
    wrong = []
    for path in tracked():
        name, content = path.relative_to(ROOT).as_posix(), path.read_bytes()
        if path.suffix not in TEXT or name.endswith(".min.js"):
            continue
        if b"\r" in content or (content and not content.endswith(b"\n")):
            wrong.append(f"{name}: ends of lines")
        if not any(fnmatch(name, pattern) for pattern in keep) and re.search(rb"[ \t]$", content, re.MULTILINE):
            wrong.append(f"{name}: spaces at the end of a line")
    assert wrong == []


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_in_documents_have_a_target(path: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in linked if not (path.parent / link).exists()] == []


# --- Dockerfile -------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """Return (keyword, rest) of each instruction; continued lines are joined, comments removed."""
    text = "\n".join(x for x in (DEPLOY / "Dockerfile").read_text().splitlines() if not x.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def test_image_is_built_in_stages_from_the_lock_file() -> None:
    known = {
        "FROM",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "WORKDIR",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    words = [word for word, _ in instructions()]
    assert set(words) == known
    assert words.count("FROM") == 2
    assert words[0] == "FROM"
    installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    assert len(installs) == 1
    assert "--no-deps --require-hashes -r /build/requirements.txt" in installs[0]


def test_container_is_not_root_and_has_no_secret() -> None:
    users = [rest for word, rest in instructions() if word == "USER"]
    assert users == ["10001:10001"]
    words = [word for word, _ in instructions()]
    assert words.index("USER") < words.index("ENTRYPOINT")
    given = " ".join(rest for word, rest in instructions() if word == "ENV")
    assert not re.search(r"TOKEN|KEYS|PASSWORD", given)
    sources = [rest for word, rest in instructions() if word == "COPY"]
    assert sources == [
        "requirements.txt /build/",
        "--from=libraries /venv /venv",
        "bot /app/bot",
        "migrations /app/migrations",
    ]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n")
    assert ignored[1] == "*"
    assert {x for x in ignored if x.startswith("!")} == {"!bot", "!migrations", "!requirements.txt"}


def test_container_has_a_health_check() -> None:
    (check,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    assert "127.0.0.1:8080/readyz" in check
    given = dict(pair.split("=", 1) for word, rest in instructions() if word == "ENV" for pair in rest.split())
    ours = {k: v for k, v in given.items() if k.startswith("NERVECHECK_")}
    settings = Settings.load(ours)
    assert settings.listen.port == 8080
    assert settings.data_location == "/data/nervecheck.db"
    assert ("VOLUME", "/data") in instructions()
    assert ("CMD", '["run"]') in instructions()
    assert ("ENTRYPOINT", '["python", "-m", "bot"]') in instructions()


# --- Compose ----------------------------------------------------------------------------------------------------------


def service() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")["services"]["nervecheck"]
    return found


def test_compose_service_has_minimal_privileges() -> None:
    found = service()
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["volumes"] == ["data:/data"]
    assert found["ports"] == ["127.0.0.1:8080:8080"]
    assert "privileged" not in found
    assert "deploy" not in found, "one process on SQLite: no replicas"


def test_compose_service_has_required_settings_and_secret_files() -> None:
    whole = YAML(typ="safe").load(DEPLOY / "compose.yaml")
    given = service()["environment"]
    names = {name.removesuffix("_FILE") for name in given}
    assert {variable(name) for name in REQUIRED} <= names
    for name in ("token", "keys"):
        assert given[f"{variable(name)}_FILE"] == f"/run/secrets/{name}"
        assert variable(name) not in given
        assert name in service()["secrets"]
        assert name in whole["secrets"]
    for name in ("team_name", "team_number", "emergency_number"):
        assert re.fullmatch(rf"\$\{{{variable(name)}:\?.+\}}", given[variable(name)])
    assert (DEPLOY / service()["build"]["context"] / service()["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")


# --- systemd ----------------------------------------------------------------------------------------------------------


def unit() -> Iterator[tuple[str, str, str]]:
    """Yield (section, key, value) of each line of the unit."""
    section = ""
    for line in (DEPLOY / "nervecheck.service").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.strip() and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            yield section, key, value


def test_unit_has_its_sections_and_no_duplicate_keys() -> None:
    lines = list(unit())
    assert {section for section, _, _ in lines} == {"Unit", "Service", "Install"}
    many = {"Environment", "LoadCredential", "SystemCallFilter"}
    once = [key for _, key, _ in lines if key not in many]
    assert len(once) == len(set(once))


def test_unit_is_hardened() -> None:
    given = {key: value for _, key, value in unit()}
    for key in (
        "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "ProtectKernelTunables", "ProtectKernelModules",
        "ProtectControlGroups", "ProtectClock", "RestrictNamespaces", "RestrictSUIDSGID", "LockPersonality",
    ):  # fmt: skip
        assert given[key] == "yes"
    assert given["ProtectSystem"] == "strict"
    assert given["CapabilityBoundingSet"] == ""
    assert given["User"] == "nervecheck"
    assert given["StateDirectory"] == "nervecheck"
    assert given["Restart"] == "always"


def test_unit_reads_secrets_from_credentials() -> None:
    credentials = dict(value.split(":", 1) for _, key, value in unit() if key == "LoadCredential")
    assert set(credentials) == {"token", "keys"}
    given = dict(value.split("=", 1) for _, key, value in unit() if key == "Environment")
    for name in credentials:
        assert given[f"{variable(name)}_FILE"] == f"%d/{name}"
    plain = {k: v for k, v in given.items() if not k.endswith("_FILE")}
    assert Settings.load(plain).data_location == "/var/lib/nervecheck/nervecheck.db"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_unit_passes_systemd_verification(tmp_path: Path) -> None:
    text = (DEPLOY / "nervecheck.service").read_text()
    program = re.search(r"^ExecStart=(\S+)", text, re.MULTILINE)
    assert program
    # The program isn't installed at the unit's path: any existing program will do here.
    copy = tmp_path / "nervecheck.service"
    copy.write_text(text.replace(program[1], "/bin/true"))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert [line for line in said.stderr.splitlines() if "nervecheck.service" in line] == []


# --- make and CI ------------------------------------------------------------------------------------------------------


def test_make_targets_depend_on_setup() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in ("setup", "run", "test", "check", "bench", "lock", "env-example"):
        assert re.search(rf"^{target}: \$\(READY\)$", text, re.MULTILINE), target
    assert "--no-deps --require-hashes -r requirements-dev.txt" in text


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_locked_requirements_have_hashes_and_no_host(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    pinned = [n for n, line in enumerate(lines) if re.match(r"^[a-z0-9]", line)]
    assert len(pinned) > 30
    assert [lines[n] for n in pinned if not re.match(r"^[a-z0-9._-]+==\S+ (;.*)?\\$", lines[n])] == []
    assert [lines[n] for n in pinned if "--hash=sha256:" not in lines[n + 1]] == []
    assert not [line for line in lines if "://" in line]


def test_ci_script_stops_at_the_first_failure() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert text.rstrip().endswith("make test\nmake test-slow\nmake check")
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
