"""Screens with answers can't be forwarded, and a changed setting is audited without its value."""

from datetime import timedelta

from bot.core.screen import Action
from bot.dialog import answers, settings
from tests.app.conftest import AT
from tests.fakes.work import work_on

ANSWERED = AT + timedelta(minutes=5)


def screens(database):
    return [q.row.screen for q in database.outbox()]


def test_every_screen_with_answers_is_protected(database, clinic, anna, choose):
    for choice in ("no", "none", "none", "none"):
        choose(choice)
    row = database.run(lambda s: s.checkins.of_patient(anna.id))[0]
    seen = len(screens(database))
    database.run(lambda s: answers.show(work_on(s, clinic, ANSWERED), anna))
    database.run(lambda s: answers.change(work_on(s, clinic, ANSWERED), anna, Action(kind="change", subject=row.id)))
    first = Action(kind="change", subject=row.id, question="change")
    database.run(lambda s: answers.change(work_on(s, clinic, ANSWERED), anna, first))
    made = screens(database)[seen:]
    assert [s.name for s in made][:3] == ["trend", "answers", "change.list"]
    assert len(made) == 4
    assert all(s.protect for s in made)


def test_a_changed_setting_is_audited_by_its_name_alone(database, clinic, anna):
    tap = Action(kind="set", question="quiet", choice=next(iter(settings.QUIET)))
    database.run(lambda s: settings.tapped(work_on(s, clinic, AT), s.patients.get(anna.id), tap))
    line = database.run(lambda s: s.audit.lines(anna.code))[0]
    assert (line.actor, line.action, dict(line.detail)) == (
        "patient:P-0001",
        "setting_changed",
        {"what": "quiet_hours"},
    )
