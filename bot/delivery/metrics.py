"""What delivery counts, for Prometheus. Labels are lanes, kinds and error classes, never a chat or a text."""

from prometheus_client import Counter, Histogram

SENT = Counter("nervecheck_sent_total", "Messages that Telegram took, edits included.", ["lane"])
SEND_SECONDS = Histogram(
    "nervecheck_send_seconds",
    "From a message's making to Telegram's answer, in the clock's seconds.",
    ["lane"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1800),
)
RETRIES = Counter("nervecheck_send_retries_total", "Attempts that failed and are made again.", ["lane", "error"])
FAILURES = Counter(
    "nervecheck_send_failures_total", "Messages given up: the chat is gone, or Telegram refuses what we made.", ["kind"]
)
FALLBACKS = Counter("nervecheck_send_fallbacks_total", "Red-flag messages sent as plain text after a refusal.")
SENDER_ERRORS = Counter(
    "nervecheck_sender_errors_total", "Claims and marks that failed or came late: the database's.", ["step"]
)
