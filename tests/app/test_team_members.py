"""Members of the team and their rota: what is stored, what ends with them, what the audit says, what is refused."""

from datetime import date, time, timedelta
from functools import partial

import pytest

from bot.app.operations import demo
from bot.app.operations.installation import BOT_NAME
from bot.app.ports.errors import RefusedError
from bot.app.team import digest, members
from tests.app.conftest import AT
from tests.contract import samples
from tests.fakes.work import run as transact

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = AT.date()
NO_DETAIL: dict[str, object] = {}


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


def audited(run):
    lines = reversed(run(lambda s: s.audit.lines(limit=500)))
    return [(x.actor, x.action, x.subject, dict(x.detail)) for x in lines]


def add(run, name, **changes):
    return run(lambda s: s.staff.add(samples.staff(name, **changes)))


def person(run, name):
    return run(lambda s: s.staff.by_name(name))


# -- members


def test_added_member_is_stored_with_a_link_and_audited(run, clinic):
    row, token = run(members.add, name="ann", role="lead", language="es", at=AT, by="lead-0")
    assert row == person(run, "ann")
    assert (row.role, row.language, row.state, row.added_at) == ("lead", "es", "invited", AT)
    assert (row.token_hash, row.expires_at) == (clinic.hash_token(token), AT + 14 * DAY)
    assert audited(run) == [("lead-0", "staff_added", "ann", {"role": "lead"})]
    assert run(members.add, name="ben", role="operator", language=None)[0].language == "en"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (
            {"name": "+49 170"},
            "'+49 170' is not a short name: use up to 32 letters, digits, '.', '_' and '-', such as lead-2",
        ),
        ({"language": "de"}, "language 'de': enabled are en, es, ru (NERVECHECK_LANGUAGES)"),
    ],
)
def test_bad_facts_of_a_member_are_refused(run, facts, why):
    with pytest.raises(RefusedError) as refused:
        run(members.add, **{"name": "ann", "role": "lead", "language": None} | facts)
    assert str(refused.value) == why
    assert run(lambda s: s.staff.all()) == []


@pytest.mark.parametrize(("name", "accepted"), [("a" * 32, True), ("a" * 33, False), ("a.b_c-2", True), ("2a", False)])
def test_names_have_up_to_32_letters(run, name, accepted):
    if accepted:
        assert run(members.add, name=name, role="lead", language=None)[0].name == name
    else:
        with pytest.raises(RefusedError, match="is not a short name"):
            run(members.add, name=name, role="lead", language=None)


def test_new_link_brings_a_removed_member_back(run, clinic):
    add(run, "ann", state="gone", left_at=AT - DAY, token_hash=None)
    changed, token = run(members.renew_link, "ann", at=AT, by="lead-0")
    assert changed == person(run, "ann")
    assert (changed.state, changed.left_at) == ("invited", None)
    assert (changed.token_hash, changed.expires_at) == (clinic.hash_token(token), AT + 14 * DAY)
    assert audited(run) == [("lead-0", "staff_invited_again", "ann", NO_DETAIL)]


def test_new_link_leaves_an_active_member_active(run):
    add(run, "ann", state="active", chat_id=5)
    assert run(members.renew_link, "ann")[0].state == "active"


def test_removal_ends_link_chat_secrets_shifts_covers_and_sign_ins(run):
    secrets = {"token_hash": "t", "password_hash": "p", "totp_secret": "s", "login_hash": "l"}
    ann = add(run, "ann", state="active", chat_id=5, **secrets)
    ben, cleo = add(run, "ben"), add(run, "cleo")
    for name in ("ann", "ben"):
        run(members.add_shift, name)
    for away, instead in (("ann", "ben"), ("ben", "ann"), ("ben", "cleo")):
        run(members.add_cover, away, instead, first=TODAY, last=TODAY)
    for who in (ann, ben):
        run(lambda s, w=who: s.sessions.add(samples.session(w.id, f"h{w.id}", ended_at=None)))
        run(lambda s, w=who: s.passkeys.add(samples.passkey(w.id, f"k{w.id}")))
    gone = run(members.mark_removed, "ann", at=AT + HOUR, by="lead-0")
    assert gone == person(run, "ann")
    assert (gone.state, gone.left_at, gone.chat_id) == ("gone", AT + HOUR, None)
    assert {name: getattr(gone, name) for name in secrets} == dict.fromkeys(secrets)
    assert [s.staff_id for s in run(lambda s: s.rota.shifts())] == [ben.id]
    assert [(c.away_id, c.instead_id) for c in run(lambda s: s.rota.covers(date.min))] == [(ben.id, cleo.id)]
    assert run(lambda s: s.passkeys.of_staff(ann.id)) == []
    assert len(run(lambda s: s.passkeys.of_staff(ben.id))) == 1
    ended = {who.name: run(lambda s, w=who: s.sessions.by_hash(f"h{w.id}")).ended_at for who in (ann, ben)}
    assert ended == {"ann": AT + HOUR, "ben": None}
    assert audited(run)[-1] == ("lead-0", "staff_removed", "ann", NO_DETAIL)


