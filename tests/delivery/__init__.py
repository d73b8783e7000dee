"""Tests of Telegram out."""
