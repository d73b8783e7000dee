"""Protocol files of former versions: still read, and what was assessed with them comes out the same.

`protocols/default-2.0.assessments.jsonl` was written by the program that shipped protocol 2.0: 300 seeded assessments.
"""

import json

import pytest

from bot.content.loader import packaged_protocol
from bot.core import checkin as core
from bot.core.protocol import SKIP
from bot.core.triage import History, assess
from tests.content.former import FOLDER, protocol_2

STORED = [json.loads(line) for line in (FOLDER / "default-2.0.assessments.jsonl").read_text().splitlines()]


def answers(stored):
    return {question: tuple(choices) for question, choices in stored.items()} if stored is not None else None


def test_assessments_of_protocol_2_come_out_again():
    protocol = protocol_2()
    for row in STORED:
        history = History(previous=answers(row["previous"]), baseline=answers(row["baseline"]))
        found = assess(answers(row["answers"]), history, protocol, form=row["form"], finished=row["finished"])
        assert (found.tier.name, list(found.rules), found.complete) == (row["tier"], row["rules"], row["complete"]), row


def test_stored_assessments_fire_nearly_every_rule_of_protocol_2():
    fired = {rule for row in STORED for rule in row["rules"]}
    assert len(fired) > 0.9 * len(protocol_2().rules)


@pytest.mark.parametrize("form", list(protocol_2().forms))
def test_skipping_everything_ends_a_form_of_protocol_2(form):
    """It asks nothing again: that is `on_skip`, which former files don't have."""
    protocol = protocol_2()
    checkin = core.open_checkin(form, protocol)
    taps = 0
    while checkin.cursor is not None:
        skip = core.Skip(question=checkin.cursor, revision=checkin.revision)
        checkin = core.step(checkin, skip, protocol, History()).checkin
        taps += 1
    assert taps == len(checkin.answers)
    assert set(checkin.answers.values()) == {(SKIP,)}


def test_the_packaged_protocol_is_a_newer_one():
    assert packaged_protocol().read_bytes() != (FOLDER / "default-2.0.yaml").read_bytes()
