"""Faulty content: every kind of fault is reported with file, line and reason, and all faults together."""

import hashlib
import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content.faults import ContentError, Fault
from bot.content.loader import load_protocol, packaged_protocol, read_protocol
from bot.content.texts import Texts
from bot.core.protocol import BUTTON_ROOM, Tier
from tests.content.schema import PATH, schema_text

GOOD = packaged_protocol().read_text(encoding="utf-8")


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1, old
    return GOOD.replace(old, new, 1)


@cache
def faults_of(text: str, texts=None) -> tuple[Fault, ...]:
    with pytest.raises(ContentError) as refused:
        read_protocol("clinic.yaml", text.encode(), texts)
    assert str(refused.value) == "\n".join(str(f) for f in refused.value.faults)
    return refused.value.faults


PROTOCOL_FORMS = load_protocol().forms


def line_of(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


# --- Good content -----------------------------------------------------------------------------------------------------


def test_packaged_protocol_loads_with_its_strings():
    protocol = load_protocol(texts=Texts.load(["en"]))
    assert (protocol.name, set(protocol.forms), set(protocol.plans)) == (
        "default",
        {"quick", "full", "baseline", "again"},
        {"standard", "combination"},
    )
    assert protocol.unassessable is Tier.URGENT


def test_content_hash_is_that_of_the_file(tmp_path):
    path = tmp_path / "clinic.yaml"
    path.write_text(GOOD + "# signed\n", encoding="utf-8")
    assert load_protocol(path).content_hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_protocol(path).content_hash != load_protocol().content_hash


def test_published_schema_is_current():
    assert PATH.read_text(encoding="utf-8") == schema_text(), "write it with python -m tests.content.schema"
    first = GOOD.splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../{PATH.name}"


def test_schema_uses_the_names_of_files():
    schema = json.loads(schema_text())
    rule = schema["$defs"]["Rule"]["properties"]
    assert "if" in rule
    assert rule["tier"]["enum"] == ["ROUTINE", "SOON", "URGENT", "EMERGENCY"]
    assert schema["properties"]["tip_rest"]["pattern"]


def test_yaml_1_2_reads_no_and_times_as_strings():
    protocol = load_protocol()
    assert protocol.questions["change"].choice("no") is not None
    assert f"{protocol.clocks.quiet_from:%H:%M}" == "21:00"


# --- One fault each: what is replaced, at which line it is told, what is said ---------------------------------------------

NUMBNESS_WHEN = "when: [{numbness: [mild, medium, strong, very_strong]}]"
FAULTS = {
    "YAML syntax": ("  - id: change\n", "  - id: [change\n", None, "this is not valid YAML"),
    "a key used twice": ("tip_rest: 14 days", "tip_rest: 14 days\ntip_rest: 7 days", "tip_rest: 7", "this is not valid YAML"),
    "schema: unknown field": ("    red_flag: true", "    red_flagg: true", "red_flagg", "'red_flagg' is not a known field"),
    "schema: missing field": ("group: change, tier: ROUTINE, if: {change: [no]}", "tier: ROUTINE, if: {change: [no]}", "change.no", "'group' is missing: add it"),
    "schema: tier": ("tier: SOON, if: {change: [yes", "tier: LATER, if: {change: [yes", "LATER", "'LATER' is not a tier"),
    "schema: duration": ("cutoff: 12 h", "cutoff: 12", "cutoff: 12", "write it like '15 min'"),
    "schema: a rule with two clauses": ("if: {change: [no]}", "if: {change: [no]}, count: {question: autonomic, at_least: 2}", "change.no", "exactly one of if, worse"),
    "section missing": ("tip_rest: 14 days\n", "", "yaml-language-server", "'tip_rest' is missing"),
    "section unknown": ("tip_rest: 14 days", "tip_pause: 2 h\ntip_rest: 14 days", "tip_pause", "'tip_pause' is not a known field"),
    "unknown question asked": ("- {ask: change}", "- {ask: chnage}", "ask: chnage", "there is no question 'chnage'"),
    "unknown question in a rule": ("if: {which_now: [head]}", "if: {which: [head]}", "which: [head]", "there is no question 'which'"),
    "unknown question in worse": ("rules:\n", "rules:\n  - {id: x, group: x, tier: SOON, worse: {question: numb, than: last}}\n", "question: numb,", "there is no question 'numb'"),
    "unknown choice in a rule": ("[yes, not_sure]}, alone: true", "[yes, unsure]}, alone: true", "unsure", "question 'change' has no choice 'unsure': use one of no, yes, not_sure, skip"),
    "unknown choice in unless": ("unless: {known_before: [yes_known]}", "unless: {known_before: [known]}", "[known]", "has no choice 'known'"),
    "unknown choice in a step": ("when: [{safety_now: [yes, not_sure]}]", "when: [{safety_now: [yess, not_sure]}]", "yess", "has no choice 'yess'"),
    "unknown choice in a tip": ("when: [{autonomic: [dizzy]}]", "when: [{autonomic: [dizy]}]", "dizy", "has no choice 'dizy'"),
    "unknown form in a plan": ("- {form: full, every: 28}", "- {form: fuller, every: 28}", "form: fuller", "there is no form 'fuller'"),
    "unknown form in a tail": ("        - {form: full, every: 28}\n      days", "        - {form: tale, every: 28}\n      days", "form: tale", "there is no form 'tale'"),
    "a form the program needs": ("- id: baseline", "- id: start", "forms:", "there is no form 'baseline', which the program opens by name"),
    "a form that asks nothing": ("  - id: quick\n    steps:", "  - {id: empty, steps: []}\n  - id: quick\n    steps:", "id: empty", "form 'empty' has no steps"),
    "unreachable: no form asks it": ("- id: change\n", "- id: changed\n    choices: [{id: no}, {id: yes}]\n  - id: change\n", "id: changed", "'changed' is unreachable: no form asks it"),
    "unreachable: asked by another form": (NUMBNESS_WHEN, "when: [{known_before: [no]}]", "known_before: [no]", "form 'quick' does not ask 'known_before' before it"),
    "unreachable: can never hold": ("when: [{interference: [quite_a_bit, very_much]}]", "when: [{interference: [very_much], numbness: [none]}]", "numbness: [none]}]", "no earlier answers can fulfil this condition"),
    "a condition that names no choice": ("when: [{safety_new: [yes, not_sure]}]", "when: [{safety_new: []}]", "safety_new: []", "'safety_new' has no choices here"),
    "an empty condition": ("when: [{safety_new: [yes, not_sure]}]", "when: [{}]", "when: [{}]", "this condition is empty"),
    "looping: waits for itself": ("when: [{safety_new: [yes, not_sure]}]", "when: [{which_new: [eyes]}]", "when: [{which_new", "the form would loop"),
    "looping: waits for a later one": ("when: [{safety_now: [yes, not_sure]}]", "when: [{numbness: [mild]}]", "{numbness: [mild]}", "not asked before it: the form would loop"),
    "asked twice": ("- {ask: safety_new, text: question.signs_new}", "- {ask: safety_new}\n      - {ask: safety_now}", "- {ask: safety_new}", "form 'quick' asks 'safety_now' twice"),
    "a question's own id twice": ("- id: which_now", "- id: safety_now", None, "'safety_now' is used twice in 'questions'"),
    "a rule's id twice": ("id: now.head", "id: now.mind", "which_now: [head]", "'now.mind' is used twice in 'rules'"),
    "shadowed by a higher rule": ("- {id: now.heart,", "- {id: low.heart, group: heart, tier: SOON, if: {which_now: [heart]}}\n  - {id: now.heart,", "low.heart", "'low.heart' never has an effect: 'now.heart' already gives EMERGENCY"),
    "shadowed by a wider rule": ("- {id: now.none,", "- {id: now.again, group: emergency, tier: EMERGENCY, if: {safety_now: [yes], change: [yes]}}\n  - {id: now.none,", "now.again", "'now.again' never has an effect"),
    "the same rule twice": ("  - id: sensory.some", "  - {id: sensory.twin, group: sensory, tier: URGENT, composite: {severity: numbness, interference: interference, at_least: 3}}\n  - id: sensory.some", "id: sensory.composite", "'sensory.twin' already gives URGENT"),
    "worse on what is no scale": ("rules:\n", "rules:\n  - {id: x, group: x, tier: SOON, worse: {question: change, than: last}}\n", "question: change,", "'change' is not a scale question"),
    "count on what is not several": ("count: {question: autonomic", "count: {question: change", "count: {question: change", "'change' is not a several question"),
    "composite on what is no scale": ("severity: numbness,", "severity: change,", "severity: change", "'change' is not a scale question"),
    "a red flag's skip is an all-clear": ("group: unanswered, tier: SOON, if: {safety_new", "group: unanswered, tier: ROUTINE, if: {safety_new", "id: safety_new", "skipping the red-flag question 'safety_new' would end in an all-clear"),
    "a skip that alarms and does not": ("{safety_new: [skip]}, pairs", "{falls: [skip]}, pairs", "id: falls", "skipping 'falls' is no answer ('on_skip: no_answer'), but a rule raises an alarm"),
    "a red flag that alarms for no skip": ("    red_flag: true\n    on_skip: no_answer\n    choices:\n      - {id: eyes}", "    red_flag: true\n    choices:\n      - {id: eyes}", "id: which_new", "skipping the red-flag question 'which_new' would end in an all-clear"),
    "a safety screen asked once": ("    on_skip: ask_again\n    signs:\n      tier: URGENT", "    signs:\n      tier: URGENT", "id: safety_new", "set 'on_skip: ask_again'"),
    "a safety screen with nine lines": ("        - {id: eyes, choices: [eyes]}", "        - {id: eyes, choices: [eyes]}\n        - {id: a, choices: [eyes]}\n        - {id: b, choices: [eyes]}", None, "at most 8"),
    "a sign on no line": ("choices: [muscle_pain, urine]", "choices: [muscle_pain]", None, "the sign 'urine' of 'which_new' is on no line"),
    "a sign on two lines": ("choices: [muscle_pain, urine]", "choices: [muscle_pain, urine, eyes]", "choices: [muscle_pain, urine, eyes]", "the sign 'eyes' is on more than one line"),
    "an unknown sign": ("choices: [muscle_pain, urine]", "choices: [muscle_pain, urine, ears]", "urine, ears", "'which_new' has no choice 'ears'"),
    "signs named in an unknown question": ("named_in: which_new", "named_in: which_one", "named_in: which_one", "there is no question 'which_one'"),
    "a sign of a lower tier": ("group: urine, tier: URGENT", "group: urine, tier: SOON", "choices: [muscle_pain, urine]", "the sign 'urine' is on a safety screen of URGENT, but no rule gives it that tier"),
    "a safety screen of a lower tier": ("      tier: URGENT\n      named_in", "      tier: SOON\n      named_in", None, "no answer to 'safety_new' gives SOON, the tier of its signs"),
    "no level, and no scale": ("      - {id: none, text: choice.none_of_signs}", "      - {id: none, text: choice.none_of_signs, off_scale: true}", "id: safety_now", "'off_scale' applies only to a scale"),
    "a level that is none": ("rules:\n", "rules:\n  - {id: x, group: x, tier: SOON, worse: {question: stairs, than: last, reaching: na}}\n", "reaching: na", "question 'stairs' has no choice 'na' that this rule can use: use one of none, some, much, cannot"),
    "a count of an unknown choice": ("choices: [dizzy, bowel, full]}", "choices: [dizzy, bowel, fuller]}", "fuller", "question 'autonomic' has no choice 'fuller'"),
    "a topic with the signs of what has none": ("signs: [safety_now, safety_new]", "signs: [change]", "signs: [change]", "'change' is not a safety screen with signs"),
    "unassessable counts as nothing": ("unassessable: URGENT", "unassessable: ROUTINE", "unassessable: ROUTINE", "must not count as ROUTINE"),
    "composite table too small": ("  - [2, 2, 2, 3, 3]\n", "", "composite_table:", "needs 5 rows of 5 values"),
    "composite table falls across": ("[1, 2, 2, 3, 3]", "[1, 2, 1, 3, 3]", "[1, 2, 1", "a worse answer gives a lower value in this row"),
    "composite table falls down": ("[2, 2, 2, 3, 3]", "[0, 2, 2, 3, 3]", "[0, 2, 2", "a lower value than in the row above"),
    "composite table has a hole": ("[1, 1, 1, 2, 2]", "[1, null, 1, 2, 2]", "[1, null", "a value is missing in this row"),
    "phase gap": ("first_day: 92", "first_day: 94", "name: middle", "days 92 to 93 have no phase"),
    "phase overlap": ("first_day: 92", "first_day: 90", "name: middle", "days 90 to 91 have two phases"),
    "cadence that can't be kept": ("every: 7, offset: 2}", "every: 7, offset: 9}", "name: early", "offset 9 is not below every 7 days"),
    "tail that asks nothing": ("      cadences:\n        - {form: full, every: 28}\n      days_after_stop", "      cadences: []\n      days_after_stop", "    tail:", "has no check-ins"),
    "phases missing": (None, None, "name: combination", "there are no phases"),
    "callback data, question and choice": ("- {id: quite_a_bit}", "- {id: more_than_somewhat_much}", "more_than_somewhat_much", "would exceed 64 bytes"),
    "callback data of a tip": ("id: move_daily,", "id: move_daily_and_nightly,", "move_daily_and_nightly", "would exceed 64 bytes"),
    "a tip from an unknown source": ("{id: what_it_is, sources: [seed]}", "{id: what_it_is, sources: [sead]}", "sead", "there is no source 'sead': add it to 'sources'"),
    "a source that nothing names": ("sources:\n  seed:", 'sources:\n  nobody: "Nobody"\n  seed:', "nobody:", "no tip or topic cites the source 'nobody'"),
    "a topic twice": ("- {id: can_it_happen,", "- {id: what_it_is,", None, "'what_it_is' is used twice in 'topics'"),
    "asked daily by an unknown form": ("again: {form: again}", "again: {form: daily}", "again: {form", "there is no form 'daily'"),
    "stable after no day": ("again: {form: again}", "again: {form: again, stable_days: 0}", "again: {form", "greater than or equal to 1"),
    "a rule that waits for an unknown question": ("waits_for: known_stairs", "waits_for: known_steps", "waits_for: known_steps", "there is no question 'known_steps'"),
    "a rule that waits for what comes before": ("waits_for: known_stairs", "waits_for: safety_new", "waits_for: safety_new", "asks 'safety_new' before a question of rule"),
    "an emergency that waits": ("tier: SOON\n    if: {stairs: [some]}", "tier: EMERGENCY\n    if: {stairs: [some]}", "waits_for: known_stairs", "gives EMERGENCY, which must never wait"),
    "a topic's id past a button's room": ("{id: what_it_is,", "{id: what_it_is_and_where_it_all_comes_from,", "what_it_is_and", "should match pattern"),
    "clock: zero duration": ("cutoff: 12 h", "cutoff: 0 h", "cutoff: 0 h", "cutoff must be positive"),
    "clock: zero tip rest": ("tip_rest: 14 days", "tip_rest: 0 days", "tip_rest: 0", "tip_rest must be positive"),
    "clock: reminders not in order": ("reminders: [24 h, 48 h]", "reminders: [48 h, 24 h]", "reminders: [", "each reminder must be later than the one before"),
    "clock: an immediate reminder": ("reminders: [24 h, 48 h]", "reminders: [0 h, 48 h]", "reminders: [", "each reminder must be later"),
    "clock: silence before a reminder": ("silent_after: 72 h", "silent_after: 30 h", "silent_after", "not later than the last reminder"),
    "clock: jitter not below the cutoff": ("jitter: 10 min", "jitter: 12 h", "jitter:", "jitter is not shorter than cutoff"),
    "clock: a tier without safety follow-up": ("    SOON: {after: 24 h, times: 2}\n", "", "loop_back:", "loop_back lacks SOON"),
    "clock: an immediate safety follow-up": ("URGENT: {after: 1 h,", "URGENT: {after: 0 h,", "loop_back:", "loop_back for URGENT must be positive"),
    "clock: safety follow-ups not in order": ("EMERGENCY: {after: 15 min,", "EMERGENCY: {after: 2 h,", "loop_back:", "loop_back for EMERGENCY waits longer than for URGENT"),
    "clock: a tier without acknowledgement times": ("    SOON: {next: 24 h, everyone: 48 h}\n", "", "  ack:", "ack lacks SOON"),
    "clock: an immediate acknowledgement time": ("URGENT: {next: 1 h,", "URGENT: {next: 0 h,", "  ack:", "'next' must be positive"),
    "clock: everyone before the next": ("everyone: 4 h", "everyone: 30 min", "  ack:", "'everyone' later than 'next'"),
    "clock: an emergency waits longest": ("EMERGENCY: {next: 15 min, everyone: 30 min}", "EMERGENCY: {next: 2 h, everyone: 3 h}", "  ack:", "ack for EMERGENCY waits longer than for URGENT"),
    "clock: sent in quiet hours": ('send_time: "10:00"', 'send_time: "08:59"', "send_time:", "within the quiet hours"),
    "clock: a time with a zone": ('send_time: "10:00"', 'send_time: "10:00+01:00"', "send_time:", "has a time zone"),
}  # fmt: skip
NO_PHASES = GOOD.partition("  - name: combination\n")[0] + (
    "  - name: combination\n    phases: []\n    tail: {cadences: [{form: full, every: 28}]}\n\n"
    "# --- Clocks" + GOOD.partition("# --- Clocks")[2]
)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_reported_with_line_and_reason(name):
    old, new, at, reason = FAULTS[name]
    text = NO_PHASES if old is None else replaced(old, new)
    found = [f for f in faults_of(text) if reason in f.reason]
    assert found, [str(f) for f in faults_of(text)]
    if at is not None:
        wanted = line_of(text, at) + (1 if name == "asked twice" else 0)
        assert wanted in {f.line for f in found}, (wanted, found)
    assert all(f.file == "clinic.yaml" for f in found)


@pytest.mark.parametrize(
    "name", [n for n in FAULTS if not n.startswith(("YAML", "a key", "section", "schema", "a question's own"))]
)
def test_fault_causes_few_others(name):
    old, new, _, _ = FAULTS[name]
    # The fault itself, and one for each form that depends on it.
    assert len(faults_of(NO_PHASES if old is None else replaced(old, new))) <= 3 + len(PROTOCOL_FORMS)


def test_every_choice_and_skip_needs_its_own_rule():
    head, _, rest = GOOD.partition("\nrules:\n")
    rules = "\nrules:\n  - {id: two_groups, group: several, tier: URGENT, groups: {tier: SOON, at_least: 2}}\n"
    text = head + rules + rest[rest.index("\ncomposite_table:") :]
    reasons = [f.reason for f in faults_of(text) if "has no rule" in f.reason]
    # The rules of "how is it now?" come with its questions.
    questions = [q for q in load_protocol().questions.values() if q.follows is None]
    assert len(reasons) == sum(len(q.choices) + 1 for q in questions)
    for question in questions:
        assert any(f"skipping '{question.id}' has no rule" in r for r in reasons)
        for choice in question.choices:
            assert any(f"choice '{choice.id}' of '{question.id}' has no rule" in r for r in reasons)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if: {safety_new: [none]}", "if: {safety_new: [yes]}"),
        ("if: {safety_new: [none]}", "if: {safety_new: [none], change: [no]}"),
        ("if: {safety_new: [none]}", "if: {safety_new: [none]}, unless: {change: [no]}"),
    ],
    ids=["missing", "depends on another answer", "excluded by another answer"],
)
def test_choice_without_its_own_rule_is_a_fault(old, new):
    found = [f for f in faults_of(replaced(old, new)) if "choice 'none' of 'safety_new' has no rule" in f.reason]
    assert [f.line for f in found] == [line_of(GOOD, "- {id: fading, choices: [fading]}") + 2]


