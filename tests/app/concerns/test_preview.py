"""What an upgrade to remembered concerns would do is counted, and nothing is stored."""

import pytest
from sqlalchemy import delete, func, select

from bot.app.concerns.preview import preview
from bot.core.protocol import Tier
from bot.db.tables_concerns import concern_change, memory
from tests.app.checkins.test_half_answers import life

__all__ = ["life"]


def forget(life):
    """As before concerns were remembered."""
    for table in (concern_change, memory):
        life.run(lambda s, t=table: s.concerns._connection.execute(delete(t)))


def previewed(life, day):
    return life.run(lambda w: preview(w, w.patients.page()), at=life.at(day))


def stored(life):
    return life.run(lambda s: s.concerns._connection.execute(select(func.count()).select_from(memory)).scalar())


@pytest.mark.parametrize(
    ("closed", "alerts"),
    [(None, {}), ({"outcome": "spoke_to_patient"}, {Tier.URGENT: 1}), ({"outcome": "not_reached"}, {Tier.URGENT: 1})],
    ids=["open", "closed long ago", "closed long ago without contact"],
)
def test_preview_counts_what_the_same_answers_would_open(life, closed, alerts):
    life.check(0, numbness="strong")
    (alert,) = life.alerts()
    if closed is not None:
        changes = {**closed, "closed_at": life.at(1), "closed_by": "lead-1"}
        life.run(lambda s: s.alerts.save(s.alerts.get(alert.id).model_copy(update=changes)))
    forget(life)
    found = previewed(life, 40)
    assert (found.patients, dict(found.alerts), stored(life)) == (1, alerts, 0)


def test_preview_of_an_alert_closed_lately_after_contact_opens_none(life):
    life.check(0, numbness="strong")
    life.staff(life.alerts()[0], "spoke_to_patient", 0, 1)
    forget(life)
    assert previewed(life, 1) == (1, {})


def test_preview_leaves_out_who_was_converted_or_never_answered(life):
    assert previewed(life, 0) == (1, {})
    life.check(0, numbness="strong")
    assert previewed(life, 40) == (0, {})