def test_removal_of_a_removed_or_unknown_member_is_refused(run):
    add(run, "ann", state="gone")
    with pytest.raises(RefusedError, match=r"^ann was removed from the team already$"):
        run(members.mark_removed, "ann")
    with pytest.raises(RefusedError, match=r"^no team member has the name 'zoe': see `nervecheck staff list`$"):
        run(members.mark_removed, "zoe")


def test_current_members_are_those_not_removed(run):
    for name, state in (("ann", "active"), ("ben", "gone"), ("cleo", "invited")):
        add(run, name, state=state)
    assert [row.name for row in run(members.current_members)] == ["ann", "cleo"]


def test_opened_link_binds_the_chat_and_ends_itself(run):
    _, token = run(members.add, name="ann", role="lead", language=None, at=AT)
    row = person(run, "ann")
    run(lambda s: s.staff.save(row.model_copy(update={"unreachable_at": AT})))
    joined = run(members.join, token, 50, at=AT + 14 * DAY - MINUTE)
    assert joined == person(run, "ann")
    assert (joined.state, joined.chat_id, joined.joined_at) == ("active", 50, AT + 14 * DAY - MINUTE)
    assert (joined.token_hash, joined.expires_at, joined.unreachable_at) == (None, None, None)
    assert audited(run)[-1] == ("ann", "staff_joined", "ann", NO_DETAIL)
    assert run(members.join, token, 50, at=AT) is None


@pytest.mark.parametrize("why", ["unknown", "expired", "no end", "removed", "chat of another"])
def test_link_that_is_not_valid_binds_nothing(run, why):
    _, token = run(members.add, name="ann", role="lead", language=None, at=AT)
    row = person(run, "ann")
    if why == "no end":
        run(lambda s: s.staff.save(row.model_copy(update={"expires_at": None})))
    if why == "removed":
        run(lambda s: s.staff.save(row.model_copy(update={"state": "gone"})))
    if why == "chat of another":
        add(run, "ben", state="active", chat_id=50)
    at = AT + (14 * DAY if why == "expired" else HOUR)
    assert run(lambda w: members.join(w, "other" if why == "unknown" else token, 50), at=at) is None
    assert person(run, "ann").chat_id is None


def test_new_link_opened_in_the_same_chat_keeps_it(run):
    _, token = run(members.add, name="ann", role="lead", language=None, at=AT)
    run(members.join, token, 50, at=AT)
    _, new = run(members.renew_link, "ann", at=AT)
    assert run(members.join, new, 50, at=AT).chat_id == 50


def test_language_is_set_and_audited_by_the_member(run):
    add(run, "ann")
    run(members.set_language, "ann", "ru", by="lead-0")
    assert person(run, "ann").language == "ru"
    assert audited(run) == [("ann", "staff_language", "ann", {"language": "ru"})]


# -- rota


