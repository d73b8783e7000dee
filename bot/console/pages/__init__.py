"""The pages, by what they are about; routes.py lists them all."""
