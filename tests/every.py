"""One test for thousands of small cases: it runs through all of them and lists every one that fails."""

from collections.abc import Callable, Iterable
from typing import Any


def for_every(cases: Iterable[tuple[Any, ...]]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make a test of a check that takes one case. A test for each would take longer to begin than the check itself."""

    def made(check: Callable[..., None]) -> Callable[[], None]:
        def test() -> None:
            failures = []
            for case in cases:
                try:
                    check(*case)
                except AssertionError as error:
                    failures.append(f"{', '.join(str(part)[:60] for part in case)}: {error}")
            assert not failures, f"{len(failures)} fail:\n" + "\n".join(failures)

        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return test

    return made
