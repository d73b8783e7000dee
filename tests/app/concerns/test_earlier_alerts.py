"""Alerts that were raised before concerns were remembered, by rules that the protocol no longer has."""

import pytest

from bot.app.alerts import raising
from bot.app.concerns.memory import named_by, recall
from bot.core.concern import ConcernState
from bot.core.protocol import Tier
from tests.app.conftest import AT
from tests.fakes.work import work_on

RULES = {
    "skipped.autonomic": "unanswered",
    "sensory.half_answered": "sensory",
    "unheard_of.with_a_name_longer_than_any": "sign_not_named",
}


@pytest.mark.parametrize("rule", RULES)
def test_alert_of_a_rule_that_is_gone_is_remembered_as_an_open_concern(database, clinic, anna, rule):
    def work(stores):
        at = work_on(stores, clinic, AT)
        alert = raising.raise_alert(at, anna, tier=Tier.SOON, rules=(rule,), checkin_id=None)
        return named_by(at, alert), recall(at, anna).value.open

    named, found = database.run(work)
    assert named == (RULES[rule],)
    assert [(c.symptom, c.state, c.tier) for c in found] == [(RULES[rule], ConcernState.OPEN, Tier.SOON)]
