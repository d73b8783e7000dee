"""Owns the records: what is stored, as frozen values. Never reads or writes them."""