# --- All together -----------------------------------------------------------------------------------------------------


def test_all_faults_are_reported_in_order_of_lines():
    text = GOOD
    wanted = []
    for name in (
        "schema: tier",
        "unknown question asked",
        "phase gap",
        "clock: sent in quiet hours",
        "unknown choice in a tip",
    ):
        old, new, at, reason = FAULTS[name]
        text = text.replace(old, new, 1)
        wanted.append((at, reason))
    found = faults_of(text)
    for at, reason in wanted:
        assert any(reason in f.reason and f.line == line_of(text, at) for f in found), (at, found)
    assert [f.line for f in found] == sorted(f.line for f in found)


def test_fault_is_printed_as_file_line_reason():
    (fault,) = faults_of(replaced("invite_valid: 14 days", "invite_valid: 0 h"))
    assert str(fault) == f"clinic.yaml:{fault.line}: invite_valid must be positive: write a duration such as '12 h'"


def test_missing_string_is_reported_where_it_is_needed():
    texts = Texts.load(["en"])
    text = replaced("- {id: move_daily,", "- {id: move_slowly,")
    (fault,) = faults_of(text, texts)
    assert fault == Fault(
        "clinic.yaml",
        line_of(text, "move_slowly"),
        "the string 'tip.move_slowly' is missing: write it in locales/en/clinical.po",
    )
    text = replaced("text: question.numbness.first", "text: question.numbness.second")
    assert faults_of(text, texts)[0].line == line_of(text, "numbness.second")
    text = replaced("- {id: heart}", "- {id: heart, text: choice.heart}")
    assert faults_of(text, texts)[0].line == line_of(text, "choice.heart")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "a protocol file must consist of 'name: value' lines"),
        (b"- a\n- b\n", "a protocol file must consist of"),
        (b"\xff\xfe", "not valid YAML in UTF-8"),
        (b"a: &x [*y]\n", "this is not valid YAML"),
        (b"questions: 7\n", "'questions' must be a list with at least one item"),
        (b"questions: []\n", "'questions' must be a list with at least one item"),
        (b"questions: [7]\n", "this item: Input should be"),
    ],
)
def test_file_that_is_not_a_protocol_is_refused(content, reason):
    with pytest.raises(ContentError, match=reason):
        read_protocol("clinic.yaml", content)


