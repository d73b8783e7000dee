"""Transactions a second on a SQLite file, four statements each: `python -m tests.db.bench_transactions [callers]`."""

import asyncio
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import uvloop

from bot.app.records.operations import Audit
from tests.contract.samples import AT, answer, checkin, patient
from tests.fakes.databases import sqlite_database

ROUNDS = 50


async def measure(path, callers):
    """Print what `callers` at once get done: each reads a patient, supersedes and adds an answer, writes a line."""
    database = sqlite_database(path)
    people = [database.run(lambda s, n=n: s.patients.add(patient(f"P{n}", chat_id=n + 1))) for n in range(callers)]
    rows = [database.run(lambda s, p=person: s.checkins.add(checkin(p.id))) for person in people]

    def tap(person, row):
        def fn(stores):
            stores.patients.get(person.id, lock=True)
            stores.answers.record(answer(row.id, person.id, "change", "yes"))
            stores.audit.add(Audit(at=AT, actor="bench", action="tap", subject=person.code))

        return fn

    async def caller(fn):
        for _ in range(ROUNDS):
            await database.transact(fn)

    wall, cpu = perf_counter(), process_time()
    await asyncio.gather(*(caller(tap(person, row)) for person, row in zip(people, rows, strict=True)))
    wall, cpu, done = perf_counter() - wall, process_time() - cpu, ROUNDS * callers
    print(f"{callers} callers: {done / wall:,.0f} transactions/s, {cpu / done * 1000:.2f} ms of CPU each")  # noqa: T201
    await database.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(Path(folder) / "bench.db", int(sys.argv[1]) if len(sys.argv) > 1 else 64))
