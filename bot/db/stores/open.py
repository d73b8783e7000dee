"""The stores of one open transaction on SQLite or PostgreSQL. Begins and commits no transaction (engine.py does)."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from bot.app.ports.errors import TRIES, StaleRecordError
from bot.app.work import Stores
from bot.db.crypto import Keyring
from bot.db.faults import is_down
from bot.db.stores.alerts import SqlAgreedLevels, SqlAlerts, SqlTasks
from bot.db.stores.checkins import SqlAnswers, SqlAssessments, SqlCheckIns, SqlProtocols, SqlTips
from bot.db.stores.concerns import SqlConcerns
from bot.db.stores.dead_letters import SqlDeadLetters
from bot.db.stores.levels import SqlCloseWatches, SqlLevels
from bot.db.stores.limits import SqlLimits
from bot.db.stores.operations import SqlAudit, SqlClock, SqlLeases, SqlReports, SqlSettings, SqlUpdates
from bot.db.stores.outbox import SqlOutbox
from bot.db.stores.patients import SqlCaregivers, SqlConsents, SqlInvites, SqlPatients
from bot.db.stores.team import SqlPasskeys, SqlRota, SqlSessions, SqlStaff
from bot.db.stores.treatment import SqlTreatments


def stores_on(connection: Connection, keyring: Keyring, *, keeps_time: bool = False) -> Stores:
    """Return the stores of an open transaction; the library compiles each statement once per process."""
    return Stores(
        attempt=partial(_attempt, connection),
        patients=SqlPatients(connection, keyring),
        treatments=SqlTreatments(connection, keyring),
        invites=SqlInvites(connection, keyring),
        consents=SqlConsents(connection, keyring),
        caregivers=SqlCaregivers(connection, keyring),
        checkins=SqlCheckIns(connection, keyring),
        answers=SqlAnswers(connection, keyring),
        assessments=SqlAssessments(connection, keyring),
        protocols=SqlProtocols(connection, keyring),
        alerts=SqlAlerts(connection, keyring),
        concerns=SqlConcerns(connection, keyring),
        tasks=SqlTasks(connection, keyring),
        tips=SqlTips(connection, keyring),
        outbox=SqlOutbox(connection, keyring),
        dead_letters=SqlDeadLetters(connection, keyring),
        limits=SqlLimits(connection, keyring),
        staff=SqlStaff(connection, keyring),
        rota=SqlRota(connection, keyring),
        agreed_levels=SqlAgreedLevels(connection, keyring),
        levels=SqlLevels(connection, keyring),
        close_watches=SqlCloseWatches(connection, keyring),
        sessions=SqlSessions(connection, keyring),
        passkeys=SqlPasskeys(connection, keyring),
        reports=SqlReports(connection, keyring),
        updates=SqlUpdates(connection, keyring),
        settings=SqlSettings(connection, keyring),
        audit=SqlAudit(connection, keyring),
        leases=SqlLeases(connection, keyring),
        clock=SqlClock(connection, keyring, keeps_time=keeps_time),
    )


def _attempt(connection: Connection, fn: Callable[[], None]) -> Exception | None:
    for _ in range(TRIES - 1):
        error = _attempt_once(connection, fn)
        if not isinstance(error, StaleRecordError):
            return error
    return _attempt_once(connection, fn)


def _attempt_once(connection: Connection, fn: Callable[[], None]) -> Exception | None:
    try:
        with connection.begin_nested():
            fn()
    except Exception as error:
        if is_down(error):
            # The database may have rolled back the whole transaction, as SQLite does when the disk is full: further
            # statements would run outside of a transaction.
            raise
        return error
    return None
