"""What each page does: alerts, patients, plans, rota, team, reports and exports; refusals change nothing."""

import asyncio
import csv
import io
import json
import re
from datetime import date, time, timedelta
from html import unescape
from itertools import count

import pytest

from bot.app.alerts import raising, replies
from bot.app.alerts.naming import Found
from bot.app.concerns import agreeing
from bot.app.operations import reports
from bot.app.patients import participation, timeline
from bot.app.records.alerts import Task
from bot.app.records.patients import PatientState
from bot.app.schedules import plan_edits
from bot.app.team import members
from bot.content.rules_table import describe_condition
from bot.core.plan_override import PlanOverride
from bot.core.protocol import Tier
from bot.desk.figures import bars
from bot.desk.routes import ACCESS_TABLE
from tests.app.conftest import AT
from tests.desk.conftest import text
from tests.fakes.team import raise_another
from tests.fakes.work import treated, work_on
from tests.polling import until

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TODAY = AT.date()
READERS = count()
TASKS = "/console/work"
"""Pages of the version before post there."""


def raised(house, patient, tier=Tier.URGENT, **more):
    return house.act(raise_another, patient, Found(tier, ("new.eyes",)), **{"at": AT} | more).id


def alert(house, number):
    return house.run(lambda s: s.alerts.get(number))


# -- alerts


def test_queue_of_a_new_clinic_shows_three_steps(house):
    page = text(house.signed_in("coordinator").get("/console"))
    assert "Add a patient with a study code. Print the invite and give it to the patient." in page
    house.patient()
    assert "No open alerts." in text(house.signed_in("coordinator").get("/console"))


def test_queue_shows_worst_first_with_time_left_and_change(house, anna):
    raised(house, anna, Tier.SOON)
    raised(house, anna, Tier.EMERGENCY)
    page = house.signed_in("coordinator").get("/console").text
    assert page.index("EMERGENCY") < page.index("SOON")
    assert "data-until" in page
    assert "Which other sign: Seeing double, drooping eyelid , week 5" in text(
        house.signed_in("coordinator").get("/console")
    )
    house.clock.advance(HOUR)
    assert 'data-late="yes"' in house.signed_in("coordinator").get("/console").text


def test_queue_shows_operators_only_code_and_tier(house, anna):
    raised(house, anna)
    page = house.signed_in("operator").get("/console").text
    assert "P-0001" in page
    assert "new.eyes" not in page
    assert "Seeing double" not in page
    assert "/console/patients/" not in page


def test_alert_is_acknowledged_once_then_closed_with_outcome(house, anna):
    number = raised(house, anna)
    ann, ben = house.signed_in("coordinator", "ann"), house.signed_in("coordinator", "ben")
    assert ann.post(f"/console/alerts/{number}/take").headers["location"] == "/console?said=done"
    assert house.nudged > 0, "the others are shown it in their chats at once"
    late = ben.post(f"/console/alerts/{number}/take")
    assert late.status_code == 409
    assert "was acknowledged by ann" in text(late)
    assert ann.post(f"/console/alerts/{number}/note", outcome="went_home").status_code == 422
    assert ann.post(f"/console/alerts/{number}/finish", outcome="").status_code == 422
    ann.post(f"/console/alerts/{number}/finish", outcome="sent_to_ed")
    assert (alert(house, number).outcome, alert(house, number).closed_by) == ("sent_to_ed", "ann")
    ann.post(f"/console/alerts/{number}/reopen")
    ben.post(f"/console/alerts/{number}/assign", to="ann")
    assert alert(house, number).owner == "ann"
    assert ben.post(f"/console/alerts/{number}/dance").status_code == 409
    assert ben.post("/console/alerts/99/take").status_code == 409
    assert ("ann", "alert_closed") in house.audited()


def test_closing_is_offered_to_those_who_may_act_alone(house, anna):
    number = raised(house, anna)
    ann, ben = house.signed_in("coordinator", "ann"), house.signed_in("coordinator", "ben")

    def offered():
        pages = [person.get("/console/alerts/queue").text for person in (ann, ben)]
        return [re.search(rf"/console/alerts/{number}/(finish|note)", page)[1] for page in pages]

    assert offered() == ["finish", "finish"]
    ann.post(f"/console/alerts/{number}/take")
    assert offered() == ["finish", "note"]


