"""The menu "Learn", and where tips and topics come from. Information only; nothing here looks at answers."""

from collections.abc import Iterable
from datetime import datetime

from bot.app.ports import Clinic, Outcome
from bot.app.post import post
from bot.app.screens import button, numbers, rows
from bot.app.store import Patient, Store
from bot.core.screen import Action, Screen, Text

KIND = "learn"
"""The kind of action this module takes; `choice` is the topic, or empty for the list."""
SLOT = "menu"


def topics(store: Store, clinic: Clinic, patient: Patient, at: datetime) -> Outcome:
    """All there is to read."""
    made = [button(f"learn.{t.id}.title", Action(kind=KIND, choice=t.id)) for t in clinic.protocol.topics]
    screen = Screen(name="learn", lines=(Text(key="read.intro"),), rows=rows(made))
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(language=patient.speaks)


def tapped(store: Store, clinic: Clinic, patient: Patient, action: Action, at: datetime) -> Outcome | None:
    """Show a topic, or the list again; None when the protocol has no such topic."""
    if not action.choice:
        return topics(store, clinic, patient, at)
    topic = next((t for t in clinic.protocol.topics if t.id == action.choice), None)
    if topic is None:
        return None
    lines = (
        Text(key="read.heading", values={"title": Text(key=f"learn.{topic.id}.title")}),
        Text(key=f"learn.{topic.id}.body", values=numbers(clinic)),
        sources_text(clinic, topic.sources),
    )
    made = (button("read.back", Action(kind=KIND)),)
    post(store, patient, Screen(name=f"learn.{topic.id}", lines=lines, rows=rows(made)), at=at, slot=SLOT)
    return Outcome(language=patient.speaks)


def tip_source(store: Store, clinic: Clinic, patient: Patient, tip_id: str, at: datetime) -> Outcome | None:
    """Show where a tip comes from; None when the protocol has no such tip."""
    tip = next((t for t in clinic.protocol.tips if t.id == tip_id), None)
    if tip is None:
        return None
    screen = Screen(name="tip.source", lines=(Text(key=f"tip.{tip.id}"), sources_text(clinic, tip.sources)))
    post(store, patient, screen, at=at, slot=SLOT)
    return Outcome(language=patient.speaks)


def sources_text(clinic: Clinic, ids: Iterable[str]) -> Text:
    """Return "Source: ..." with each citation."""
    return Text(key="source.line", values={"sources": "; ".join(clinic.protocol.sources[i] for i in ids)})
