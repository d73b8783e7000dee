"""The menu "Learn", and the sources of tips and topics. Never looks at answers."""

from collections.abc import Iterable, Iterator

from bot.app.ports.clinic import Clinic
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.protocol import Protocol, Symptom, Tier, Topic
from bot.core.screen import Action, Screen, Text
from bot.dialog.post import post
from bot.dialog.replies import TapResult
from bot.dialog.widgets import button, numbers, rows, signs_text

KIND = "learn"
"""The kind of action this module handles; `choice` is the topic, or empty for the list."""
SLOT = "menu"
NOT_SURE = "not_sure"
"""The choice that names no sign."""


def topics(work: Work, patient: Patient) -> TapResult:
    """Show the list of topics."""
    made = [button(f"learn.{t.id}.title", Action(kind=KIND, choice=t.id)) for t in work.clinic.protocol.topics]
    screen = Screen(name="learn", lines=(Text(key="read.intro"),), rows=rows(made))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)


def tapped(work: Work, patient: Patient, action: Action) -> TapResult | None:
    """Show a topic, or the list; return None if the protocol has no such topic."""
    if not action.choice:
        return topics(work, patient)
    topic = next((t for t in work.clinic.protocol.topics if t.id == action.choice), None)
    if topic is None:
        return None
    lines = (
        Text(key="read.heading", values={"title": Text(key=f"learn.{topic.id}.title")}),
        *topic_lines(work.clinic, topic),
        sources_text(work.clinic, topic.sources),
    )
    made = (button("read.back", Action(kind=KIND)),)
    post(work, patient, Screen(name=f"learn.{topic.id}", lines=lines, rows=rows(made)), slot=SLOT)
    return TapResult(language=patient.chat_language)


def topic_lines(clinic: Clinic, topic: Topic) -> Iterator[Text]:
    """Yield a topic's text; one that says when to call lists every sign to call about."""
    yield from _signs(clinic, topic)
    if topic.signs:
        lines = tuple(Text(key=f"symptom.{symptom.id}") for symptom in _worth_a_call(clinic.protocol))
        yield Text(key=f"learn.{topic.id}.rest", values=numbers(clinic), bullets=lines)
    else:
        yield Text(key=f"learn.{topic.id}.body", values=numbers(clinic))


def when_to_call(clinic: Clinic) -> Iterator[Text]:
    """Yield the signs to call about, as the topic that lists them does."""
    for topic in clinic.protocol.topics:
        yield from _signs(clinic, topic)


def _signs(clinic: Clinic, topic: Topic) -> Iterator[Text]:
    for name in topic.signs:
        yield signs_text(f"learn.{topic.id}.{name}", clinic.protocol.questions[name], numbers(clinic))


def _worth_a_call(protocol: Protocol) -> Iterator[Symptom]:
    """Yield the symptoms that are SOON at most; the topic's own words name those that can be more."""
    for symptom in protocol.symptoms.values():
        if symptom.levels.keys() - {NOT_SURE} and set(symptom.levels.values()) == {Tier.SOON}:
            yield symptom


def tip_source(work: Work, patient: Patient, tip_id: str) -> TapResult | None:
    """Show the source of a tip; return None if the protocol has no such tip."""
    tip = next((t for t in work.clinic.protocol.tips if t.id == tip_id), None)
    if tip is None:
        return None
    screen = Screen(name="tip.source", lines=(Text(key=f"tip.{tip.id}"), sources_text(work.clinic, tip.sources)))
    post(work, patient, screen, slot=SLOT)
    return TapResult(language=patient.chat_language)


def sources_text(clinic: Clinic, ids: Iterable[str]) -> Text:
    """Return "Source: ..." with each citation."""
    return Text(key="source.line", values={"sources": "; ".join(clinic.protocol.sources[i] for i in ids)})