def test_action_returns_to_its_page_and_to_no_other_site(house, anna):
    number = raised(house, anna)
    ann = house.signed_in("coordinator", "ann")
    here = "/console/patients/P-0001"
    assert ann.post(f"/console/alerts/{number}/take", **{"from": here}).headers["location"].startswith(here)
    away = ann.post(f"/console/alerts/{number}/note", outcome="spoke_to_patient", **{"from": "//evil.example"})
    assert away.headers["location"] == "/console?said=done"


def test_task_marked_as_done_leaves_the_page(house, anna):
    task = Task(kind="not_heard_from", patient_id=anna.id, subject=anna.code, raised_at=AT)
    item = house.run(lambda s: s.tasks.add(task))
    ann = house.signed_in("coordinator", "ann")
    assert "Not heard from: P-0001" in text(ann.get("/console"))
    assert ann.post(f"{TASKS}/{item.id}").status_code == 303
    assert "Not heard from" not in text(ann.get("/console"))
    assert ann.post(f"{TASKS}/{item.id}").status_code == 409


def test_events_stream_reports_a_changed_queue(house, anna):
    """As the browser hears it: what the page shows is no news; an alert is, at the next look."""
    browser = house.signed_in("coordinator")
    state = re.search(r"events\?state=([^\"]*)", browser.get("/console").text)[1]

    async def listen():
        heard, looks, wait = [], count(), house.context.closing.wait
        looked = 0

        async def waits():
            nonlocal looked
            looked = next(looks)
            return await wait()

        house.context.closing.wait = waits
        task = asyncio.create_task(_events(house, browser, state, heard))
        await until(lambda: looked >= 2)
        before = list(heard)
        await asyncio.to_thread(raised, house, anna)
        seen = looked
        await until(lambda: looked >= seen + 2)
        house.context.closing.set()
        await task
        return before, heard

    from bot.desk.pages import alerts as page  # noqa: PLC0415

    page.POLL_SECONDS, kept = 0.01, page.POLL_SECONDS
    try:
        before, heard = house.loop.run_until_complete(listen())
    finally:
        page.POLL_SECONDS = kept
    assert "event: queue" not in "".join(before)
    assert "".join(heard).count("event: queue") == 1


