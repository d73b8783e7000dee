"""Telegram out: what the outbox holds goes out in lanes, within Telegram's limits."""
