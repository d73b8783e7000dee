"""Owns check-ins: opened, answered, reminded of, closed. Never assesses an answer: `bot.core` does."""
