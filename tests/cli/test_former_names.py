"""What programs read and write keeps its former name for one version, next to the new one."""

import json
from typing import get_args

from bot.app.records.alerts import FORMER_OUTCOMES, AlertOutcome
from bot.cli.command_context import FORMER_KEYS, print_json


def test_renamed_key_is_printed_under_both_names(capsys):
    print_json([{"owner": "lead-1", "changes": [{"plan_override": {"a": 1}}], "code": "P-1"}])
    assert json.loads(capsys.readouterr().out) == [
        {
            "owner": "lead-1",
            "taken_by": "lead-1",
            "changes": [{"plan_override": {"a": 1}, "own": {"a": 1}}],
            "code": "P-1",
        }
    ]


def test_no_former_key_is_a_name_of_now():
    assert not set(FORMER_KEYS) & set(FORMER_KEYS.values())


def test_former_outcomes_lead_to_outcomes():
    assert set(FORMER_OUTCOMES.values()) <= set(get_args(AlertOutcome))
    assert not set(FORMER_OUTCOMES) & set(get_args(AlertOutcome))
