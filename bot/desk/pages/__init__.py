"""The pages, by subject; routes.py lists them all."""
