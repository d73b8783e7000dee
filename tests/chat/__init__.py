"""Tests of bot.chat on stand-ins."""
