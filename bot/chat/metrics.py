"""The chat's Prometheus metrics. Labels are kinds and error classes, never a chat, a patient or an answer."""

from prometheus_client import Counter

UPDATES = Counter("nervecheck_updates_total", "Updates whose transaction is committed.", ["kind"])
REPEATED_UPDATES = Counter("nervecheck_updates_repeated_total", "Updates received again after they were committed.")
DEAD_UPDATES = Counter("nervecheck_dead_updates_total", "Updates stored because they could not be parsed or handled.")
DROPPED_UPDATES = Counter("nervecheck_updates_dropped_total", "Updates not committed: Telegram sends them again.")
STALE_TAPS = Counter("nervecheck_stale_taps_total", "Taps that could not be decoded: old, foreign, forged.", ["error"])
POLL_ERRORS = Counter("nervecheck_poll_errors_total", "Calls of getUpdates that failed.", ["error"])
DATABASE_ERRORS = Counter("nervecheck_update_database_errors_total", "Updates not committed: the database failed.")
HANDLER_RETRIES = Counter("nervecheck_update_retries_total", "Times that a handler failed and was retried.")
APOLOGY_ERRORS = Counter("nervecheck_sorry_errors_total", "Apologies for dead updates that could not be queued.")
PICTURE_ERRORS = Counter("nervecheck_picture_errors_total", "Pictures that could not be drawn: sent as text alone.")
WEBHOOK_REFUSALS = Counter("nervecheck_webhook_refusals_total", "Webhook requests that were refused.", ["why"])
WEBHOOK_RESETS = Counter("nervecheck_webhook_resets_total", "Times that the webhook was not ours and was set again.")
CALL_ERRORS = Counter("nervecheck_chat_call_errors_total", "Best-effort calls to Telegram that failed.", ["call"])
