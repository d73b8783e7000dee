"""Makes the files that a person asked for, at the time of sending: no transaction waits for one, and none is stored."""

import asyncio
from datetime import datetime
from functools import partial

from bot.app.ports.clinic import Clinic
from bot.app.records.messages import Outbox
from bot.app.work import Stores, Transactor
from bot.core.own_data import MakeFile, OwnData
from bot.core.screen import DocumentKind
from bot.dialog.own_data import collect
from bot.dialog.rendered import File
from bot.dialog.work import work_on


class OwnFiles:
    """Reads a patient's data and makes their file, both in threads: other messages are sent meanwhile."""

    def __init__(self, database: Transactor, clinic: Clinic, make: MakeFile) -> None:
        self._database = database
        self._clinic = clinic
        self._make = make

    async def file(self, row: Outbox, kind: DocumentKind, at: datetime) -> File:
        """Return the file of a message. Raise RefusedError if the chat is no patient's any more."""
        data = await self._database.read(partial(self._collect, row, at))
        return File(*await asyncio.to_thread(self._make, data, kind, row.language))

    def _collect(self, row: Outbox, at: datetime, stores: Stores) -> OwnData:
        return collect(work_on(stores, self._clinic, at, actor="system"), row)
