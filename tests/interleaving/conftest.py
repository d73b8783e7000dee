"""One lab for the folder: the start state is written once."""

from collections.abc import Iterator

import pytest

from tests.interleaving.lab import Lab, open_lab


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened
