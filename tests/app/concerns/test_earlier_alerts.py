"""Alerts that were raised before concerns were remembered, by rules that the protocol no longer has."""

from datetime import timedelta

import pytest

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.concerns.conversion import Sources, converted, named_by
from bot.app.concerns.memory import recall, rules_of
from bot.core.concern_values import ConcernState
from bot.core.protocol import Tier
from tests.app.concerns.test_cases import life
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import work_on

__all__ = ["life"]

RULES = {
    "skipped.autonomic": "unanswered",
    "sensory.half_answered": "sensory",
    "unheard_of.with_a_name_longer_than_any": "sign_not_named",
}


@pytest.mark.parametrize("rule", RULES)
def test_alert_of_a_rule_that_is_gone_is_remembered_as_an_open_concern(database, clinic, anna, rule):
    def work(stores):
        at = work_on(stores, clinic, AT)
        alert = raising.raise_alert(at, anna, Found(Tier.SOON, (rule,)))
        return named_by(at, alert), recall(at, anna).value.open

    named, found = database.run(work)
    assert named == (RULES[rule],)
    assert [(c.symptom, c.state, c.tier) for c in found] == [(RULES[rule], ConcernState.OPEN, Tier.SOON)]


@pytest.mark.parametrize(
    ("tier", "outcome", "days", "state"),
    [
        (Tier.EMERGENCY, "spoke_to_patient", 1, "reached"),
        (Tier.EMERGENCY, "sent_to_ed", 27, "reached"),
        (Tier.EMERGENCY, "sent_to_ed", 29, "none"),
        (Tier.EMERGENCY, "not_reached", 1, "open"),
        (Tier.URGENT, "notified_oncologist", 1, "open"),
        (Tier.URGENT, "drug_held", 1, "open"),
        (Tier.URGENT, "no_action", 1, "open"),
        (Tier.SOON, "no_action", 1, "reached"),
    ],
)
def test_closed_alert_of_before_is_known_only_after_contact(database, clinic, anna, tier, outcome, days, state):
    def work(stores):
        then = work_on(stores, clinic, AT - timedelta(days=days))
        alert = raising.raise_alert(then, anna, Found(tier, ("now.heart",)))
        closed = {"outcome": outcome, "closed_at": then.at, "closed_by": "lead-1", "symptoms": ()}
        stores.alerts.save(alert.model_copy(update=closed))
        return recall(work_on(stores, clinic, AT), anna).value.concern("heart").state

    assert database.run(work).value == state


def test_agreed_level_of_before_is_accepted_until_its_end(database, clinic, anna):
    def work(stores):
        agreed = samples.agreed_level(anna.id, question="numbness", level="medium", until=AT + timedelta(days=3))
        stores.agreed_levels.add(agreed.model_copy(update={"made_at": AT - timedelta(days=1)}))
        return recall(work_on(stores, clinic, AT), anna).value.usual("numbness")

    accepted = database.run(work)
    assert (accepted.agreed, accepted.agreed_until) == ((Tier.SOON, 2), AT + timedelta(days=3))


def test_baseline_of_before_keeps_what_the_team_knows(life):
    life.check(0, "baseline", numbness="medium", known_before="yes_known", stairs="some", known_stairs="no")

    def work(w):
        sources = Sources(w.answers, w.checkins, w.alerts, w.agreed_levels, w.clinic.protocol, w.clinic.timezone)
        return converted(sources, life.anna, rules_of(w.clinic), w.at)

    kept = life.run(work, at=life.at(1))
    assert (kept.usual("numbness").reference, kept.usual("stairs").reference) == ((Tier.SOON, 2), (0, 0))
    assert kept.has_baseline
