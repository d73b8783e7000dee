"""A check-in as `play` shows it: the chat's own screens as plain text, taps as words. Reads and prints nothing."""

import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from typing import Any

from bot.app import screens
from bot.app.ports import Clinic
from bot.app.store import AlertRow, CheckInRow
from bot.clock import SystemClock
from bot.config import Settings
from bot.content.texts import Texts
from bot.core import checkin as core
from bot.core.protocol import Protocol, Question, Tier
from bot.core.screen import Screen, Text
from bot.core.tips import choose_tip
from bot.core.triage import Assessment, History, assess

FOOTER = {"back": "b", "skip": "s", "help_now": "h", "submit": "d"}
"""Kinds of button with a letter of their own; all others are numbered."""
_OPEN = {core.State.ASKING, core.State.PAUSED, core.State.STOPPED}
_TAG = re.compile(r"</?[a-z]+>")
_RULE = "─" * 60


def made_up_clinic(settings: Settings, protocol: Protocol) -> Clinic:
    """Return a clinic for screens alone: it can invite nobody."""
    return Clinic(
        protocol=protocol,
        consent_version="",
        consent_hash="",
        team_name=settings.team_name or "",
        team_number=settings.team_number or "",
        emergency_number=settings.emergency_number or "",
        languages=settings.languages,
        timezone=settings.timezone,
        new_token=lambda: "",
        hash_token=lambda token: token,
    )


class Conversation:
    """One check-in being played."""

    def __init__(self, clinic: Clinic, texts: Texts, language: str, form: str, history: History) -> None:
        self._clinic, self._texts, self._language, self._history = clinic, texts, language, history
        now = SystemClock().now()
        self._row = CheckInRow(
            id=1,
            patient_id=1,
            kind="baseline" if form == "baseline" else "scheduled",
            due_at=now,
            opened_at=now,
            protocol_name=clinic.protocol.name,
            protocol_version=clinic.protocol.version,
            protocol_hash=clinic.protocol.content_hash,
            value=core.open_checkin(form, clinic.protocol),
        )

    @property
    def finished(self) -> bool:
        """Whether nothing more is asked."""
        return self._row.value.state not in _OPEN

    def question(self) -> str:
        """Return the present screen and what can be tapped."""
        return self._drawn(screens.checkin_screen(self._row, self._clinic))

    def tap(self, word: str, at: datetime) -> Iterator[str]:
        """Work off one tap and yield the screens it leads to."""
        if word.lower() == "h":
            yield self._drawn(screens.call_screen(self._alert(Tier.URGENT, ("asked_for_help",), at), self._clinic))
            yield self.question()
            return
        received = self._input(word.lower())
        if received is None:
            yield f"{word!r} is no button here."
            return
        step = core.step(self._row.value, received, self._clinic.protocol, self._history, at)
        self._row = self._row.model_copy(update={"value": step.checkin})
        for event in step.events:
            yield from self._said(event, at)
        if not self.finished:
            yield self.question()

    def result(self) -> dict[str, Any]:
        """Return what came of it, as data."""
        found = self._assessment()
        value = self._row.value
        return {
            "protocol": f"{found.protocol_name} {found.protocol_version}",
            "form": value.form,
            "finished": self.finished,
            "complete": found.complete,
            "tier": found.tier.name,
            "rules": list(found.rules),
            "answers": {question: list(choices) for question, choices in value.answers.items()},
        }

    def verdict(self) -> str:
        """Return the tier and every rule that fired, for the author of the content."""
        found = self._assessment()
        fired = ", ".join(f"{r.rule} ({r.tier.name})" for r in found.reasons) or "none"
        whole = "complete" if found.complete else "not complete"
        return f"Tier {found.tier.name}, {whole}. Rules that fired: {fired}."

    # -- one tap

    def _input(self, word: str) -> core.Input | None:
        value = self._row.value
        if word == "m":
            return core.Mistake()
        if value.state is core.State.PAUSED:
            onward: dict[str, core.Input] = {
                "1": core.GoOn(revision=value.revision),
                "2": core.Finish(revision=value.revision),
            }
            return onward.get(word)
        question = self._clinic.protocol.questions[value.cursor or ""]
        on_it: dict[str, core.Input] = {
            "b": core.Back(question=question.id, revision=value.revision),
            "s": core.Skip(question=question.id, revision=value.revision),
            "d": core.Submit(question=question.id, revision=value.revision),
        }
        return on_it.get(word) or self._chosen(question, word)

    def _chosen(self, question: Question, word: str) -> core.Input | None:
        if not word.isdecimal() or not 1 <= int(word) <= len(question.choices):
            return None
        choice = question.choices[int(word) - 1]
        revision = self._row.value.revision
        if question.kind == "single":
            return core.Choose(question=question.id, choice=choice.id, revision=revision)
        ticked = choice.id in self._row.value.answers.get(question.id, ())
        return core.Toggle(question=question.id, choice=choice.id, on=choice.exclusive or not ticked, revision=revision)

    def _said(self, event: core.Event, at: datetime) -> Iterator[str]:
        match event:
            case core.RedFlag(assessment=found):
                yield self._drawn(screens.call_screen(self._alert(found.tier, found.concerns, at), self._clinic))
            case core.Finished(assessment=found):
                yield self._drawn(self._last_screen(found, at))
            case core.Ignored(reason=reason):
                yield f"Not now: {reason.replace('_', ' ')}."
            case _:
                pass

    def _last_screen(self, found: Assessment, at: datetime) -> Screen:
        if self._row.value.raised > Tier.ROUTINE:
            return screens.done_after_call(self._clinic, None)
        if found.tier is Tier.SOON:
            return screens.soon_screen(self._alert(found.tier, found.concerns, at), self._clinic)
        if found.tier > Tier.SOON:
            return screens.call_screen(self._alert(found.tier, found.concerns, at), self._clinic)
        tip = choose_tip(self._row.value.answers, (), self._clinic.protocol, at)
        return screens.routine_screen(self._clinic, complete=found.complete, tip=tip, following=None)

    def _alert(self, tier: Tier, rules: tuple[str, ...], at: datetime) -> AlertRow:
        return AlertRow(id=1, patient_id=1, checkin_id=1, tier=tier, rules=rules, raised_at=at)

    def _assessment(self) -> Assessment:
        value = self._row.value
        return assess(value.answers, self._history, self._clinic.protocol, form=value.form, finished=self.finished)

    # -- drawing

    def _drawn(self, screen: Screen) -> str:
        said = "\n\n".join(self._words(line) for line in screen.lines)
        return "\n".join(("", _RULE, said, "", *self._buttons(screen)))

    def _buttons(self, screen: Screen) -> Iterator[str]:
        """Draw what can be tapped with its key; buttons that lead out of the check-in stand without one."""
        number = 0
        for row in screen.rows:
            labels = []
            for button in row:
                kind = button.action.kind if button.action else ""
                key = FOOTER.get(kind)
                if kind in {"choose", "toggle", "go_on", "finish"}:
                    number += 1
                    key = str(number)
                elif kind == "alert" and button.action is not None and button.action.choice == "mistake":
                    key = "m"
                labels.append(f"[{key}] {self._words(button.label)}" if key else f"[ ] {self._words(button.label)}")
            yield "   ".join(labels)

    def _words(self, text: Text) -> str:
        values = {k: self._words(v) if isinstance(v, Text) else v for k, v in text.values.items()}
        return unescape(_TAG.sub("", self._texts.get(text.language or self._language, text.key, values)))
