"""Tests of examples that are drawn: some of them, the same ones each time, and many others in the slow suite."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

Test = Callable[..., None]
_MANY = 20
"""How many times as many are drawn in the slow suite."""


def drawn(*positional: Any, some: int, **named: Any) -> Callable[[Test], Test]:
    """As `given`, with `some` examples in the quick suite."""

    def decorate(holds: Test) -> Test:
        draw: Callable[[Test], Test] = given(*positional, **named)
        fixed = settings(max_examples=some, derandomize=True)(draw(holds))
        others = settings(max_examples=some * _MANY)(draw(holds))

        @pytest.mark.parametrize(
            "look_at", [pytest.param(fixed, id="some"), pytest.param(others, id="many", marks=pytest.mark.slow)]
        )
        def test(look_at: Callable[[], None]) -> None:
            look_at()

        test.__name__, test.__qualname__, test.__doc__ = holds.__name__, holds.__qualname__, holds.__doc__
        return test

    return decorate