async def _events(house, browser, state, heard):
    from html import unescape  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    transport = httpx.ASGITransport(app=house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://console", cookies=browser.cookies) as client:
        answer = await client.get("/console/alerts/events", params={"state": unescape(state)})
        heard.append(answer.text)


# -- patients


def test_added_patient_shows_the_invite_once(house):
    ann = house.signed_in("coordinator", "ann")
    answer = ann.post("/console/patients", code="p-0007", ici_start=str(TODAY), regimen="combination", language="es")
    page = text(answer)
    assert "P-0007" in page
    assert re.search(r"/start [\w-]{32}", page)
    added = house.run(lambda s: s.patients.by_code("P-0007"))
    assert (added.regimen, added.plan, added.language) == ("combination", "combination", "es")
    assert ("ann", "patient_added") in house.audited()
    again = ann.post("/console/patients", code="P-0007", ici_start=str(TODAY))
    assert (again.status_code, "in use" in text(again)) == (409, True)
    for bad in ({"ici_start": "soon"}, {"ici_start": ""}, {"code": "Anna Example"}):
        assert ann.post("/console/patients", **{"code": "P-0008", "ici_start": str(TODAY)} | bad).status_code in {
            409,
            422,
        }
    assert house.run(lambda s: s.patients.by_code("P-0008")) is None


def test_patient_list_filters_and_shows_open_work_first(house, anna):
    for code in ("P-0000", "P-0002", "X-1"):
        house.patient(code)
    silent = house.run(lambda s: s.patients.by_code("X-1"))
    house.run(lambda s: s.tasks.add(Task(kind="missed_twice", patient_id=silent.id, subject="X-1", raised_at=AT)))
    raised(house, anna)
    ann = house.signed_in("coordinator", "ann")

    def codes(**wanted):
        return re.findall(r'href="/console/patients/([A-Z0-9-]+)"', ann.get("/console/patients", params=wanted).text)

    assert codes() == ["P-0001", "X-1", "P-0000", "P-0002"]
    assert codes(code="x") == ["X-1"]
    assert codes(tier="URGENT") == ["P-0001"]
    assert codes(tier="EMERGENCY") == []
    assert codes(silence="silent") == ["X-1"]
    assert codes(silence="unreachable") == []
    assert set(codes(phase="early")) == {"P-0000", "P-0001", "P-0002", "X-1"}
    assert codes(phase="late") == []
    assert codes(tier="URGENT", phase="early") == ["P-0001"]
    assert codes(tier="URGENT", phase="late") == []
    assert codes(tier="URGENT", code="X") == []
    assert codes(code="P-000", phase="early") == ["P-0000", "P-0001", "P-0002"]
    assert codes(code="P-000", phase="middle") == []
    assert codes(phase="never", tier="x", silence="y") == codes()
    fragment = ann.get("/console/patients", headers={"hx-request": "true"}).text
    assert "<html" not in fragment


@pytest.mark.parametrize(
    ("days", "phase"),
    [(0, "early"), (91, "early"), (92, "middle"), (182, "middle"), (183, "late"), (900, "late"), (-9, "early")],
)
def test_patient_list_phases_match_the_clinical_table(house, days, phase):
    patient = house.patient()
    house.run(lambda s: treated(s, patient, start=TODAY - days * DAY))
    ann = house.signed_in("coordinator", "ann")
    for wanted in ("early", "middle", "late"):
        page = ann.get("/console/patients", params={"phase": wanted}).text
        assert ("/console/patients/P-0001" in page) == (wanted == phase)


def test_patient_list_is_paged(house):
    for n in range(120):
        house.patient(f"P-{n:04d}")
    ann = house.signed_in("coordinator", "ann")
    for phase in ("", "early"):
        seen, path = [], f"/console/patients?phase={phase}"
        while path:
            page = ann.get(path).text
            seen += re.findall(r'href="/console/patients/([A-Z0-9-]+)"', page)
            more = re.search(r'href="(/console/patients\?[^"]+)">Next', page)
            path = more[1].replace("&amp;", "&") if more else None
        assert len(seen) == len(set(seen)) == 120


def test_patient_page_shows_the_timeline_newest_first(house, anna, choose):
    for choice in ("no", "none", "none", "mild", "not_at_all"):
        choose(choice)
    number = house.act(raising.raise_alert, anna, Found(Tier.URGENT, ("new.eyes",)), at=AT + HOUR).id
    house.act(replies.reply, anna, number, "cannot_reach", at=AT + 2 * HOUR)
    house.clock.advance(3 * HOUR)
    page = house.signed_in("coordinator").get("/console/patients/P-0001").text
    events = re.findall(r'<li class="event event-(\w+)">.*?<span>(.*?)</span>', page)
    assert events[0] == ("call", "Patient: I can&#39;t reach them")
    assert ("alert", "Alert") in events
    assert events[-1] == ("checkin", "Check-in answered")
    assert "Numbness or pain: Mild" in page
    assert "<svg" in page
    assert house.signed_in("coordinator").get("/console/patients/P-9999").status_code == 409


def test_patient_page_shows_every_reply_with_its_time(house, anna):
    number = raised(house, anna)
    for hours, word in enumerate(("not_yet", "cannot_reach", "mistake", "is_urgent", "called"), start=1):
        house.act(replies.reply, anna, number, word, at=AT + hours * HOUR)
    house.clock.advance(6 * HOUR)
    page = unescape(house.signed_in("coordinator").get("/console/patients/P-0001").text)
    shown = [
        ("2026-03-02 15:00", "Patient: I have called"),
        ("2026-03-02 14:00", "Patient: it is urgent"),
        ("2026-03-02 13:00", "Patient: tapped by mistake"),
        ("2026-03-02 12:00", "Patient: I can't reach them"),
        ("2026-03-02 11:00", "Patient: not yet"),
    ]
    assert re.findall(r'event-call"><time [^>]*>(.*?)</time> <span>(.*?)</span>', page) == shown
    on_the_alert = re.search(r'<ol class="replies">(.*?)</ol>', page)[1]
    assert re.findall(r"<li><time [^>]*>(.*?)</time> (.*?)</li>", on_the_alert) == shown


def test_patient_page_shows_the_last_reply_without_its_audit_line(house, anna, monkeypatch):
    number = raised(house, anna)
    for word in ("cannot_reach", "mistake"):
        house.act(replies.reply, anna, number, word, at=AT + HOUR)
    monkeypatch.setattr(timeline, "MAX_AUDIT_LINES", 1)
    page = text(house.signed_in("coordinator").get("/console/patients/P-0001"))
    assert page.count("Patient: tapped by mistake") == 2, "in the timeline and on the alert"
    assert page.count("Patient: I can&#39;t reach them") == 2


def form(house, **changes):
    """The plan's form as the page has it, with changes."""
    days = "mon,tue,wed,thu,fri,sat,sun"
    patient = house.run(lambda s: s.patients.by_code("P-0001"))
    shown = house.signed_in("coordinator", f"reader-{next(READERS)}").get("/console/patients/P-0001").text
    return {
        "plan_state": re.search(r'name="plan_state" value="(\w+)"', shown)[1],
        "ici_start": str(patient.treatment.newest.start),
        "ici_stop": "",
        "regimen": patient.regimen,
        "plan": patient.plan,
        "send_time": f"{patient.send_time:%H:%M}",
        "weekdays": days,
    } | changes


def test_unchanged_plan_form_changes_nothing(house, anna):
    ann = house.signed_in("coordinator", "ann")
    seen = ann.post("/console/patients/P-0001/preview", **form(house))
    assert "No changes yet." in text(seen)
    kept = ann.post("/console/patients/P-0001/plan", **form(house))
    assert (kept.status_code, "the edit changes nothing" in text(kept)) == (409, True)


@pytest.mark.parametrize("changed", [{"send_time": time(18)}, {"regimen": "combination"}, {"weekdays": (0, 3)}])
@pytest.mark.parametrize("path", ["preview", "plan"])
def test_plan_form_opened_before_another_change_saves_nothing_over_it(house, anna, changed, path):
    """A form holds the whole plan: what somebody else, or the patient, changed meanwhile would be undone."""
    ben = house.signed_in("coordinator", "ben")
    opened = form(house)
    house.act(plan_edits.apply, "P-0001", plan_edits.PlanEdit(**changed), actor="ann")
    before = house.run(lambda s: s.patients.get(anna.id))
    refused = ben.post(f"/console/patients/P-0001/{path}", **opened | {"extra": str(TODAY + 3 * DAY)})
    assert (refused.status_code, "reload the page and make the change again" in text(refused)) == (409, True)
    assert house.run(lambda s: s.patients.get(anna.id)) == before
    saved = ben.post("/console/patients/P-0001/plan", **opened | form(house) | {"send_time": "18:30"})
    assert saved.status_code == 303


def test_plan_form_without_the_state_of_the_plan_is_refused(house, anna):
    """A page of the version before, still open during an upgrade."""
    ann = house.signed_in("coordinator", "ann")
    opened = form(house, send_time="18:00")
    del opened["plan_state"]
    assert ann.post("/console/patients/P-0001/plan", **opened).status_code == 409


def _periods(house, anna):
    found = house.run(lambda s: s.patients.get(anna.id)).treatment.periods
    return [(p.start, p.stop, p.reason, p.drug) for p in found]


def test_stop_with_reason_and_restart_are_entered_on_the_patient_page(house, anna):
    ann = house.signed_in("coordinator", "ann")
    stop = form(house, ici_stop=str(TODAY), stop_reason="side_effect", drug="nivolumab")
    assert ann.post("/console/patients/P-0001/plan", **stop).status_code == 303
    start = anna.treatment.first_start
    assert _periods(house, anna) == [(start, TODAY, "side_effect", "nivolumab")]
    shown = {"ici_stop": str(TODAY), "stop_reason": "side_effect", "drug": "nivolumab"}
    restart = form(house, **shown, ici_restart=str(TODAY + 9 * DAY))
    assert ann.post("/console/patients/P-0001/plan", **restart).status_code == 303
    assert _periods(house, anna)[1:] == [(TODAY + 9 * DAY, None, None, "nivolumab")]
    for path in ("", "/summary"):
        page = text(ann.get(f"/console/patients/P-0001{path}"))
        assert "side effect" in page
        assert str(start) in page
        assert str(TODAY + 9 * DAY) in page
    assert "All versions of these entries" in text(ann.get("/console/patients/P-0001"))


def test_an_earlier_period_is_corrected_on_its_own_form(house, anna):
    ann = house.signed_in("coordinator", "ann")
    house.act(plan_edits.apply, "P-0001", plan_edits.PlanEdit(ici_stop=TODAY - DAY), actor="ann")
    house.act(plan_edits.apply, "P-0001", plan_edits.PlanEdit(ici_restart=TODAY), actor="ann")
    page = ann.get("/console/patients/P-0001", params={"period": "1"}).text
    start = str(anna.treatment.first_start)
    assert f'name="ici_start" type="date" value="{start}"' in page
    assert "Correcting treatment period 1" in page
    assert 'name="ici_restart"' not in page
    fixed = form(house, period="1", ici_start=start, ici_stop=str(TODAY - 2 * DAY), stop_reason="other")
    assert ann.post("/console/patients/P-0001/plan", **fixed).status_code == 303
    first, second = _periods(house, anna)
    assert first[1:3] == (TODAY - 2 * DAY, "other")
    assert second[:2] == (TODAY, None)


def test_a_stop_and_a_restart_entered_by_mistake_are_removed(house, anna):
    ann = house.signed_in("coordinator", "ann")
    house.act(plan_edits.apply, "P-0001", plan_edits.PlanEdit(ici_stop=TODAY - DAY), actor="ann")
    house.act(plan_edits.apply, "P-0001", plan_edits.PlanEdit(ici_restart=TODAY), actor="ann")
    assert ann.post("/console/patients/P-0001/plan", **form(house, period="2", no_ici_restart="yes")).status_code == 303
    assert (
        ann.post("/console/patients/P-0001/plan", **form(house, ici_stop="", stop_reason="unknown")).status_code == 303
    )
    assert _periods(house, anna) == [(anna.treatment.first_start, None, None, None)]
    assert "removed" in text(ann.get("/console/patients/P-0001"))


@pytest.mark.parametrize("number", ["0", "x", "7"])
def test_a_period_that_is_not_there_shows_the_newest_or_is_refused(house, anna, number):
    answer = house.signed_in("coordinator").get("/console/patients/P-0001", params={"period": number})
    assert answer.status_code == (200 if number == "7" else 422)


def test_plan_is_previewed_before_it_is_saved(house, anna):
    ann = house.signed_in("coordinator", "ann")
    changes = form(
        house, every0="1", from0="0", to0="200", weekdays="mon,thu", send_time="18:00", extra=str(TODAY + DAY)
    )
    seen = ann.post("/console/patients/P-0001/preview", **changes)
    assert seen.status_code == 200
    assert "mark-gone" in seen.text
    assert "mark-new" in seen.text
    assert house.run(lambda s: s.patients.get(anna.id)).plan_override == PlanOverride()
    assert ann.post("/console/patients/P-0001/plan", **changes).status_code == 303
    own = house.run(lambda s: s.patients.get(anna.id)).plan_override
    assert ([r.every for r in own.rhythms], own.weekdays, len(own.extras)) == ([1], (0, 3), 1)
    assert ("ann", "plan_changed") in house.audited()
    page = ann.get("/console/patients/P-0001").text
    assert 'name="every0" inputmode="numeric" size="3" value="1"' in page
    again = ann.post("/console/patients/P-0001/plan", **form(house, no_extra=str(TODAY + DAY)))
    assert again.status_code == 303
    assert house.run(lambda s: s.patients.get(anna.id)).plan_override == PlanOverride()


@pytest.mark.parametrize(
    "bad",
    [
        {"every0": "often"},
        {"every0": "0"},
        {"every0": "2", "from0": "9", "to0": "3"},
        {"send_time": "25:00"},
        {"send_time": "23:00"},
        {"ici_stop": "2020-01-01"},
        {"ici_start": "yesterday"},
        {"pause_from": "2026-03-05"},
        {"pause_from": "2026-03-05", "pause_to": "2026-03-04"},
        {"plan": "weekly"},
        {"weekdays": ""},
    ],
)
def test_invalid_plan_is_explained_and_not_saved(house, anna, bad):
    ann = house.signed_in("coordinator", "ann")
    before = house.run(lambda s: s.patients.get(anna.id))
    for path in ("preview", "plan"):
        answer = ann.post(f"/console/patients/P-0001/{path}", **form(house, **bad))
        assert answer.status_code in {409, 422}
        assert 'role="alert"' in answer.text
    assert house.run(lambda s: s.patients.get(anna.id)) == before


def test_pause_is_planned_and_ended(house, anna):
    ann = house.signed_in("coordinator", "ann")
    pause = {"pause_from": str(TODAY), "pause_to": str(TODAY + DAY), "reason": "hospital"}
    ann.post("/console/patients/P-0001/plan", **form(house, **pause))
    assert house.run(lambda s: s.patients.get(anna.id)).pauses[0].reason == "hospital"
    assert ann.post("/console/patients/P-0001/resume").status_code == 303
    assert ann.post("/console/patients/P-0001/resume").status_code == 409


def test_check_in_is_sent_now_and_a_new_invite_made(house, anna):
    ann = house.signed_in("coordinator", "ann")
    house.clock.advance(timedelta(minutes=5))
    assert ann.post("/console/patients/P-0001/send").status_code == 303
    assert house.run(lambda s: s.checkins.open_of(anna.id)).kind == "extra"
    assert "/start " in text(ann.post("/console/patients/P-0001/invite"))
    house.run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update={"state": PatientState.WITHDRAWN})))
    assert ann.post("/console/patients/P-0001/send").status_code == 409


