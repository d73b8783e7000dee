"""A check-in for `play`: renders the chat's screens as plain text and maps typed words to taps. No input or output."""

import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from typing import Any

from bot.app.ports.clinic import Clinic
from bot.app.ports.notices import CheckInEnd
from bot.app.records.alerts import AlertRow
from bot.app.records.checkins import CheckInRow
from bot.clock import SystemClock
from bot.config import Settings
from bot.content.texts import Texts
from bot.core import checkin as core
from bot.core.protocol import Protocol, Question, Tier
from bot.core.screen import BULLET, Screen, Text
from bot.core.tips import choose_tip
from bot.core.triage import Assessment, History, assess
from bot.dialog import call_screens, call_soon, checkin_screens

FOOTER = {"back": "b", "skip": "s", "help_now": "h", "submit": "d"}
"""Letters of the buttons that have one, by kind; all others are numbered."""
_OPEN = {core.State.ASKING, core.State.PAUSED, core.State.STOPPED}
_TAG = re.compile(r"</?[a-z]+>")
_SEPARATOR = "─" * 60


def demo_clinic(settings: Settings, protocol: Protocol) -> Clinic:
    """Return a clinic that is enough to render screens. It can't create invites."""
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


class TerminalConversation:
    """A check-in that is being played."""

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
        """Whether no question is left to answer."""
        return self._row.value.state not in _OPEN

    def question(self) -> str:
        """Return the current screen and its buttons."""
        return self._render(checkin_screens.checkin_screen(self._row, self._clinic))

    def tap(self, word: str, at: datetime) -> Iterator[str]:
        """Process one tap and yield the resulting screens."""
        if word.lower() == "h":
            yield self._render(
                call_screens.call_screen(self._alert(Tier.URGENT, ("asked_for_help",), at), self._clinic)
            )
            yield self.question()
            return
        tapped = self._input(word.lower())
        if tapped is None:
            yield f"{word!r} is not a button on this screen."
            return
        step = core.step(self._row.value, tapped, self._clinic.protocol, self._history)
        self._row = self._row.model_copy(update={"value": step.checkin})
        for event in step.events:
            yield from self._render_event(event, at)
        if not self.finished:
            yield self.question()

    def result(self) -> dict[str, Any]:
        """Return the answers and the assessment as data."""
        assessment = self._assessment()
        value = self._row.value
        return {
            "protocol": f"{assessment.protocol_name} {assessment.protocol_version}",
            "form": value.form,
            "finished": self.finished,
            "complete": assessment.complete,
            "tier": assessment.tier.name,
            "rules": list(assessment.rules),
            "answers": {question: list(choices) for question, choices in value.answers.items()},
        }

    def assessment_summary(self) -> str:
        """Return the tier and every rule that matched, for content authors."""
        assessment = self._assessment()
        matched = ", ".join(f"{r.rule} ({r.tier.name})" for r in assessment.reasons) or "none"
        completeness = "complete" if assessment.complete else "incomplete"
        return f"Tier {assessment.tier.name}, {completeness}. Matched rules: {matched}."

    # -- Taps

    def _input(self, word: str) -> core.Input | None:
        value = self._row.value
        if word == "m":
            return core.Mistake()
        if value.state is core.State.PAUSED:
            inputs: dict[str, core.Input] = {
                "1": core.Continue(revision=value.revision),
                "2": core.Finish(revision=value.revision),
            }
            return inputs.get(word)
        question = self._clinic.protocol.questions[value.cursor or ""]
        footer_inputs: dict[str, core.Input] = {
            "b": core.Back(question=question.id, revision=value.revision),
            "s": core.Skip(question=question.id, revision=value.revision),
            "d": core.Submit(question=question.id, revision=value.revision),
        }
        return footer_inputs.get(word) or self._choice_input(question, word)

    def _choice_input(self, question: Question, word: str) -> core.Input | None:
        if not word.isdecimal() or not 1 <= int(word) <= len(question.choices):
            return None
        choice = question.choices[int(word) - 1]
        revision = self._row.value.revision
        if question.kind == "single":
            return core.Choose(question=question.id, choice=choice.id, revision=revision)
        selected = choice.id in self._row.value.answers.get(question.id, ())
        return core.Toggle(
            question=question.id, choice=choice.id, on=choice.exclusive or not selected, revision=revision
        )

    def _render_event(self, event: core.Event, at: datetime) -> Iterator[str]:
        match event:
            case core.RedFlag(assessment=assessment):
                alert = self._alert(assessment.tier, assessment.concerns, at)
                yield self._render(call_screens.call_screen(alert, self._clinic))
            case core.Finished(assessment=assessment):
                yield self._render(self._last_screen(assessment, at))
            case core.Ignored(reason=reason):
                yield f"Ignored: {reason.replace('_', ' ')}."
            case _:
                pass

    def _last_screen(self, assessment: Assessment, at: datetime) -> Screen:
        if self._row.value.raised > Tier.ROUTINE:
            return checkin_screens.end_screen(self._clinic, CheckInEnd("after_call"), None)
        if assessment.tier is Tier.SOON:
            return call_soon.soon_screen(self._alert(assessment.tier, assessment.concerns, at), self._clinic)
        if assessment.tier > Tier.SOON:
            return call_screens.call_screen(self._alert(assessment.tier, assessment.concerns, at), self._clinic)
        tip = choose_tip(self._row.value.answers, (), self._clinic.protocol, at)
        return checkin_screens.end_screen(
            self._clinic, CheckInEnd("routine", complete=assessment.complete, tip=tip), None
        )

    def _alert(self, tier: Tier, rules: tuple[str, ...], at: datetime) -> AlertRow:
        return AlertRow(id=1, patient_id=1, checkin_id=1, tier=tier, rules=rules, raised_at=at)

    def _assessment(self) -> Assessment:
        value = self._row.value
        return assess(value.answers, self._history, self._clinic.protocol, form=value.form, finished=self.finished)

    # -- Rendering

    def _render(self, screen: Screen) -> str:
        text = ("\n" if screen.tight else "\n\n").join(self._plain(line) for line in screen.lines)
        return "\n".join(("", _SEPARATOR, text, "", *self._buttons(screen)))

    def _buttons(self, screen: Screen) -> Iterator[str]:
        """Yield each row of buttons with its keys. Buttons that lead out of the check-in have none."""
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
                labels.append(f"[{key}] {self._plain(button.label)}" if key else f"[ ] {self._plain(button.label)}")
            yield "   ".join(labels)

    def _plain(self, text: Text) -> str:
        values = {k: self._plain(v) if isinstance(v, Text) else v for k, v in text.values.items()}
        lines = [unescape(_TAG.sub("", self._texts.get(text.language or self._language, text.key, values)))]
        lines += [BULLET + self._plain(bullet) for bullet in text.bullets]
        return "\n".join(lines if text.fold is None else [*lines, f"  {self._plain(text.fold)}"])
