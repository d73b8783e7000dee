"""Owns who takes part: patients, invites, caregivers, lists, views. Never stores a name: patients have codes."""
