"""The store offers the whole port, by the same names."""

import inspect

from bot.app.work import Stores
from bot.db.stores.open import stores_on

PORT = {name: fn for name, fn in inspect.getmembers(Stores, inspect.isfunction) if not name.startswith("_")}


def test_the_port_is_offered_by_the_same_names():
    for name, wanted in PORT.items():
        offered = inspect.signature(getattr(stores_on, name)).parameters.values()
        assert [(p.name, p.kind, p.default) for p in offered] == [
            (p.name, p.kind, p.default) for p in inspect.signature(wanted).parameters.values()
        ]