def test_agreed_level_is_set_and_ended(house, anna):
    ann = house.signed_in("coordinator", "ann")
    assert ann.post("/console/patients/P-0001/expect", symptom="numbness:medium", days="7").status_code == 303
    assert "Numbness or pain ≤ Medium" in ann.get("/console/patients/P-0001").text
    for bad in ({"symptom": "arms:cannot"}, {"symptom": "numbness:medium", "days": "29"}, {"symptom": ""}):
        assert ann.post("/console/patients/P-0001/expect", **bad).status_code in {409, 422}
    assert ann.post("/console/patients/P-0001/unexpect", symptom="numbness").status_code == 303
    assert ann.post("/console/patients/P-0001/unexpect", symptom="numbness").status_code == 409


# -- rota, team, tables


def test_rota_is_set_by_a_lead_and_read_by_others(house):
    lead = house.signed_in("lead", "ann")
    assert "nobody, so every alert goes to the whole team" in text(lead.get("/console/rota"))
    shift = {"name": "ann", "days": "mon,tue", "start": "08:00", "end": "16:00", "rank": "1"}
    assert lead.post("/console/rota/shifts", **shift).status_code == 303
    for bad in ({"days": ""}, {"rank": "x"}, {"start": "8 o'clock"}, {"name": "nobody"}):
        assert lead.post("/console/rota/shifts", **shift | bad).status_code in {409, 422}
    assert lead.post("/console/rota/shifts", name="ann", out_of_hours="yes", rank="0").status_code == 303
    house.staff("ben")
    cover = {"away": "ann", "instead": "ben", "first": str(TODAY), "last": str(TODAY)}
    assert lead.post("/console/rota/covers", **cover).status_code == 303
    assert lead.post("/console/rota/covers", **cover | {"last": "never"}).status_code == 422
    page = text(house.signed_in("coordinator", "cleo").get("/console/rota"))
    assert "08:00 to 16:00" in page
    assert "ben for ann" in page
    assert "Remove" not in page
    assert lead.post("/console/rota/covers/1/remove").status_code == 303
    assert lead.post("/console/rota/shifts/1/remove").status_code == 303
    assert lead.post("/console/rota/shifts/1/remove").status_code == 409


