"""Telegram out: delivers the outbox in lanes, within Telegram's rate limits."""
