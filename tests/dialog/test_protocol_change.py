"""A new protocol may no longer have the question that an open check-in is at: nobody meets a dead end."""

from dataclasses import replace

from bot.core.screen import Action
from bot.dialog import checkins, menus
from tests.app.conftest import AT
from tests.fakes.work import work_on


def without_safety_now(clinic):
    quick = clinic.protocol.forms["quick"]
    steps = tuple(s for s in quick.steps if s.ask not in {"safety_now", "which_now"})
    forms = {**clinic.protocol.forms, "quick": quick.model_copy(update={"steps": steps})}
    return replace(clinic, protocol=clinic.protocol.model_copy(update={"forms": forms}))


def test_it_is_closed_by_what_was_answered_and_the_patient_sees_the_menu(database, clinic, anna, choose):
    choose("yes")
    number = database.run(lambda stores: stores.checkins.open_of(anna.id)).id
    newer = without_safety_now(clinic)
    database.run(lambda stores: menus.show_current_screen(work_on(stores, newer, AT), anna))
    row = database.run(lambda stores: stores.checkins.get(number))
    assert row.value.state == "expired"
    (alert,) = database.run(lambda stores: stores.alerts.of_patient(anna.id))
    assert alert.rules == ("change.worse",), "what was answered still counts"


def test_a_tap_on_it_is_answered(database, clinic, anna, choose):
    choose("yes")
    number = database.run(lambda stores: stores.checkins.open_of(anna.id)).id
    newer = without_safety_now(clinic)
    tap = Action(kind="choose", subject=number, revision=1, question="safety_now", choice="none")
    assert database.run(lambda stores: checkins.tapped(work_on(stores, newer, AT), anna, tap)) is None


def test_one_that_can_still_be_asked_goes_on(database, clinic, anna, choose):
    choose("yes")
    number = database.run(lambda stores: stores.checkins.open_of(anna.id)).id
    database.run(lambda stores: menus.show_current_screen(work_on(stores, clinic, AT), anna))
    assert database.run(lambda stores: stores.checkins.get(number)).value.state == "asking"