def test_shift_is_stored_listed_and_audited(run):
    add(run, "ann")
    made = run(members.add_shift, "ann", days=(4, 0, 4), start=time(8), end=time(16, 30), rank=2, by="lead-0")
    assert (made.days, made.start, made.end, made.rank, made.out_of_hours) == ((0, 4), time(8), time(16, 30), 2, False)
    assert run(lambda s: s.rota.shifts()) == [made]
    night = run(members.add_shift, "ann", out_of_hours=True, by="lead-0")
    assert (night.days, night.start, night.end, night.rank) == (tuple(range(7)), time(0), time(0), 0)
    cover = None
    add(run, "ben")
    cover = run(members.add_cover, "ann", "ben", first=TODAY, last=TODAY + DAY, by="lead-0")
    lines = [line.model_dump() for line in run(members.rota_lines, at=AT)]
    shift = {"id": made.id, "kind": "shift", "who": "ann", "days": "mon fri", "hours": "08:00 to 16:30", "rank": 2}
    out = {"id": night.id, "kind": "out of hours", "who": "ann", "days": "mon tue wed thu fri sat sun"}
    assert sorted(lines, key=lambda line: (line["kind"], line["id"])) == [
        {
            "id": cover.id,
            "kind": "cover",
            "who": "ben for ann",
            "days": "2026-03-02 to 2026-03-03",
            "hours": "",
            "rank": None,
        },
        out | {"hours": "00:00 to 00:00", "rank": 0},
        shift,
    ]
    assert [line["kind"] for line in lines][-1] == "cover"
    run(members.drop_cover, cover.id, by="lead-0")
    run(members.drop_shift, made.id, by="lead-0")
    assert audited(run) == [
        ("lead-0", "shift_added", "ann", {"shift": made.id}),
        ("lead-0", "shift_added", "ann", {"shift": night.id}),
        ("lead-0", "cover_added", "ann", {"instead": "ben", "first": "2026-03-02", "last": "2026-03-03"}),
        ("lead-0", "cover_removed", "rota", {"cover": cover.id}),
        ("lead-0", "shift_removed", "rota", {"shift": made.id}),
    ]
    assert [line.id for line in run(members.rota_lines, at=AT)] == [night.id]


def test_shift_or_cover_that_is_not_there_cant_be_removed(run):
    with pytest.raises(RefusedError, match=r"^there is no shift 9: see `nervecheck rota list`$"):
        run(members.drop_shift, 9)
    with pytest.raises(RefusedError, match=r"^there is no cover 9: see `nervecheck rota list`$"):
        run(members.drop_cover, 9)
    assert audited(run) == []


def test_shift_of_a_removed_member_is_refused(run):
    add(run, "ann", state="gone")
    why = "^ann was removed from the team: `nervecheck staff link ann` brings them back$"
    with pytest.raises(RefusedError, match=why):
        run(members.add_shift, "ann")


@pytest.mark.parametrize(
    ("away", "first", "last", "why"),
    [
        ("ben", 0, 0, "ben can't cover for ben: name someone else"),
        ("ann", 2, 1, "the cover ends on 2026-03-03, before it begins on 2026-03-04"),
        ("ann", -2, -1, "the cover ends on 2026-03-01: that day has passed"),
    ],
)
def test_cover_that_makes_no_sense_is_refused(run, away, first, last, why):
    add(run, "ann")
    add(run, "ben")
    with pytest.raises(RefusedError) as refused:
        run(members.add_cover, away, "ben", first=TODAY + first * DAY, last=TODAY + last * DAY, at=AT)
    assert str(refused.value) == why


def test_cover_ends_by_the_clinics_own_date(run):
    """23:30 in London is the next day in Berlin."""
    add(run, "ann")
    add(run, "ben")
    late = AT + 14 * HOUR + 30 * MINUTE
    with pytest.raises(RefusedError, match="that day has passed"):
        run(members.add_cover, "ann", "ben", first=TODAY, last=TODAY, at=late)
    assert run(members.add_cover, "ann", "ben", first=TODAY, last=TODAY + DAY, at=late)
    assert [c.last for c in run(members.rota_of, at=AT + 3 * DAY).covers] == []


def test_rota_is_given_by_names_in_order_of_rank(run):
    for name in ("ann", "ben", "cleo"):
        add(run, name)
    run(members.add_shift, "ann", days=(0,), start=time(8), end=time(16), rank=1)
    run(members.add_shift, "ben", out_of_hours=True, rank=2)
    run(members.add_shift, "cleo", out_of_hours=True, rank=1)
    run(members.add_shift, "ann", out_of_hours=True, rank=2)
    run(members.add_cover, "ann", "ben", first=TODAY, last=TODAY)
    rota = run(members.rota_of, at=AT + DAY)
    assert rota.timezone == "Europe/Berlin"
    assert [(s.who, s.days, s.start, s.end, s.rank) for s in rota.shifts] == [("ann", {0}, time(8), time(16), 1)]
    assert rota.out_of_hours == ("cleo", "ben", "ann")
    covers = [(c.away, c.instead, c.first, c.last) for c in rota.covers]
    assert covers == [("ann", "ben", TODAY, TODAY)], "a night shift of yesterday may still run"


