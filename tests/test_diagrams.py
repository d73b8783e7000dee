"""The diagrams of deploy/docs/states.md are those of the tables."""

import re
from pathlib import Path

import pytest

from bot.app.records import outbox_states
from bot.core import alert, checkin
from tests import diagrams

ROOT = Path(__file__).parent.parent
TABLES = {
    "A check-in": {pair: row.leads_to for pair, row in checkin.TRANSITIONS.items()},
    "The team's side of an alert": {pair: row.leads_to for pair, row in alert.TEAM_TRANSITIONS.items()},
    "A message in the outbox": outbox_states.TRANSITIONS,
}
ARROW = re.compile(r"^ {4}(\S+) --> (\S+): (.+)$", re.MULTILINE)


def sections() -> dict[str, str]:
    """Return the text of each section of the file, by its title."""
    parts = diagrams.FILE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: part for part in parts}


def test_states_file_is_what_the_tables_generate() -> None:
    assert diagrams.FILE.read_text(encoding="utf-8") == diagrams.document(), "run `make diagrams`"


@pytest.mark.parametrize("title", TABLES)
def test_diagram_shows_every_transition_once(title: str) -> None:
    drawn = [(a, b, label) for a, b, labels in ARROW.findall(sections()[title]) for label in labels.split(", ")]
    listed = [
        (
            str(state),
            str(reached),
            received.value if isinstance(received, outbox_states.OutboxEvent) else received.__name__,
        )
        for (state, received), leads_to in TABLES[title].items()
        for reached in leads_to or (diagrams.END,)
    ]
    assert len(drawn) == len(set(drawn)) == len(listed)
    assert {(a, b, label.replace(" ", "").lower()) for a, b, label in drawn} == {
        (a, b, name.replace(" ", "").lower()) for a, b, name in listed
    }


def test_diagram_final_states_end() -> None:
    assert "    expired --> [*]\n    replaced --> [*]\n" in sections()["A check-in"]


@pytest.mark.parametrize("path", re.findall(r"`(bot/\S+\.py)`", diagrams.document()))
def test_diagram_names_a_file_that_exists(path: str) -> None:
    assert (ROOT / path).is_file()
