"""Endpoints for operators: health checks, metrics, and the heartbeat to an external monitor."""
