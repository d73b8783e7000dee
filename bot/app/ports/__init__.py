"""Owns the ports: what the use cases need from outside, as Protocols. Never implements one."""
