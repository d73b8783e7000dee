"""The replay reports stored assessments that differ from a new one: tier, rules, answers, protocol, basis."""

from datetime import timedelta

import pytest

from bot.app.concerns import replay
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import Life, life

__all__ = ["Life", "life"]


@pytest.fixture
def rows(database, anna, choose):
    """The assessments of a check-in that ended with SOON."""
    for choice in ("yes", "none", "none"):
        choose(choice)
    choose("+none", kind="toggle")
    choose("none")
    return database.run(lambda stores: list(stores.assessments.of_patient(anna.id)))


@pytest.fixture
def replayed(database, clinic, anna, rows, monkeypatch):
    """Replay with the stored assessment altered, by the protocol given."""

    def done(protocol=clinic.protocol, **altered):
        changed = [rows[0].model_copy(update=altered)]

        def work(stores):
            monkeypatch.setattr(stores.assessments, "of_patient", lambda *_, **__: changed)
            return replay.replay(stores, anna.code, lambda _store, _hash: protocol)

        return database.run(work)

    return done


def test_what_was_stored_comes_out_again(rows, replayed):
    (found,) = replayed()
    assert (len(rows), found.result, found.stored_tier, found.derived_tier) == (1, "same", "SOON", "SOON")
    assert found.stored_rules == found.derived_rules


def test_another_tier_is_reported(replayed):
    (found,) = replayed(tier=Tier.ROUTINE)
    assert (found.result, found.stored_tier, found.derived_tier) == ("differs", "ROUTINE", "SOON")


def test_other_rules_are_reported(replayed):
    (found,) = replayed(rules=("change.no",))
    assert (found.result, found.stored_rules) == ("differs", ("change.no",))
    assert "change.worse" in found.derived_rules


def test_completeness_counts(replayed):
    assert replayed(complete=False)[0].result == "differs"


def test_an_answer_that_is_not_stored_is_named(rows, replayed):
    basis = rows[0].basis
    (found,) = replayed(basis=basis.model_copy(update={"answers": {**basis.answers, "numbness": ("mild",)}}))
    assert (found.result, found.missing) == ("differs", ("numbness",))


def test_without_basis_or_protocol_nothing_is_claimed(replayed):
    assert replayed(basis=None)[0].result == "no_basis"
    assert replayed(None)[0].result == "no_protocol"


def test_another_protocol_is_seen(clinic, replayed):
    calm = clinic.protocol.model_copy(update={"rules": ()})
    (found,) = replayed(calm)
    assert (found.result, found.derived_tier) == ("differs", "ROUTINE")


def test_the_oldest_comes_first(database, clinic, anna, rows):
    more = [rows[0].model_copy(update={"at": rows[0].at + timedelta(days=n)}) for n in (1, 2)]
    database.run(lambda s: [s.assessments.add(row) for row in more])
    found = database.run(lambda s: replay.replay(s, anna.code, lambda _store, _hash: clinic.protocol))
    assert [one.at for one in found] == [rows[0].at, *(row.at for row in more)]


def test_basis_keeps_what_the_form_was_about(life):
    life.check(0, numbness="strong")
    life.check(1, "again", numbness="strong")
    newest, *_ = life.run(lambda s: s.assessments.of_patient(life.anna.id))
    assert (newest.basis.form, newest.basis.finished, newest.basis.about) == ("again", True, ("numbness",))