def test_missing_file_raises_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_protocol(tmp_path / "none.yaml")


# --- Buttons ----------------------------------------------------------------------------------------------------------


def renamed(question: str, choice: str) -> str:
    return (
        GOOD.replace("selfcare", question)
        .replace(
            "{id: yes}\n      - {id: not_sure, text: choice.not_sure}\n\n  # What they",
            f"{{id: {choice}}}\n      - {{id: not_sure, text: choice.not_sure}}\n\n  # What they",
        )
        .replace(f"{question}: [yes, not_sure]", f"{question}: [{choice}, not_sure]")
    )


@pytest.mark.parametrize(
    ("question", "choice", "fits"),
    [("q" * 15, "c" * 16, True), ("q" * 15, "c" * 17, False), ("q" * 23, "cc", True), ("q" * 25, "cc", False)],
)
def test_callback_data_is_limited_to_64_bytes(question, choice, fits):
    assert BUTTON_ROOM == 31
    text = renamed(question, choice)
    if fits:
        read_protocol("clinic.yaml", text.encode())
    else:
        assert any("would exceed 64 bytes" in f.reason for f in faults_of(text))


def test_callback_data_of_a_toggle_includes_its_sign():
    text = GOOD.replace("which_new", "w" * 15).replace("muscle_pain", "m" * 16)
    (fault,) = [f for f in faults_of(text) if "64 bytes" in f.reason]
    assert fault.line == line_of(text, f"id: {'m' * 16}")


