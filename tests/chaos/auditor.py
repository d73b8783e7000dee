"""Compares what robots tapped and saw with the database once everything is idle. Changes nothing.

Each finding is one line that names what was lost; a run prints a table of counts. The evidence starts from the taps and
from what Telegram executed, never from what the bot reports: model.py replays every check-in from its taps, and the
sibling auditors compare.
"""

from typing import Any

from bot.app.ports.clinic import Clinic
from tests.chaos import audit_alerts, audit_answers, audit_checkins, audit_flags, audit_messages, stored
from tests.chaos.around import around
from tests.chaos.evidence import Evidence, Findings, left, most_within, pid_of, row_of, worked
from tests.chaos.model import Led, led_to

KINDS = (
    "answers lost",
    "taps in vain",
    "chats that show another screen",
    "red flags without alert",
    "red flags without call screen",
    "alerts without safety follow-up",
    "replies to calls lost",
    "alerts the team was not told of",
    "check-ins missed",
    "check-ins doubled",
    "messages never sent",
    "messages doubled",
    "doubled, in flight at a kill",
    "doubled, answer lost on the way",
    "order broken",
    "limits broken",
)


def audit(stores: Any, clinic: Clinic, seen: Evidence) -> Findings:
    """Return everything that was lost, duplicated or reordered."""
    findings = Findings()
    for kind in KINDS:
        findings.found[kind] = []
    kept = stored.read(stores, clinic, seen)
    led = _led(kept, seen)
    checkins = audit_checkins.missed(kept, seen)
    for kind, lines in (
        ("answers lost", [*audit_answers.updates_lost(kept, seen), *audit_answers.answers_lost(led)]),
        ("taps in vain", audit_answers.taps_without_effect(kept, seen)),
        ("chats that show another screen", audit_answers.shown_otherwise(kept, seen)),
        ("red flags without alert", audit_flags.silent_flags(kept, seen, led)),
        ("red flags without call screen", audit_flags.call_screens(kept, seen)),
        ("alerts without safety follow-up", audit_alerts.without_follow_up(kept, seen)),
        ("replies to calls lost", audit_alerts.not_as_said(kept, seen)),
        ("alerts the team was not told of", audit_alerts.team_not_notified(kept, seen)),
        ("check-ins missed", checkins.lines),
        ("check-ins doubled", audit_checkins.twice(kept)),
        ("messages never sent", audit_messages.never_sent(kept, seen.until)),
        ("messages doubled", audit_messages.shown_twice(kept, seen)),
        ("order broken", audit_messages.backwards(seen)),
        ("limits broken", audit_messages.too_many(seen)),
    ):
        findings.found[kind] += lines
    for kind, line in audit_messages.duplicated(seen, kept.sent):
        findings.found[kind].append(line)
    findings.around = around(kept, findings.losses)
    findings.counts = _counts(kept, seen, led) | {"due times compared with the plan": checkins.due_times}
    return findings


def _led(kept: stored.Stored, seen: Evidence) -> dict[int, tuple[Led, str | None]]:
    """Return every check-in of the run, replayed from its taps."""
    rows = (row for mine in kept.checkins.values() for row in mine if row.id > seen.already)
    set_back = seen.set_back()
    return {row.id: led_to(kept, row, in_turn=seen.in_turn, set_back=set_back) for row in rows}


def _counts(kept: stored.Stored, seen: Evidence, led: dict[int, tuple[Led, str | None]]) -> dict[str, int]:
    return {
        "updates": seen.next_update - seen.first_update,
        "taps": len(seen.taps),
        "kills": len(seen.kills),
        "calls": len(seen.calls),
        "processes that sent": len({pid_of(call) for call in seen.calls if row_of(call) is not None}),
        "processes that answered taps": len({pid_of(c) for c in seen.calls if c.method == "answerCallbackQuery"}),
        "messages and edits": sum(1 for call in seen.calls if worked(call)),
        "check-ins": sum(map(len, kept.checkins.values())),
        "taps led through the form again": sum(one.tapped for one, _ in led.values()),
        "answers compared": sum(len(one.given) for one, _ in led.values()),
        **audit_flags.reassessed_counts(kept, led),
        "alerts": len(kept.alerts),
        "red flags": sum(1 for alert in kept.alerts if alert.tier in audit_flags.RED),
        "safety follow-ups": sum(alert.safety_follow_ups for alert in kept.alerts),
        "most let go in any second": most_within(seen.calls, 1, left),
        "most let go in any 5 seconds": most_within(seen.calls, 5, left),
        "most that came in any second": most_within(seen.calls, 1),
        "most that came in any 5 seconds": most_within(seen.calls, 5),
    }


def table(findings: Findings, title: str) -> str:
    """Return the table of a run."""
    width = max(len(kind) for kind in (*findings.found, *findings.counts))
    lines = [title]
    lines += [f"  {name:<{width}}  {count:>7}" for name, count in findings.counts.items()]
    lines += [f"  {kind:<{width}}  {len(found):>7}" for kind, found in findings.found.items()]
    return "\n".join([*lines, *findings.around])


__all__ = ["Evidence", "Findings", "audit", "left", "most_within", "table"]
