"""Bad content: every kind of fault is told with file, line, reason, and all of them at once."""

import hashlib
import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.content.faults import ContentError, Fault
from bot.content.loader import load_protocol, packaged_protocol, protocol_schema, read_protocol, schema_text
from bot.content.texts import Texts
from bot.core.protocol import BUTTON_ROOM, Tier

GOOD = packaged_protocol().read_text(encoding="utf-8")


def spoilt(old: str, new: str) -> str:
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


def test_the_packaged_protocol_is_sound_and_has_its_strings():
    protocol = load_protocol(texts=Texts.load(["en"]))
    assert (protocol.name, set(protocol.forms), set(protocol.plans)) == (
        "default",
        {"quick", "full", "baseline", "again"},
        {"standard", "combination"},
    )
    assert protocol.unassessable is Tier.URGENT


def test_the_content_hash_is_that_of_the_files_bytes(tmp_path):
    path = tmp_path / "clinic.yaml"
    path.write_text(GOOD + "# signed\n", encoding="utf-8")
    assert load_protocol(path).content_hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_protocol(path).content_hash != load_protocol().content_hash


def test_the_published_schema_is_current():
    path = packaged_protocol().parent.parent / "protocol.schema.json"
    assert path.read_text(encoding="utf-8") == schema_text(), "write it anew from bot.content.loader.schema_text()"
    first = GOOD.splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../{path.name}"


def test_the_schema_speaks_as_files_do():
    schema = json.loads(json.dumps(protocol_schema()))
    rule = schema["$defs"]["Rule"]["properties"]
    assert "if" in rule
    assert rule["tier"]["enum"] == ["ROUTINE", "SOON", "URGENT", "EMERGENCY"]
    assert schema["properties"]["tip_rest"]["pattern"]


def test_yaml_1_2_no_is_a_word_and_a_time_is_no_number():
    protocol = load_protocol()
    assert protocol.questions["change"].choice("no") is not None
    assert f"{protocol.clocks.quiet_from:%H:%M}" == "21:00"


# --- One fault each: what is spoilt, at which line it is told, what is said ---------------------------------------------

