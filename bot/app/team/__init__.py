"""Owns the team: members, rota, daily digest. Never decides when an alert escalates: `bot.core.escalation` does."""
