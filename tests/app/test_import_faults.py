"""Tables that can't be imported: each fault as staff read it, by line and column."""

from functools import partial

import pytest

from bot.app.patients import importing, registry
from bot.app.patients.importing import ImportFaultsError
from tests.app.conftest import AT
from tests.fakes.work import run as transact

HEADER = "code,ici_start,regimen,plan,language,timezone,drug\n"


@pytest.fixture
def run(database, clinic):
    return partial(transact, database, clinic)


def faults(run, text):
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ImportFaultsError) as refused:
        run(importing.add_all, content, at=AT)
    assert str(refused.value) == "\n".join(map(str, refused.value.faults))
    assert run(lambda s: s.patients.page()) == []
    return [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"\xff", ["line 1: the file is not text in UTF-8: save it as 'CSV UTF-8'"]),
        (
            f"code,ici_start\nA-1,{'x' * 131_073}\n",
            ["line 2: the file is not valid CSV: field larger than field limit (131072)"],
        ),
        (
            "",
            [
                "line 1: there is no column 'code': the first line names the columns",
                "line 1: there is no column 'ici_start': the first line names the columns",
            ],
        ),
        (
            "code,ici_start,name,code,name\n",
            [
                (
                    "line 1: there is no column 'name' to import: "
                    "use code, ici_start, regimen, plan, language, timezone, drug, ici_stop, stop_reason"
                ),
                "line 1: column 'code' appears twice",
                "line 1: column 'name' appears twice",
            ],
        ),
        ("code,ici_start\nA-1\n", ["line 2: 1 cells, but the first line names 2 columns"]),
        (
            "code,ici_start\n,\n,2026-02-01\nA-1,\n",
            ["line 3, code: is empty: every patient needs one", "line 4, ici_start: is empty: every patient needs one"],
        ),
        (
            HEADER + "A-1,2026-2-1,double,,,,\n",
            [
                "line 2, ici_start: '2026-2-1' is not a date: write it as 2026-03-31",
                "line 2, regimen: 'double': use one of single, combination",
            ],
        ),
        (HEADER + "A-1,20260201,,,,,\n", ["line 2, ici_start: '20260201' is not a date: write it as 2026-03-31"]),
        (
            HEADER + "A-1,2026-02-01,,,,,x\nA-2,2026-02-01,,,de,,\nA-1,2026-02-01,,,,,\n",
            [
                "line 2, drug: drug 'x': use its name in 2 to 60 letters, digits, spaces and + - / ( ) ,",
                "line 3, language: language 'de': enabled are en, es, ru (NERVECHECK_LANGUAGES)",
                "line 4, code: A-1 is in line 2 already: give each patient one line",
            ],
        ),
    ],
)
def test_faults_of_a_table_are_named_by_line_and_column(run, text, found):
    assert faults(run, text) == found


def test_code_in_use_is_a_fault(run):
    run(registry.add, code="A-1", ici_start=AT.date())
    with pytest.raises(ImportFaultsError) as refused:
        run(importing.add_all, b"code,ici_start\nA-1,2026-02-01\n", at=AT)
    assert str(refused.value) == "line 2, code: A-1 is in use already: leave the line out, or choose another code"


def test_rows_beyond_the_limit_are_a_fault(run, monkeypatch):
    monkeypatch.setattr(importing, "MAX_ROWS", 2)
    rows = "".join(f"A-{n},2026-02-01\n" for n in range(3))
    assert faults(run, f"code,ici_start\n{rows}") == ["line 4: more than 2 patients: split the file"]
    added = run(importing.add_all, b"code,ici_start\nA-1,2026-02-01\nA-2,2026-02-01\n", at=AT)
    assert [(one.code, one.language) for one in added] == [("A-1", "en"), ("A-2", "en")]


def test_row_has_every_column(run):
    run(importing.add_all, (HEADER + "A-1,2026-02-01,combination,standard,es,Asia/Tokyo,nivolumab\n").encode(), at=AT)
    made = run(lambda s: s.patients.by_code("A-1"))
    assert (made.regimen, made.plan, made.language, made.timezone, made.treatment.newest.drug) == (
        "combination",
        "standard",
        "es",
        "Asia/Tokyo",
        "nivolumab",
    )


@pytest.mark.parametrize("sign", [",", ";"])
def test_table_may_have_commas_or_semicolons(run, sign):
    text = f'code{sign}ici_start{sign}drug\nA-1{sign}2026-02-01{sign}"a{"," if sign == ";" else ";"} b"\n'
    if sign == ",":
        assert faults(run, text)[0].startswith("line 2, drug")
    else:
        run(importing.add_all, text.encode(), at=AT)
        assert run(lambda s: s.patients.by_code("A-1")).treatment.newest.drug == "a, b"
