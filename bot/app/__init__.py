"""Use cases: plain functions on one open transaction; they never import Telegram, the engine or the web."""