NUMBNESS_WHEN = "when: [{numbness: [mild, medium, strong, very_strong]}]"
SPOILT = {
    "YAML syntax": ("  - id: change\n", "  - id: [change\n", None, "this is no YAML"),
    "a key that stands twice": ("tip_rest: 14 days", "tip_rest: 14 days\ntip_rest: 7 days", "tip_rest: 7", "this is no YAML"),
    "schema: unknown word": ("    red_flag: true", "    red_flagg: true", "red_flagg", "'red_flagg' is not known here"),
    "schema: missing word": ("group: change, tier: ROUTINE, if: {change: [no]}", "tier: ROUTINE, if: {change: [no]}", "change.no", "'group' is missing: add it"),
    "schema: tier": ("tier: SOON, if: {change: [yes", "tier: LATER, if: {change: [yes", "LATER", "'LATER' is no tier"),
    "schema: length of time": ("cutoff: 12 h", "cutoff: 12", "cutoff: 12", "write it like '15 min'"),
    "schema: a rule with two clauses": ("if: {change: [no]}", "if: {change: [no]}, count: {question: autonomic, at_least: 2}", "change.no", "exactly one of if, worse"),
    "section missing": ("tip_rest: 14 days\n", "", "yaml-language-server", "'tip_rest' is missing"),
    "section unknown": ("tip_rest: 14 days", "tip_pause: 2 h\ntip_rest: 14 days", "tip_pause", "'tip_pause' is not known here"),
    "unknown question asked": ("- {ask: change}", "- {ask: chnage}", "ask: chnage", "there is no question 'chnage' to ask"),
    "unknown question in a rule": ("if: {which_now: [head]}", "if: {which: [head]}", "which: [head]", "there is no question 'which'"),
    "unknown question in worse": ("worse: {question: numbness, than: last}", "worse: {question: numb, than: last}", "question: numb,", "there is no question 'numb'"),
    "unknown choice in a rule": ("[yes, not_sure]}, alone: true", "[yes, unsure]}, alone: true", "unsure", "question 'change' has no choice 'unsure': use one of no, yes, not_sure, skip"),
    "unknown choice in unless": ("unless: {known_before: [yes_known]}", "unless: {known_before: [known]}", "[known]", "has no choice 'known'"),
    "unknown choice in a step": ("when: [{safety_now: [yes, not_sure]}]", "when: [{safety_now: [yess, not_sure]}]", "yess", "has no choice 'yess'"),
    "unknown choice in a tip": ("when: [{autonomic: [dizzy]}]", "when: [{autonomic: [dizy]}]", "dizy", "has no choice 'dizy'"),
    "unknown form in a plan": ("- {form: full, every: 28}", "- {form: fuller, every: 28}", "form: fuller", "there is no form 'fuller'"),
    "unknown form in a tail": ("        - {form: full, every: 28}\n      days", "        - {form: tale, every: 28}\n      days", "form: tale", "there is no form 'tale'"),
    "a form the program needs": ("- id: baseline", "- id: start", "forms:", "there is no form 'baseline', which the program opens by name"),
    "a form that asks nothing": ("  - id: quick\n    steps:", "  - {id: empty, steps: []}\n  - id: quick\n    steps:", "id: empty", "form 'empty' asks nothing"),
    "unreachable: no form asks it": ("- id: change\n    choices", "- id: changed\n    choices: [{id: no}, {id: yes}]\n  - id: change\n    choices", "id: changed", "'changed' is unreachable: no form asks it"),
    "unreachable: asked by another form": (NUMBNESS_WHEN, "when: [{known_before: [no]}]", "known_before: [no]", "form 'quick' does not ask 'known_before' before it"),
    "unreachable: can never hold": ("when: [{interference: [quite_a_bit, very_much]}]", "when: [{interference: [very_much], numbness: [none]}]", "numbness: [none]}]", "this can never hold"),
    "a condition that names no choice": ("when: [{safety_new: [yes, not_sure]}]", "when: [{safety_new: []}]", "safety_new: []", "no choice of 'safety_new' is named"),
    "an empty condition": ("when: [{safety_new: [yes, not_sure]}]", "when: [{}]", "when: [{}]", "this condition is empty"),
    "looping: waits for itself": ("when: [{safety_new: [yes, not_sure]}]", "when: [{which_new: [eyes]}]", "when: [{which_new", "the form would loop"),
    "looping: waits for a later one": ("when: [{safety_now: [yes, not_sure]}]", "when: [{numbness: [mild]}]", "{numbness: [mild]}", "asked with or after it: the form would loop"),
    "asked twice": ("- {ask: safety_new}", "- {ask: safety_new}\n      - {ask: safety_now}", "- {ask: safety_new}", "'safety_now' is asked twice"),
    "a question's own id twice": ("- id: which_now", "- id: safety_now", None, "'safety_now' stands twice in 'questions'"),
    "a rule's id twice": ("id: now.head", "id: now.mind", "which_now: [head]", "'now.mind' stands twice in 'rules'"),
    "shadowed by a higher rule": ("- {id: now.heart,", "- {id: low.heart, group: heart, tier: SOON, if: {which_now: [heart]}}\n  - {id: now.heart,", "low.heart", "'low.heart' never decides anything: 'now.heart' already gives EMERGENCY"),
    "shadowed by a wider rule": ("- {id: now.none,", "- {id: now.again, group: emergency, tier: EMERGENCY, if: {safety_now: [yes], change: [yes]}}\n  - {id: now.none,", "now.again", "'now.again' never decides anything"),
    "the same rule twice": ("  - id: sensory.worse_than_last", "  - {id: sensory.twin, group: sensory, tier: URGENT, composite: {severity: numbness, interference: interference, at_least: 3}}\n  - id: sensory.worse_than_last", "id: sensory.composite", "'sensory.twin' already gives URGENT"),
    "worse on what is no scale": ("worse: {question: numbness, than: last}", "worse: {question: change, than: last}", "question: change,", "'change' is no scale question"),
    "count on what is not several": ("count: {question: autonomic", "count: {question: change", "count: {question: change", "'change' is no several question"),
    "composite on what is no scale": ("severity: numbness,", "severity: change,", "severity: change", "'change' is no scale question"),
    "a red flag's skip is an all-clear": ("group: unanswered, tier: SOON, if: {safety_new", "group: unanswered, tier: ROUTINE, if: {safety_new", "id: safety_new", "skipping the red-flag question 'safety_new' would end in an all-clear"),
    "what can't be read counts as nothing": ("unassessable: URGENT", "unassessable: ROUTINE", "unassessable: ROUTINE", "must not count as ROUTINE"),
    "composite table too small": ("  - [2, 2, 2, 3, 3]\n", "", "composite_table:", "needs 5 lines of 5 values"),
    "composite table falls across": ("[1, 2, 2, 3, 3]", "[1, 2, 1, 3, 3]", "[1, 2, 1", "a worse answer gives a lower value in this line"),
    "composite table falls down": ("[2, 2, 2, 3, 3]", "[0, 2, 2, 3, 3]", "[0, 2, 2", "a lower value than the line above"),
    "composite table has a hole": ("[1, 1, 1, 2, 2]", "[1, null, 1, 2, 2]", "[1, null", "a value is missing in this line"),
    "phase gap": ("first_day: 92", "first_day: 94", "name: middle", "days 92 to 93 have no phase"),
    "phase overlap": ("first_day: 92", "first_day: 90", "name: middle", "days 90 to 91 have two phases"),
    "cadence that can't be kept": ("every: 7, offset: 2}", "every: 7, offset: 9}", "name: early", "offset 9 is not below every 7 days"),
    "tail that asks nothing": ("      cadences:\n        - {form: full, every: 28}\n      days_after_stop", "      cadences: []\n      days_after_stop", "    tail:", "asks nothing"),
    "phases missing": (None, None, "name: combination", "there are no phases"),
    "callback data, question and choice": ("- {id: quite_a_bit}", "- {id: more_than_somewhat_much}", "more_than_somewhat_much", "would pass 64 bytes"),
    "callback data of a tip": ("id: move_daily,", "id: move_daily_and_nightly,", "move_daily_and_nightly", "would pass 64 bytes"),
    "a tip from an unknown source": ("{id: what_it_is, sources: [seed]}", "{id: what_it_is, sources: [sead]}", "sead", "there is no source 'sead': add it to 'sources'"),
    "a source that nothing names": ("sources:\n  seed:", 'sources:\n  nobody: "Nobody"\n  seed:', "nobody:", "source 'nobody' is named by no tip and no topic"),
    "a topic twice": ("- {id: can_it_happen,", "- {id: what_it_is,", None, "'what_it_is' stands twice in 'topics'"),
    "asked daily by an unknown form": ("again: {form: again,", "again: {form: daily,", "again: {form", "there is no form 'daily'"),
    "steady after no day at all": ("stable_days: 3", "stable_days: 0", "again: {form", "greater than or equal to 1"),
    "a rule that waits for an unknown question": ("waits_for: known_strength", "waits_for: known_weakness", "waits_for: known_weakness", "there is no question 'known_weakness'"),
    "a rule that waits for what comes before": ("waits_for: known_strength", "waits_for: safety_new", "waits_for: safety_new", "asks 'safety_new' before what rule"),
    "an emergency that waits": ("tier: URGENT\n    worse: {question: stairs, than: last}", "tier: EMERGENCY\n    worse: {question: stairs, than: last}", "waits_for: known_strength", "gives EMERGENCY, which never waits"),
    "a topic's id past a button's room": ("{id: what_it_is,", "{id: what_it_is_and_where_it_all_comes_from,", "what_it_is_and", "should match pattern"),
    "clock: no time at all": ("cutoff: 12 h", "cutoff: 0 h", "cutoff: 0 h", "cutoff is no time at all"),
    "clock: tips without rest": ("tip_rest: 14 days", "tip_rest: 0 days", "tip_rest: 0", "tip_rest is no time at all"),
    "clock: reminders in disorder": ("reminders: [24 h, 48 h]", "reminders: [48 h, 24 h]", "reminders: [", "each come later than the one before"),
    "clock: a reminder at once": ("reminders: [24 h, 48 h]", "reminders: [0 h, 48 h]", "reminders: [", "each come later"),
    "clock: silence before a reminder": ("silent_after: 72 h", "silent_after: 30 h", "silent_after", "comes before the last reminder"),
    "clock: jitter past the cutoff": ("jitter: 10 min", "jitter: 12 h", "jitter:", "as long as the cutoff"),
    "clock: a tier nobody asks after": ("    SOON: {after: 24 h, times: 2}\n", "", "loop_back:", "loop_back has nothing for SOON"),
    "clock: loop-back at once": ("URGENT: {after: 1 h,", "URGENT: {after: 0 h,", "loop_back:", "loop_back for URGENT waits no time"),
    "clock: loop-backs in disorder": ("EMERGENCY: {after: 15 min,", "EMERGENCY: {after: 2 h,", "loop_back:", "loop_back for EMERGENCY waits longer than for URGENT"),
    "clock: a tier nobody takes up": ("    SOON: {next: 24 h, everyone: 48 h}\n", "", "  ack:", "ack has nothing for SOON"),
    "clock: taken up at once": ("URGENT: {next: 1 h,", "URGENT: {next: 0 h,", "  ack:", "'next' after some time"),
    "clock: everyone before the next": ("everyone: 4 h", "everyone: 30 min", "  ack:", "'everyone' must come after 'next'"),
    "clock: an emergency waits longest": ("EMERGENCY: {next: 15 min, everyone: 30 min}", "EMERGENCY: {next: 2 h, everyone: 3 h}", "  ack:", "ack for EMERGENCY waits longer than for URGENT"),
    "clock: sent in quiet hours": ('send_time: "10:00"', 'send_time: "08:59"', "send_time:", "lies in the quiet hours"),
    "clock: a time with a zone": ('send_time: "10:00"', 'send_time: "10:00+01:00"', "send_time:", "carries a time zone"),
}  # fmt: skip
NO_PHASES = GOOD.partition("  - name: combination\n")[0] + (
    "  - name: combination\n    phases: []\n    tail: {cadences: [{form: full, every: 28}]}\n\n"
    "# --- Clocks" + GOOD.partition("# --- Clocks")[2]
)


