"""Benchmarks: `make bench` runs all; each also runs alone as a module."""