def test_team_members_are_added_linked_and_removed(house):
    lead = house.signed_in("lead", "ann")
    answer = lead.post("/console/team", name="coord-1", role="coordinator", language="ru")
    assert re.search(r"/start [\w-]{32}", text(answer))
    assert house.run(lambda s: s.staff.by_name("coord-1")).language == "ru"
    assert lead.post("/console/team", name="coord-2", role="boss").status_code == 422
    assert lead.post("/console/team", name="+49 30", role="lead").status_code == 409
    assert "/start " in text(lead.post("/console/team/coord-1/link"))
    browser = house.signed_in("coordinator", "coord-9")
    assert lead.post("/console/team/coord-9/remove").status_code == 303
    assert browser.get("/console").status_code == 303, "signed out at once"
    assert lead.post("/console/team/ann/remove").status_code == 422, "nobody shuts themselves out"


def test_import_is_checked_then_added_with_cards_as_a_file(house):
    ann = house.signed_in("coordinator", "ann")
    table = f"code,ici_start\nP-0001,{TODAY}\nP-0002,{TODAY}\n".encode()
    tried = ann.post("/console/schedules", files={"file": ("t.csv", table)}, how="try")
    assert "2 patients can be added." in text(tried)
    assert house.run(lambda s: s.patients.page()) == []
    bad = ann.post("/console/schedules", files={"file": ("t.csv", table + b"Anna,soon\n")}, how="add")
    assert bad.status_code == 422
    assert "line 4, ici_start" in text(bad)
    assert house.run(lambda s: s.patients.page()) == []
    added = ann.post("/console/schedules", files={"file": ("t.csv", table)}, how="add")
    assert added.headers["content-disposition"] == 'attachment; filename="invites.html"'
    assert added.text.count("<svg") == 2
    assert len(house.run(lambda s: s.patients.page())) == 2
    assert ann.post("/console/schedules", how="add").status_code == 422, "no table at all"