# --- Any change by an author -------------------------------------------------------------------------------

LINES = GOOD.splitlines()


@settings(max_examples=25)
@given(number=st.integers(0, len(LINES) - 1), indent=st.sampled_from(["drop", "  ", "x"]))
def test_any_changed_line_is_refused_with_reason_or_harmless(number, indent):
    changed = [] if indent == "drop" else [indent + LINES[number]]
    text = "\n".join(LINES[:number] + changed + LINES[number + 1 :])
    found = ()
    try:
        read_protocol("clinic.yaml", text.encode())
    except ContentError as refused:
        found = refused.faults
    assert all(1 <= f.line <= len(LINES) + 1 and f.reason for f in found)


ASKS_NEWS = "      - {ask: change, about: [help, despair, other, sign_not_named, unanswered]}\n"


@pytest.mark.parametrize("form", ["full", "again", "baseline"])
def test_form_that_would_end_something_without_a_question_unasked_is_a_fault(form):
    head, start, rest = GOOD.partition(f"  - id: {form}\n")
    found = faults_of(head + start + rest.replace(ASKS_NEWS, "", 1))
    named = {s for s in ("help", "despair", "other", "sign_not_named") if any(f"'{s}'" in f.reason for f in found)}
    assert named == {"help", "despair", "other", "sign_not_named"}
    assert all(f"form '{form}'" in f.reason for f in found)


