"""The local day of what was found before concerns were remembered."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.app.alerts import raising
from bot.app.alerts.naming import Found
from bot.app.concerns.conversion import converted, sources_of
from bot.app.concerns.memory import rules_of
from bot.core.protocol import Tier
from tests.fakes.work import work_on

EVENING = datetime(2026, 3, 2, 20, tzinfo=UTC)
"""In Tokyo it is the 3rd."""


@pytest.mark.parametrize(
    ("of_patient", "of_clinic", "day"),
    [
        ("Asia/Tokyo", "Europe/Berlin", date(2026, 3, 3)),
        ("Europe/Berlin", "Asia/Tokyo", date(2026, 3, 2)),
        (None, "Asia/Tokyo", date(2026, 3, 3)),
        (None, "Europe/Berlin", date(2026, 3, 2)),
    ],
)
def test_finding_of_an_earlier_alert_is_of_the_patients_day(database, clinic, anna, of_patient, of_clinic, day):
    patient = anna.model_copy(update={"timezone": of_patient})

    def work(stores):
        then = work_on(stores, replace(clinic, timezone=of_clinic), EVENING)
        raising.raise_alert(then, anna, Found(Tier.EMERGENCY, ("now.heart",)))
        return converted(sources_of(then), patient, rules_of(then.clinic), EVENING + timedelta(days=1))

    assert database.run(work).concern("heart").above_on == day
