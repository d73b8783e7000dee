"""Concerns are derived again from what happened: the same at the end and after each change, or the difference is named."""

from datetime import timedelta

import pytest

from bot.app.alerts import help_requests, hospital, ownership
from bot.app.concerns import agreeing
from bot.app.concerns.replay_concerns import replay_concerns
from bot.app.operations import outages, sweeps
from bot.app.patients import participation
from bot.app.ports.errors import RefusedError
from bot.app.records.concern_events import WhatHappened
from bot.core.concern_values import ConcernState
from tests.app.concerns.test_cases import Life, life

__all__ = ["life"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def replayed(life: Life, protocol=None, code="P-0001"):
    return life.run(lambda s: replay_concerns(s, code, lambda _s, _h: protocol or life.clinic.protocol))


def altered(life: Life, **changes):
    """Change what is stored of one symptom's concern, as a fault of the program would."""

    def work(stores):
        row = stores.concerns.of_patient(life.anna.id)
        concern = row.value.concern("numbness").model_copy(update=changes)
        concerns = {**row.value.concerns, "numbness": concern}
        stores.concerns.save(row.model_copy(update={"value": row.value.model_copy(update={"concerns": concerns})}))

    life.run(work)


def a_course(life: Life):
    """Answers, a mistake, a helper, replies, outcomes, a level and its end, the hospital, and clocks that jump."""
    helper = life.helper()
    life.check(0, "baseline", numbness="mild", known_before="yes_known")
    life.check(1, numbness="strong")
    (alert,) = life.alerts()
    life.reply(alert, "called", 1, 1)
    life.press(life.prompt(alert, 1, 2), "reached", 1, 2.1)
    life.check(2, safety_now="yes", which_now="breathing")
    life.press(life.prompt(alert, 2, 0.3), "not_yet", 2, 0.4, caregiver=helper)
    life.run(help_requests.need_help, life.patient(), None, at=life.at(2, 1))
    life.run(lambda s: outages.note_jump(s, life.at(2, 2), 2 * HOUR))
    life.run(ownership.finish, alert.id, "seen", at=life.at(2, 3), by="lead-1")
    life.run(agreeing.agree_level, "P-0001", "numbness", "strong", 3, at=life.at(2, 3), by="lead-1")
    life.check(3, numbness="strong")
    life.run(sweeps.levels_ended, at=life.at(6, 1), limit=50)
    life.check(7, numbness="medium")
    life.run(hospital.arrived, life.patient(), alert.id, at=life.at(8))


def test_concerns_of_a_course_are_derived_again_as_they_are(life):
    a_course(life)
    found = replayed(life)
    assert (found.status, found.differences) == ("same", ())
    assert found.events >= 8


def test_state_that_was_changed_by_a_fault_is_reported(life):
    life.check(0, numbness="strong")
    altered(life, state=ConcernState.SETTLED)
    (found,) = replayed(life).differences
    assert (found.symptom, found.stored, found.derived) == ("numbness", "settled URGENT", "open URGENT")


def test_event_that_is_lost_is_reported(life):
    life.check(0, numbness="strong")
    life.check(1, numbness="none", safety_now="yes", which_now="heart")
    events = life.run(lambda s: s.concerns.events(life.anna.id))

    class Lost:
        def __init__(self, stores):
            self.patients, self.concerns = stores.patients, self
            self._stores = stores

        def __getattr__(self, name):
            return getattr(self._stores.concerns, name)

        def events(self, _patient):
            return [event for event in events if event.id != events[-1].id]

    found = life.run(lambda s: replay_concerns(Lost(s), "P-0001", lambda _s, _h: life.clinic.protocol))
    assert found.status == "differs"
    assert "heart" in {one.symptom for one in found.differences}


def test_patient_of_whom_nothing_happened_has_nothing_to_repeat(life):
    assert replayed(life).status == "no_events"


def test_protocol_that_is_not_stored_is_said(life):
    life.check(0, numbness="strong")
    found = life.run(lambda s: replay_concerns(s, "P-0001", lambda _s, _h: None))
    assert (found.status, found.differences) == ("no_protocol", ())


def test_event_of_a_kind_that_is_gone_is_named(life):
    life.check(0, numbness="strong")
    event = life.run(lambda s: s.concerns.events(life.anna.id))[-1]
    unknown = WhatHappened(happenings=(("Foretold", "{}"),))
    life.run(lambda s: s.concerns.add_event(event.model_copy(update={"id": 0, "what": unknown})))
    with pytest.raises(RefusedError, match="Foretold"):
        replayed(life)


def test_memory_from_before_events_starts_where_it_was(life):
    life.check(0, numbness="strong")

    def before_events(stores):
        row = stores.concerns.of_patient(life.anna.id)
        stores.concerns.save(row.model_copy(update={"last_event": 0}))

    life.run(before_events)
    life.check(1, numbness="none", safety_now="yes", which_now="heart")
    starts = [event.what.start for event in life.run(lambda s: s.concerns.events(life.anna.id))]
    assert [start is not None for start in starts].count(True) == 2
    assert replayed(life).status == "same"


def test_erased_patient_has_no_events(life):
    life.check(0, numbness="strong")
    life.run(participation.erase, "P-0001", at=life.at(1))
    assert life.run(lambda s: s.concerns.events(life.anna.id)) == []


def test_protocol_of_an_event_is_found_by_its_hash(life):
    life.check(0, numbness="strong")
    asked = []

    def find(_stores, content_hash):
        asked.append(content_hash)
        return life.clinic.protocol

    assert life.run(lambda s: replay_concerns(s, "P-0001", find)).status == "same"
    assert set(asked) == {life.clinic.protocol.content_hash}