@pytest.mark.parametrize(
    ("old", "new", "symptom", "why"),
    [
        ("      - {ask: stairs, about: [stairs], text: question.stairs_alone}\n      - {ask: chair, about: [chair]}\n", "      - {ask: chair, about: [chair]}\n", "stairs", "doesn't ask about 'stairs'"),
        ("      - {ask: numbness, about: [numbness]}\n", "      - {ask: numbness, about: [falls]}\n", "numbness", "doesn't ask about 'numbness'"),
        ("      - {ask: safety_new, text: question.signs_new}\n", "      - {ask: safety_new, text: question.signs_new, about: [eyes]}\n", "help", "must always ask safety_new"),
        (ASKS_NEWS, "", "other", "form 'again' doesn't ask 'change'"),
        (ASKS_NEWS, ASKS_NEWS.replace("despair, ", ""), "despair", "form 'again' doesn't ask 'change'"),
    ],
    ids=["no step", "about another", "a safety screen that is not always asked", "nothing new", "nothing new of one"],
)  # fmt: skip
def test_finding_that_the_daily_follow_up_does_not_ask_about_is_a_fault(old, new, symptom, why):
    head, start, rest = GOOD.partition("  - id: again\n")
    text = head + start + rest.replace(old, new, 1)
    found = [f for f in faults_of(text) if why in f.reason]
    assert any(symptom in f"{f.reason} {text.splitlines()[f.line - 1]}" for f in found)
