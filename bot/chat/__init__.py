"""Telegram in: turns updates into calls of use cases; makes no clinical decisions."""
