"""Records: what is stored, as frozen values."""
