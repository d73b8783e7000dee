"""Owns what assessments lead to: findings, daily follow-ups, agreed levels, replays. Never opens a check-in."""
