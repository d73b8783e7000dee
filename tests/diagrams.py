"""Writes deploy/docs/states.md: check-ins, concerns, alerts and the outbox as Mermaid diagrams (`make diagrams`)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from re import sub

from bot.app.records import outbox_states
from bot.core import alert, checkin, concern

FILE = Path(__file__).parent.parent / "deploy" / "docs" / "states.md"
Arrow = tuple[str, str, str]
"""From a state, to a state, by an input; the end of a diagram is `END`."""
END = "[*]"
HEAD = """# States

How check-ins, concerns, alerts and messages change, generated from tables. The program computes the transitions of check-ins,
concerns and alerts from theirs; for messages, a test compares the stores with the table. `make diagrams` writes this file, and a test
compares it with the tables. An arrow is labelled with every input that leads from one state to the other.
An input without an arrow in a state changes nothing there.
"""


def check_ins() -> Iterable[Arrow]:
    """Yield the arrows of `bot.core.checkin.TRANSITIONS`."""
    for (state, received), transition in checkin.TRANSITIONS.items():
        yield from arrows(state, words(received.__name__), transition.leads_to)


def concerns() -> Iterable[Arrow]:
    """Yield the arrows of `bot.core.concern.TRANSITIONS`."""
    for (state, given), transition in concern.TRANSITIONS.items():
        yield from arrows(state, words(given.__name__), transition.leads_to)


def team() -> Iterable[Arrow]:
    """Yield the arrows of `bot.core.alert.TEAM_TRANSITIONS`."""
    for (state, act), transition in alert.TEAM_TRANSITIONS.items():
        yield from arrows(state, words(act.__name__), transition.leads_to)


def messages() -> Iterable[Arrow]:
    """Yield the arrows of `bot.app.records.outbox_states.TRANSITIONS`."""
    for (status, event), leads_to in outbox_states.TRANSITIONS.items():
        yield from arrows(status, event.value, leads_to)


def arrows(state: StrEnum, label: str, leads_to: Collection[StrEnum]) -> Iterable[Arrow]:
    """Yield an arrow to each state; one to the end if there is none."""
    for reached in sorted(leads_to) or [END]:
        yield str(state), str(reached), label


def words(name: str) -> str:
    """Return the name of an input in words: "GoOn" is "go on"."""
    return sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def diagram(states: Iterable[StrEnum], first: StrEnum, drawn: Iterable[Arrow]) -> str:
    """Return a Mermaid state diagram with one arrow for each pair of states; states that lead nowhere are final."""
    labels: Mapping[tuple[str, str], list[str]] = defaultdict(list)
    for source, target, label in drawn:
        labels[source, target].append(label)
    lines = ["stateDiagram-v2", f"    {END} --> {first}"]
    lines += [f"    {source} --> {target}: {', '.join(given)}" for (source, target), given in labels.items()]
    left = {source for source, _ in labels}
    lines += [f"    {state} --> {END}" for state in states if state not in left]
    return "\n".join(["```mermaid", *lines, "```"])


def document() -> str:
    """Return the whole file."""
    parts = [
        ("A check-in", "bot/core/checkin.py", diagram(checkin.State, checkin.State.ASKING, check_ins())),
        ("A concern", "bot/core/concern.py", diagram(concern.ConcernState, concern.ConcernState.NONE, concerns())),
        ("The team's side of an alert", "bot/core/alert.py", diagram(alert.TeamState, alert.TeamState.OPEN, team())),
        (
            "A message in the outbox",
            "bot/app/records/outbox_states.py",
            diagram(outbox_states.Status, outbox_states.Status.WAITING, messages()),
        ),
    ]
    sections = [f"## {title}\n\nThe table and its rules: `{path}`.\n\n{drawn}\n" for title, path, drawn in parts]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(document(), encoding="utf-8")
