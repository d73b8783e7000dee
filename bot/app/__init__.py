"""Owns the use cases: functions on one open transaction. Never imports Telegram, the database engine or the web."""