# -- looking back


def test_reports_show_correct_figures_in_page_and_csv(house, anna, choose):
    for choice in ("no", "none", "none", "none"):
        choose(choice, at=AT + 5 * timedelta(minutes=1))
    acknowledged = raised(house, anna, Tier.URGENT)
    raised(house, anna, Tier.URGENT)
    house.run(
        lambda s: s.alerts.save(
            s.alerts.get(acknowledged).model_copy(update={"acknowledged_at": AT + HOUR, "owner": "ann"})
        )
    )
    row = house.act(reports.week_report, date(2026, 3, 2))
    assert (row.asked, row.answered, row.median_minutes, row.alerts, row.in_time) == (1, 1, 5, 2, 1)
    late = alert(house, acknowledged).model_copy(update={"acknowledged_at": AT + HOUR + timedelta(seconds=1)})
    house.run(lambda s: s.alerts.save(late))
    assert house.act(reports.week_report, date(2026, 3, 2)).in_time == 0
    lead = house.signed_in("lead")
    house.act(reports.update_reports, at=AT)
    assert len(house.run(lambda s: s.reports.weeks(9))) == 2
    rows = list(csv.DictReader(io.StringIO(lead.get("/console/reports.csv").text)))
    assert (rows[0]["week"], rows[0]["completion"], rows[0]["per_100"], rows[1]["completion"]) == (
        *("2026-03-02", "100", "200.0"),
        "",
    )
    assert lead.get("/console/reports").text.count("<svg") == 4


