"""What holds for all tests: no example is judged against the clock, because machines are shared."""

from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
