"""Owns patients' plans and their changes. Never opens a check-in or sends a reminder."""