def test_bars_have_their_values_in_the_accessible_name():
    drawn = bars("Answered <%>", ["02-23", "03-02"], [None, 50], "%")
    assert "Answered &lt;%&gt;. 02-23: –; 03-02: 50%" in drawn
    assert drawn.count("<rect") == 2


def test_audit_log_is_filtered_by_subject(house, anna):
    lead = house.signed_in("lead", "ann")
    house.patient("P-0009")
    everything, one = lead.get("/console/audit").text, lead.get("/console/audit?subject=P-0009").text
    assert "staff joined" in everything
    assert "staff joined" not in one
    assert "patient added" in one


def test_content_page_shows_rules_and_runs_a_dry_run(house):
    page = text(house.signed_in("operator").get("/console/content"))
    assert "now.yes" in page
    for rule in house.clinic.protocol.rules:
        assert rule.id in page
        assert describe_condition(rule).replace("`", "")[:25] in unescape(page)
    tried = text(house.signed_in("lead").post("/console/content"))
    assert "Per 100 check-ins (sample of 7)" in tried
    assert "new.yes 1.5" in tried


def test_export_by_a_lead_is_audited(house, anna, choose):
    choose("yes")
    house.patient("P-0002")
    lead = house.signed_in("lead", "ann")
    table = list(csv.DictReader(io.StringIO(lead.get("/console/export.csv").text)))
    assert {row["code"] for row in table} == {"P-0001"}
    made = [json.loads(line) for line in lead.get("/console/export.ndjson?code=P-0001").text.splitlines()]
    assert {each["resourceType"] for each in made} == {"Questionnaire", "MedicationStatement", "QuestionnaireResponse"}
    assert house.audited().count(("ann", "exported")) == 2
    calendar = lead.get("/console/patients/P-0001/calendar")
    assert calendar.text.startswith("BEGIN:VCALENDAR")


def test_visit_summary_has_answers_and_alerts_on_one_page(house, anna, choose):
    for choice in ("no", "none", "none", "mild", "not_at_all"):
        choose(choice)
    house.act(raising.raise_alert, anna, Found(Tier.EMERGENCY, ("new.eyes",)), at=AT + HOUR)
    page = text(house.signed_in("coordinator").get("/console/patients/P-0001/summary"))
    assert "Numbness or pain: Mild" in page
    assert "EMERGENCY" in page
    assert "not a diagnosis" in page


# -- the record