@pytest.mark.parametrize("name", SPOILT)
def test_fault(name):
    old, new, at, reason = SPOILT[name]
    text = NO_PHASES if old is None else spoilt(old, new)
    found = [f for f in faults_of(text) if reason in f.reason]
    assert found, [str(f) for f in faults_of(text)]
    if at is not None:
        wanted = line_of(text, at) + (1 if name == "asked twice" else 0)
        assert wanted in {f.line for f in found}, (wanted, found)
    assert all(f.file == "clinic.yaml" for f in found)


@pytest.mark.parametrize(
    "name", [n for n in SPOILT if not n.startswith(("YAML", "a key", "section", "schema", "a question's own"))]
)
def test_a_fault_brings_no_train_of_others(name):
    old, new, _, _ = SPOILT[name]
    # One where it stands and one a form that leads on from it.
    assert len(faults_of(NO_PHASES if old is None else spoilt(old, new))) <= 3 + len(PROTOCOL_FORMS)


def test_every_choice_and_every_skip_needs_a_rule_of_its_own():
    head, _, rest = GOOD.partition("\nrules:\n")
    rules = "\nrules:\n  - {id: two_groups, group: several, tier: URGENT, groups: {tier: SOON, at_least: 2}}\n"
    text = head + rules + rest[rest.index("\ncomposite_table:") :]
    told = [f.reason for f in faults_of(text) if "has no rule" in f.reason]
    questions = load_protocol().questions.values()
    assert len(told) == sum(len(q.choices) + 1 for q in questions)
    for question in questions:
        assert any(f"skipping '{question.id}' has no rule" in t for t in told)
        for choice in question.choices:
            assert any(f"choice '{choice.id}' of '{question.id}' has no rule" in t for t in told)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if: {safety_new: [none]}", "if: {safety_new: [yes]}"),
        ("if: {safety_new: [none]}", "if: {safety_new: [none], change: [no]}"),
        ("if: {safety_new: [none]}", "if: {safety_new: [none]}, unless: {change: [no]}"),
    ],
    ids=["not named", "tied to another answer", "taken back by another answer"],
)
def test_a_choice_without_a_rule_of_its_own_is_a_fault(old, new):
    found = [f for f in faults_of(spoilt(old, new)) if "choice 'none' of 'safety_new' has no rule" in f.reason]
    assert [f.line for f in found] == [line_of(GOOD, "id: safety_new") + 3]