def test_rota_lists_the_covers_of_the_clinics_own_today(run):
    """23:30 in London is the next day in Berlin; for who is on call, a night of the day before counts as well."""
    for name in ("ann", "ben"):
        add(run, name)
    for days in (0, 1):
        run(members.add_cover, "ann", "ben", first=TODAY, last=TODAY + days * DAY, at=AT)
    late = AT.replace(hour=23, minute=30)
    assert [line.days for line in run(members.rota_lines, at=AT)] == [
        "2026-03-02 to 2026-03-02",
        "2026-03-02 to 2026-03-03",
    ]
    assert [line.days for line in run(members.rota_lines, at=late)] == ["2026-03-02 to 2026-03-03"]
    assert [c.last for c in run(members.rota_of, at=late).covers] == [TODAY, TODAY + DAY]
    assert [c.last for c in run(members.rota_of, at=late + DAY).covers] == [TODAY + DAY]
    assert [c.last for c in run(members.rota_of, at=late + 2 * DAY).covers] == []


# -- the digest


@pytest.mark.parametrize(
    ("clock", "sent"), [((6, 59), 0), ((7, 0), 1), ((10, 59), 1), ((11, 0), 0)], ids=["7:59", "8:00", "11:59", "12:00"]
)
def test_digest_is_sent_from_eight_to_noon_of_the_clinic(run, clock, sent):
    add(run, "ann", state="active", chat_id=50)
    add(run, "ben", state="active", chat_id=51, unreachable_at=AT)
    at = AT.replace(hour=clock[0], minute=clock[1])
    assert run(digest.send_due, at=at) == sent
    assert run(digest.send_due, at=at + MINUTE if sent else at) == 0, "once a day"
    assert run(digest.send_due, at=AT.replace(hour=9) + DAY) == 1


# -- sample data


def test_sample_patient_and_lead_get_the_next_free_number(run):
    run(lambda s: s.settings.set(BOT_NAME, "sample_bot"))
    first, second = run(demo.add_patient, at=AT), run(demo.add_patient, at=AT)
    assert (first["code"], second["code"]) == ("P-0001", "P-0002")
    assert first["link"] == f"https://t.me/sample_bot?start={first['start']}"
    found = run(lambda s: s.patients.by_code("P-0001"))
    assert found.treatment.first_start == TODAY - 7 * DAY
    lead, other = run(demo.add_lead, at=AT), run(demo.add_lead, at=AT)
    assert (lead["code"], other["code"]) == ("lead-1", "lead-2")
    assert lead["link"] == f"https://t.me/sample_bot?start={lead['start']}"
    assert person(run, "lead-2").role == "lead"
    shifts = [(s.staff_id, s.out_of_hours, s.rank) for s in run(lambda s: s.rota.shifts())]
    assert shifts == [(person(run, "lead-1").id, True, 1), (person(run, "lead-2").id, True, 2)]
    assert {(actor, action) for actor, action, _, _ in audited(run)} == {
        ("operator", "patient_added"),
        ("sandbox", "staff_added"),
        ("sandbox", "shift_added"),
    }
    assert run(members.join, lead["start"], 50, at=AT).name == "lead-1"


@pytest.mark.parametrize(("kind", "code"), [("patient", "P-0002"), ("lead", "lead-2")])
def test_sample_that_another_browser_has_just_added_gets_the_next_number(run, kind, code):
    use_case = {"patient": demo.add_patient, "lead": demo.add_lead}[kind]
    run(use_case, at=AT)

    def hurried(work):
        """The other one is not seen yet when its name is looked up."""
        store, name = (work.patients, "by_code") if kind == "patient" else (work.staff, "by_name")
        real, looked_up = getattr(store, name), []

        def first_nobody(given, **more):
            looked_up.append(given)
            return real(given, **more) if len(looked_up) > 1 else None

        setattr(store, name, first_nobody)
        return use_case(work)

    assert run(hurried, at=AT)["code"] == code
