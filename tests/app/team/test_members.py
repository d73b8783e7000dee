"""Members, shifts and covers: what is refused, and how the rota is listed."""

from datetime import date

import pytest

from bot.app.ports.errors import DuplicateError, RefusedError
from bot.app.team import members


@pytest.fixture
def team(team):
    team.join("ann")
    return team


def add(team, **changes):
    return team.run(members.add, by="lead-0", **{"name": "ben", "role": "coordinator", "language": None, **changes})


@pytest.mark.parametrize(
    ("bad", "why"), [({"name": "+49 30"}, "is not a short name"), ({"language": "fr"}, "enabled are en, es, ru")]
)
def test_member_with_bad_fields_is_refused(team, bad, why):
    with pytest.raises(RefusedError, match=why):
        add(team, **bad)


def test_name_of_a_member_is_unique(team):
    with pytest.raises(DuplicateError, match="in the team already"):
        add(team, name="ann")


@pytest.mark.parametrize("days", [(), range(0)])
def test_shift_without_a_day_is_refused(team, days):
    with pytest.raises(RefusedError, match="has no weekday"):
        team.add_shift("ann", days=days)


def test_cover_that_makes_no_sense_is_refused(team):
    day = date(2026, 3, 2)
    team.join("ben")
    team.join("cleo")
    for away, instead, first, last, why in (
        ("ann", "ann", day, day, "name someone else"),
        ("ann", "ben", day, date(2026, 3, 1), "before it begins"),
        ("ann", "ben", date(2026, 2, 1), date(2026, 3, 1), "has passed"),
        ("ann", "nobody", day, day, "no team member has the name"),
    ):
        with pytest.raises(RefusedError, match=why):
            team.run(members.add_cover, away, instead, first=first, last=last, by="lead-0")
    made = team.run(members.add_cover, "ann", "cleo", first=day, last=day, by="lead-0")
    team.run(members.drop_cover, made.id, by="lead-0")
    with pytest.raises(RefusedError, match="there is no cover"):
        team.run(members.drop_cover, made.id, by="lead-0")
    with pytest.raises(RefusedError, match="there is no shift"):
        team.run(members.drop_shift, 99, by="lead-0")


def test_rota_lists_shifts_and_covers(team):
    team.add_shift("ann", days=(0, 1), rank=2)
    team.add_shift("ann", out_of_hours=True)
    first = date(2026, 3, 2)
    team.join("ben")
    team.run(members.add_cover, "ann", "ben", first=first, last=first, by="lead-0")
    lines = [(line.kind, line.who, line.days, line.rank) for line in team.run(members.rota_lines)]
    assert lines == [
        ("shift", "ann", "mon tue", 2),
        ("out of hours", "ann", "mon tue wed thu fri sat sun", 0),
        ("cover", "ben for ann", "2026-03-02 to 2026-03-02", None),
    ]