# --- All at once ------------------------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_in_order_of_their_lines():
    text = GOOD
    wanted = []
    for name in (
        "schema: tier",
        "unknown question asked",
        "phase gap",
        "clock: sent in quiet hours",
        "unknown choice in a tip",
    ):
        old, new, at, reason = SPOILT[name]
        text = text.replace(old, new, 1)
        wanted.append((at, reason))
    found = faults_of(text)
    for at, reason in wanted:
        assert any(reason in f.reason and f.line == line_of(text, at) for f in found), (at, found)
    assert [f.line for f in found] == sorted(f.line for f in found)


def test_a_fault_reads_as_file_line_reason():
    (fault,) = faults_of(spoilt("invite_valid: 14 days", "invite_valid: 0 h"))
    assert str(fault) == f"clinic.yaml:{fault.line}: invite_valid is no time at all: write a length such as '12 h'"


def test_a_missing_string_is_told_where_it_is_needed():
    texts = Texts.load(["en"])
    text = spoilt("- {id: move_daily,", "- {id: move_slowly,")
    (fault,) = faults_of(text, texts)
    assert fault == Fault(
        "clinic.yaml",
        line_of(text, "move_slowly"),
        "the string 'tip.move_slowly' is missing: write it in locales/en/clinical.po",
    )
    text = spoilt("text: question.numbness.first", "text: question.numbness.second")
    assert faults_of(text, texts)[0].line == line_of(text, "numbness.second")
    text = spoilt("- {id: heart}", "- {id: heart, text: choice.heart}")
    assert faults_of(text, texts)[0].line == line_of(text, "choice.heart")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "a protocol file is a list of 'word: value' lines"),
        (b"- a\n- b\n", "a protocol file is a list"),
        (b"\xff\xfe", "no YAML in UTF-8"),
        (b"a: &x [*y]\n", "this is no YAML"),
        (b"questions: 7\n", "'questions' must be a list of one or more"),
        (b"questions: []\n", "'questions' must be a list of one or more"),
        (b"questions: [7]\n", "this item: Input should be"),
    ],
)
def test_what_is_no_protocol_at_all(content, reason):
    with pytest.raises(ContentError, match=reason):
        read_protocol("clinic.yaml", content)


