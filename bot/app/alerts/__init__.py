"""Owns alerts, from the finding to the closed alert. Never chooses texts or buttons, and never sends anything."""
