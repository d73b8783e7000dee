"""Owns what keeps the service running: sweeps, outages, dead letters, tasks, reports. Never reads a clock."""