def test_a_file_that_is_not_there(tmp_path):
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
def test_callback_data_at_its_limit(question, choice, fits):
    assert BUTTON_ROOM == 31
    text = renamed(question, choice)
    if fits:
        read_protocol("clinic.yaml", text.encode())
    else:
        assert any("would pass 64 bytes" in f.reason for f in faults_of(text))


def test_callback_data_of_a_toggle_has_a_sign_too():
    text = GOOD.replace("which_new", "w" * 15).replace("muscle_pain", "m" * 16)
    (fault,) = [f for f in faults_of(text) if "64 bytes" in f.reason]
    assert fault.line == line_of(text, f"id: {'m' * 16}")


# --- Whatever an author does to the file --------------------------------------------------------------------------------

LINES = GOOD.splitlines()


@settings(max_examples=25)
@given(lost=st.integers(0, len(LINES) - 1), indent=st.sampled_from(["drop", "  ", "x"]))
def test_a_spoilt_line_is_refused_with_words_or_does_no_harm(lost, indent):
    changed = [] if indent == "drop" else [indent + LINES[lost]]
    text = "\n".join(LINES[:lost] + changed + LINES[lost + 1 :])
    told = ()
    try:
        read_protocol("clinic.yaml", text.encode())
    except ContentError as refused:
        told = refused.faults
    assert all(1 <= f.line <= len(LINES) + 1 and f.reason for f in told)
