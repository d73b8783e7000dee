"""A sender in few words, for the tests of the outbox."""

from bot.app.records.messages import Lane
from tests.contract.samples import AT, MINUTE, message
from tests.fakes.outbox import message_counts

LANES = tuple(Lane)


def put(database, *args, **kwargs):
    return database.run(lambda s: s.outbox.enqueue(message(*args, **kwargs)))


def claimed(database, at=AT, *, lanes=LANES, limit=10, owner="me", until=None, but_for=()):
    until = until or at + MINUTE
    return database.run(
        lambda s: s.outbox.claim(at, lanes=lanes, limit=limit, owner=owner, lease_until=until, but_for=but_for)
    )


def ids(claims):
    return [claim.row.id for claim in claims]


def sent(database, number, message_id=None, at=AT):
    database.run(lambda s: s.outbox.mark_sent(number, owner="me", message_id=message_id, at=at))


def drain(database, at=AT):
    """Send all there is, in order; return (id, mode, revision, message edited) of each."""
    done = []
    while claims := claimed(database, at):
        for claim in claims:
            done.append((claim.row.id, claim.row.mode, claim.row.revision, claim.message_id))
            sent(database, claim.row.id, 100 + claim.row.id, at)
    return done


def states(database):
    counts = {}
    for (_, state), n in database.run(message_counts).items():
        counts[state] = counts.get(state, 0) + n
    return counts
