"""A table of patients: every fault by line and column, all added or none."""

from datetime import date

import pytest

from bot.app.patients import importing
from bot.app.patients.importing import ImportFaultsError
from tests.app.conftest import AT
from tests.fakes.work import work_on

HEADER = "code,ici_start,regimen,plan,language,timezone\n"


@pytest.fixture
def add(database, clinic):
    def done(text):
        content = text if isinstance(text, bytes) else text.encode()
        return database.run(lambda s: importing.add_all(work_on(s, clinic, AT, actor="operator"), content))

    return done


@pytest.fixture
def faults(add, database):
    def notified(text):
        before = len(database.run(lambda s: s.patients.page()))
        with pytest.raises(ImportFaultsError) as refused:
            add(text)
        assert len(database.run(lambda s: s.patients.page())) == before, "nobody is added"
        return [str(fault) for fault in refused.value.faults]

    return notified


def test_all_are_added_in_order_with_an_invite_each(database, add):
    made = add(HEADER + "P-0011,2026-02-01,combination,,es,Asia/Tokyo\nP-0010,2026-03-05,,,,\n")
    assert [one.code for one in made] == ["P-0011", "P-0010"]
    assert len({one.start for one in made}) == 2
    first, second = (database.run(lambda s, c=c: s.patients.by_code(c)) for c in ("P-0011", "P-0010"))
    assert (first.regimen, first.plan, first.language, first.timezone) == (
        "combination",
        "combination",
        "es",
        "Asia/Tokyo",
    )
    assert (second.regimen, second.plan, second.treatment.first_start) == ("single", "standard", date(2026, 3, 5))


def test_team_is_asked_for_the_usual_signs_of_each_who_was_imported(database, add):
    add("code,ici_start\nP-0011,2026-02-01\nP-0010,2026-03-05\n")
    found = [(t.kind, t.subject, t.patient_id, t.raised_at) for t in database.run(lambda s: s.tasks.open())]
    ids = {code: database.run(lambda s, c=code: s.patients.by_code(c)).id for code in ("P-0010", "P-0011")}
    assert sorted(found) == [("ask_usual_signs", code, number, AT) for code, number in ids.items()]


@pytest.mark.parametrize(
    "text",
    [
        "code,ici_start\nP-0011,2026-02-01\n",
        "\ufeffcode;ici_start\r\nP-0011;2026-02-01\r\n;\r\n",
        'ICI_start , Code\n2026-02-01,"P-0011"\n\n',
    ],
    ids=["plain", "a spreadsheet's", "other order, quotes, empty line"],
)
def test_tables_as_programs_write_them(add, text):
    assert [one.code for one in add(text)] == ["P-0011"]


@pytest.mark.parametrize(
    ("row", "notified"),
    [
        ("Anna,2026-02-01,,,,", "line 2, code: code 'Anna': use 2 to 16"),
        ("P-0001,2026-02-01,,,,", "line 2, code: P-0001 is in use already"),
        (",2026-02-01,,,,", "line 2, code: is empty"),
        ("P-0011,,,,,", "line 2, ici_start: is empty"),
        ("P-0011,01.02.2026,,,,", "line 2, ici_start: '01.02.2026' is not a date: write it as 2026-03-31"),
        ("P-0011,20260201,,,,", "line 2, ici_start: '20260201' is not a date"),
        ("P-0011,1999-02-01,,,,", "line 2, ici_start: ICI start 1999-02-01: use a day between ten years ago"),
        ("P-0011,2026-02-01,triple,,,", "line 2, regimen: 'triple': use one of single, combination"),
        ("P-0011,2026-02-01,,weekly,,", "line 2, plan: plan 'weekly': the protocol has"),
        ("P-0011,2026-02-01,,,fr,", "line 2, language: language 'fr': enabled are en, es, ru"),
        ("P-0011,2026-02-01,,,,Berlin", "line 2, timezone: time zone 'Berlin': use an IANA name"),
        ("P-0011,2026-02-01", "line 2: 2 cells, but the first line names 6 columns"),
    ],
)
def test_a_bad_row(faults, anna, row, notified):
    (fault,) = faults(HEADER + row + "\n")
    assert fault.startswith(notified)


@pytest.mark.parametrize(
    ("text", "notified"),
    [
        ("", ["line 1: there is no column 'code'", "line 1: there is no column 'ici_start'"]),
        ("code,ici_start,name\n", ["line 1: there is no column 'name' to import: use code, ici_start, regimen"]),
        ("code,ici_start,code\n", ["line 1: column 'code' appears twice"]),
        (b"code,ici_start\nP-\xff,2026-02-01\n", ["line 1: the file is not text in UTF-8"]),
        ("code,ici_start\nP-0011,2026-02-01\nP-0011,2026-02-01\n", ["line 3, code: P-0011 is in line 2 already"]),
    ],
)
def test_a_bad_table(faults, text, notified):
    found = faults(text)
    assert len(found) == len(notified)
    assert all(fault.startswith(start) for fault, start in zip(found, notified, strict=True))


def test_import_with_seven_bad_rows_reports_them_and_adds_none(faults):
    bad = {17, 18, 250, 499, 500, 777, 1000}
    lines = [f"Q-{n:04},{'soon' if n in bad else '2026-02-01'},,,,\n" for n in range(1, 1001)]
    found = faults(HEADER + "".join(lines))
    assert [int(fault.split(",")[0].removeprefix("line ")) for fault in found] == sorted(n + 1 for n in bad)


def test_import_reports_all_faults_of_a_row(faults):
    found = faults(HEADER + "P-0011,2026-02-01,,weekly,fr,Berlin\n")
    assert [fault.split(":")[0] for fault in found] == ["line 2, plan", "line 2, language", "line 2, timezone"]


def test_too_many_are_refused(faults, monkeypatch):
    monkeypatch.setattr(importing, "MAX_ROWS", 2)
    lines = "".join(f"P-00{n},2026-02-01\n" for n in range(10, 14))
    assert faults("code,ici_start\n" + lines) == ["line 4: more than 2 patients: split the file"]
