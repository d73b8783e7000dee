"""A database belongs to one installation: the clinic's or the sandbox's, under its own keys."""

import pytest

from bot.app.operations.installation import claim
from tests.fakes.databases import MemoryDatabase


@pytest.fixture
def database():
    return MemoryDatabase()


def claimed(database, *, sandbox=False, oldest="abc", keys=("k1",)):
    return database.run(lambda stores: claim(stores, sandbox=sandbox, oldest_key=oldest, key_ids=keys))


def test_the_first_start_claims_it_and_the_next_is_welcome(database):
    assert claimed(database) == []
    assert claimed(database) == []


def test_a_lost_token_does_not_run_the_sandbox_on_patients(database):
    claimed(database)
    (problem,) = claimed(database, sandbox=True)
    assert "NERVECHECK_TOKEN is not set" in problem


def test_clinic_refuses_a_database_of_demo_patients(database):
    claimed(database, sandbox=True)
    (problem,) = claimed(database)
    assert "sample patients" in problem


def test_a_new_key_goes_in_front_never_behind(database):
    claimed(database)
    assert claimed(database, keys=("k2", "k1")) == []
    (problem,) = claimed(database, oldest="other", keys=("k1", "k2"))
    assert "keep the oldest key last" in problem


def test_a_key_that_was_written_with_may_not_go(database):
    claimed(database, keys=("k2", "k1"))
    (problem,) = claimed(database, keys=("k1",))
    assert "'k2' is missing" in problem


def test_what_is_refused_changes_nothing(database):
    claimed(database)
    claimed(database, sandbox=True)
    assert claimed(database) == []
