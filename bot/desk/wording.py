"""Words ids of the protocol (questions, choices, rules) in one language, as the pages show them. Decides nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.app.alerts.queue import AlertLine, WorsenedAnswer
from bot.app.concerns.references import NOTHING
from bot.app.concerns.symptom_levels import THERE, WORSE
from bot.app.records.alerts import AgreedLevel
from bot.core.protocol import SKIP, Condition, Protocol, Rule

_DETAILS: Mapping[str, str] = {
    "ici_start": "console.plan.ici_start",
    "ici_stop": "console.plan.ici_stop",
    "stop_reason": "console.plan.stop_reason",
    "reason": "console.reason",
    "regimen": "console.plan.regimen",
    "plan": "console.plan",
    "send_time": "console.plan.send_time",
    "plan_override": "console.plan.when",
    "pauses": "console.plan.pause",
    "days": "console.agreed_levels.days",
    "until": "console.plan.to_day",
}
"""Names of details of the audit that the timeline shows, with the keys of their texts."""


@dataclass(frozen=True)
class Wording:
    """The texts of one language for one protocol. An id that either does not know is shown as it is."""

    say: Callable[[str, Mapping[str, str | int]], str]
    protocol: Protocol

    def question(self, question_id: str) -> str:
        """Return a question's short name, such as "Numbness or pain"."""
        question = self.protocol.questions.get(question_id)
        follows = question.follows if question is not None else None
        return self._named(f"short.{question_id}" if follows is None else f"symptom.{follows}", question_id)

    def choice(self, question_id: str, choice_id: str) -> str:
        """Return the text of a choice."""
        if choice_id == SKIP:
            return self.say("answers.skipped", {})
        question = self.protocol.questions.get(question_id)
        found = question.choice(choice_id) if question is not None else None
        key = found.text if found is not None and found.text is not None else f"choice.{question_id}.{choice_id}"
        return self._named(key, choice_id)

    def answer(self, question_id: str, choices: Sequence[str]) -> str:
        """Return an answer in one line, such as "Numbness or pain: Mild"."""
        given = "; ".join(self.choice(question_id, choice) for choice in choices)
        return self.say("answers.line", {"question": self.question(question_id), "answer": given})

    def plan(self, name: str) -> str:
        """Return the name of a plan."""
        return self._named(f"console.plan.name.{name}", name)

    def rule(self, rule_id: str) -> str:
        """Return what a rule found: the answers that it asks for, or how they compare with earlier ones."""
        found = next((rule for rule in self.protocol.rules if rule.id == rule_id), None)
        return self._found(found) if found is not None else self._named(f"console.rule.{rule_id}", rule_id)

    def agreed_level(self, row: AgreedLevel) -> str:
        """Return an agreed level, such as "Numbness or pain ≤ Medium"; for a sign, the sign."""
        return self.symptom(row.question) if row.level == THERE else self.level(row.question, row.level)

    def level(self, question_id: str, choice_id: str) -> str:
        """Return a level that may be agreed."""
        return f"{self.question(question_id)} ≤ {self.choice(question_id, choice_id)}"

    def symptom(self, symptom_id: str) -> str:
        """Return a symptom in the patient's words."""
        return self._named(f"symptom.{symptom_id}", symptom_id)

    def symptom_level(self, symptom_id: str, word: str) -> str:
        """Return a level of a symptom: the answer to its question, or that a sign is there; "–" if it is none."""
        if not word:
            return "–"
        if word in {THERE, WORSE, NOTHING}:
            return self.say(f"console.levels.{word}", {})
        symptom = self.protocol.symptoms.get(symptom_id)
        return self.choice(symptom.question, word) if symptom is not None and symptom.question is not None else word

    def detail(self, fact: str) -> str:
        """Return a detail of the audit, "name: value", in the words of the catalog where it has them."""
        name, _, value = fact.partition(": ")
        if name == "regimen":
            value = self._named(f"console.regimen.{value}", value)
        elif name == "plan":
            value = self.plan(value)
        elif name == "stop_reason":
            value = self._named(f"console.stop_reason.{value}", value)
        elif name == "reason":
            value = self._named(f"staff.reason.{value}", value)
        return f"{self._named(_DETAILS[name], name) if name in _DETAILS else name}: {value}"

    def open(self, line: AlertLine) -> list[str]:
        """Return what of an alert nobody is known to have spoken about and no change names."""
        return [self.symptom(symptom) for symptom in line.not_in_changes]

    def changes(self, line: AlertLine) -> list[str]:
        """Return which answers of an alert became worse."""
        return [self._changed(change) for change in line.changes]

    def circumstances(self, line: AlertLine) -> list[str]:
        """Return what else staff need to know of an alert: week, first report, declared urgency, agreed levels."""
        return list(self._circumstances(line))

    def _circumstances(self, line: AlertLine) -> Iterator[str]:
        yield self.say("console.why.week", {"n": line.week})
        if line.first:
            yield self.say("console.why.first", {})
        if line.declared is not None:
            yield self.say(f"console.why.{line.declared}", {})
        if line.mistake:
            yield self.say("console.why.mistake", {})
        if line.is_agreed:
            yield self.say("console.why.agreed", {})
        for row in line.levels:
            yield self.say("console.why.level", {"what": self.agreed_level(row)})

    def _changed(self, change: WorsenedAnswer) -> str:
        before, after = (self.choice(change.question, choice) for choice in (change.before, change.after))
        worse = f"{self.question(change.question)}: {before} → {after}"
        return worse if change.days is None else f"{worse} {self.say('console.why.in_days', {'n': change.days})}"

    def _found(self, rule: Rule) -> str:
        if rule.worse is not None:
            return self.say(f"console.rule.worse.{rule.worse.than}", {"question": self.question(rule.worse.question)})
        if rule.composite is not None:
            pair = {
                "severity": self.question(rule.composite.severity),
                "interference": self.question(rule.composite.interference),
            }
            return self.say("console.rule.composite", pair)
        if rule.count is not None:
            counted: dict[str, str | int] = {
                "question": self.question(rule.count.question),
                "least": rule.count.at_least,
            }
            return self.say("console.rule.count", counted)
        if rule.groups is not None:
            return self.say("console.rule.groups", {"least": rule.groups.at_least})
        return self._condition(rule.if_ or {})

    def _condition(self, condition: Condition) -> str:
        return "; ".join(
            f"{self.question(question)}: {' / '.join(self.choice(question, choice) for choice in choices)}"
            for question, choices in condition.items()
        )

    def _named(self, key: str, otherwise: str) -> str:
        found = self.say(key, {})
        return found if found != key else otherwise
