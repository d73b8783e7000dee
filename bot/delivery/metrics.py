"""Delivery's Prometheus metrics. Labels are lanes, kinds and error classes, never a chat or a text."""

from datetime import datetime

from prometheus_client import Counter, Histogram

from bot.app.records.messages import Claim
from bot.delivery.outcomes import DeliveryOutcome, DeliveryResult

SENT = Counter("nervecheck_sent_total", "Messages that Telegram accepted, edits included.", ["lane"])
SEND_SECONDS = Histogram(
    "nervecheck_send_seconds",
    "Time from queueing a message to Telegram's answer, in seconds of the service's clock.",
    ["lane"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1800),
)
RETRIES = Counter("nervecheck_send_retries_total", "Failed attempts that will be retried.", ["lane", "error"])
FAILURES = Counter(
    "nervecheck_send_failures_total",
    "Messages that will not be retried: the chat is unreachable (gone), or Telegram rejected the content (refused).",
    ["kind"],
)
FAILURE_KINDS = {DeliveryOutcome.CHAT_UNREACHABLE: "gone", DeliveryOutcome.REJECTED: "refused"}
"""The `kind` label of outcomes that are not retried. Dashboards read these values, so they keep their older names."""
FALLBACKS = Counter(
    "nervecheck_send_fallbacks_total", "Red-flag messages and pictures sent as plain text after a rejection."
)
SENDER_ERRORS = Counter(
    "nervecheck_sender_errors_total", "Claims and results that the database stored late or not at all.", ["step"]
)


def count_result(claim: Claim, result: DeliveryResult, at: datetime) -> None:
    """Count the result of an attempt that ended at `at`."""
    lane = claim.row.lane.name.lower()
    if result.outcome is DeliveryOutcome.SENT:
        SENT.labels(lane).inc()
        SEND_SECONDS.labels(lane).observe(max(0.0, (at - claim.row.created_at).total_seconds()))
    elif (kind := FAILURE_KINDS.get(result.outcome)) is not None:
        FAILURES.labels(kind).inc()
    else:
        RETRIES.labels(lane, result.error.split(":")[0]).inc()


COMPANION_ERRORS = Counter(
    "nervecheck_companion_errors_total",
    "What did not go with a message: a card or number ahead of it, the deletion of its former copy or of its buttons.",
    ["what"],
)