CHANGES = {
    "/console/account/language": {"language": "es"},
    "/console/alerts/1/take": {},
    "/console/alerts/1/note": {"outcome": "spoke_to_patient"},
    "/console/alerts/1/finish": {"outcome": "spoke_to_patient"},
    "/console/alerts/1/assign": {"to": "ben"},
    TASKS + "/1": {},
    "/console/patients": {"code": "P-0009", "ici_start": str(TODAY)},
    "/console/patients/P-0001/invite": {},
    "/console/patients/P-0001/send": {},
    "/console/patients/P-0001/resume": {},
    "/console/patients/P-0001/plan": {"regimen": "combination", "weekdays": "mon"},
    "/console/patients/P-0001/levels/agree": {"symptom": "numbness:mild", "days": "7", "reason": "old"},
    "/console/patients/P-0001/expect": {"symptom": "numbness:mild"},
    "/console/patients/P-0001/unexpect": {"symptom": "interference"},
    "/console/schedules": {"how": "add"},
    "/console/rota/shifts": {"name": "ben", "days": "mon"},
    "/console/rota/shifts/1/remove": {},
    "/console/rota/covers": {"away": "ann", "instead": "ben", "first": str(TODAY), "last": str(TODAY)},
    "/console/rota/covers/1/remove": {},
    "/console/team": {"name": "cleo", "role": "lead"},
    "/console/team/ben/link": {},
    "/console/team/ben/remove": {},
}
UNCHANGED = {
    *("/console/sign-in", "/console/link", "/console/enter/{token}", "/console/passkey/ask", "/console/passkey/enter"),
    *("/console/sandbox", "/console/sign-out", "/console/account/passkeys/ask", "/console/content"),
    "/console/patients/{code}/preview",
}
"""Routes that change nothing, or whose own tests check the audit log (sign-in)."""
ELSEWHERE = {f"/console/account/{page}" for page in ("password", "passkeys", "passkeys/{number:int}/remove")}
"""Their own tests check the audit log."""


def test_every_post_route_is_covered_by_the_audit_test():
    tried = {
        re.sub(r"/(P-0001|ben)(?=/)", lambda m: "/{code}" if m[1] != "ben" else "/{name}", path) for path in CHANGES
    }
    tried = {re.sub(r"/1(?=/|$)", "/{number:int}", path) for path in tried}
    tried = {re.sub(r"((?<=alerts/{number:int}/)|(?<=levels/))\w+", "{action}", path) for path in tried}
    posts = {route.path for route in ACCESS_TABLE if route.method == "POST"}
    assert posts == tried | UNCHANGED | ELSEWHERE


@pytest.mark.parametrize("path", CHANGES)
def test_every_change_is_audited_with_its_actor(house, anna, path):
    lead = house.signed_in("lead", "ann")
    house.staff("ben")
    raised(house, anna)
    house.clock.advance(timedelta(minutes=5))

    def prepare(stores):
        at = house.clock.now()
        stores.tasks.add(Task(kind="unreachable", patient_id=anna.id, subject=anna.code, raised_at=at))
        members.add_shift(work_on(stores, at=at, actor="x"), "ben")
        members.add_cover(work_on(stores, house.clinic, at, actor="x"), "ann", "ben", first=TODAY, last=TODAY)
        agreeing.agree_level(work_on(stores, house.clinic, at, actor="x"), anna.code, "interference", "a_little", 7)
        if path.endswith("/resume"):
            participation.pause(work_on(stores, house.clinic, at, actor="x"), anna.code, None)

    house.run(prepare)
    fields = form(house) | CHANGES[path] if path.endswith("/plan") else CHANGES[path]
    before = len(house.run(lambda s: s.audit.lines(limit=500)))
    table = {"file": ("t.csv", f"code,ici_start\nP-0077,{TODAY}\n".encode())} if path.endswith("schedules") else None
    answer = lead.post(path, files=table, **fields)
    assert answer.status_code in {200, 303}, text(answer)
    lines = house.run(lambda s: s.audit.lines(limit=500))
    new = lines[: len(lines) - before]
    assert new
    assert {line.actor for line in new} == {"ann"}
    assert not any("numbness" in str(line.detail) or "interference" in str(line.detail) for line in new)


def test_failed_page_explains_itself_and_logs_no_answer(house, anna, monkeypatch, capsys):
    def fails(*_args, **_more):
        raise RuntimeError("numbness: strong")

    lead = house.signed_in("lead", "ann")
    monkeypatch.setattr("bot.app.alerts.queue.queue", fails)
    answer = lead.get("/console")
    assert answer.status_code == 500
    assert "Something went wrong" in text(answer)
    said = answer.text + "".join(capsys.readouterr())
    assert [word in said for word in ("numbness", "Traceback", "page_failed")] == [False, False, True]
