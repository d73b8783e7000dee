"""Tests of bot.chat with fakes."""
