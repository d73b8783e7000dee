"""Each store offers the whole port, by the same names."""

import inspect

import pytest

from bot.app.store import Store
from bot.db.store import SqlStore
from tests.fakes.memory_store import MemoryStore

PORT = {name: fn for name, fn in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize("kind", [SqlStore, MemoryStore])
def test_the_port_is_offered_by_the_same_names(kind):
    for name, wanted in PORT.items():
        offered = inspect.signature(getattr(kind, name)).parameters.values()
        assert [(p.name, p.kind, p.default) for p in offered] == [
            (p.name, p.kind, p.default) for p in inspect.signature(wanted).parameters.values()
        ]
