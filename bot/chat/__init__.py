"""Telegram in: updates become use cases; nothing here decides anything clinical."""
