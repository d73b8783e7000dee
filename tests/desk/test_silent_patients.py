"""The plan of a silent patient names the dates that are skipped, and why."""

from datetime import timedelta

from tests.app.conftest import AT

DAY, TODAY = timedelta(days=1), AT.date()


def test_plan_of_a_silent_patient_names_what_is_skipped_and_why(house, anna):
    silent = {"unanswered": 5, "rests_until": TODAY + 9 * DAY}
    house.run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update=silent)))
    page = house.signed_in("coordinator", "ann").get("/console/patients/P-0001").text
    assert "5 check-ins in a row are unanswered. Until the patient answers or taps, these are skipped:" in page
    assert str(TODAY + DAY) in page or str(TODAY + 2 * DAY) in page
