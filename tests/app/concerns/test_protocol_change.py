"""A protocol that would forget what is remembered of somebody is refused at the start."""

import pytest

from bot import protocol_files
from bot.app.concerns import agreeing, close_watch, protocol_change
from bot.app.concerns.protocol_change import described
from bot.app.patients import participation
from bot.content.loader import packaged_protocol
from tests.app.concerns.test_cases import Life, life
from tests.app.conftest import AT
from tests.contract import samples

__all__ = ["Life", "life"]
LEVELS = ("none", "mild", "medium", "strong", "very_strong")


@pytest.fixture
def used(life):
    """A clinic whose check-ins are asked with the packaged protocol."""
    life.database.run(lambda s: protocol_files.keep(s, life.clinic.protocol, packaged_protocol(), AT))
    return life


def changed(clinic, **update):
    return clinic.protocol.model_copy(update={"content_hash": "another", "name": "ours", "version": "9.0", **update})


def without(symptom, clinic):
    symptoms = {name: each for name, each in clinic.protocol.symptoms.items() if name != symptom}
    return changed(clinic, symptoms=symptoms)


def rescaled(symptom, clinic, levels):
    """The protocol with these levels of a symptom's question."""
    question = clinic.protocol.questions[clinic.protocol.symptoms[symptom].question]
    first = question.choices[0]
    choices = tuple(question.choice(level) or first.model_copy(update={"id": level}) for level in levels)
    other = question.model_copy(update={"choices": choices})
    return changed(clinic, questions={**clinic.protocol.questions, question.id: other})


def clashes(life, after, at=AT):
    return list(life.database.run(lambda s: protocol_files.clashes(s, after, at)))


@pytest.mark.parametrize(
    ("symptom", "answers"), [("numbness", {"numbness": "mild"}), ("eyes", {"safety_new": "yes", "which_new": "eyes"})]
)
def test_protocol_without_a_symptom_that_somebody_has_is_refused(used, symptom, answers):
    after = without(symptom, used.clinic)
    assert clashes(used, after) == [], "nobody has it"
    used.check(0, **answers)
    (clash,) = clashes(used, after)
    assert clash == (symptom, ("P-0001",), None)
    assert described(clash) == (
        f"it lacks the symptom '{symptom}', about which 1 patient has a concern or a close watch: keep it"
    )


def test_concern_that_a_human_knows_counts_until_it_is_settled(used):
    after = without("numbness", used.clinic)
    used.check(0, numbness="mild")
    used.staff(used.alerts()[0], "spoke_to_patient", 0, 1)
    assert used.state("numbness") == "reached"
    assert len(clashes(used, after)) == 1
    for day in (1, 2, 3, 4):
        used.check(day)
    assert used.state("numbness") == "settled"
    assert clashes(used, after) == []


def test_concern_of_a_patient_who_left_is_no_reason(used):
    """It is the team's work, but no form asks about it any more."""
    used.check(0, numbness="mild")
    used.run(participation.withdraw, "P-0001", at=used.at(0, 1), by="lead-1")
    assert clashes(used, without("numbness", used.clinic)) == []


def test_close_watch_counts_while_it_runs(used):
    used.check(0)
    used.run(close_watch.watch, "P-0001", ("numbness",), 7, reason="taper", at=AT, by="lead-1")
    after = without("numbness", used.clinic)
    assert len(clashes(used, after)) == 1
    assert clashes(used, after, used.at(8)) == []


def test_symptom_that_no_protocol_had_is_no_reason(used):
    """An alert of a rule that is gone is remembered under the name of its group."""
    used.check(0, numbness="mild")

    def older(stores):
        row = stores.concerns.of_patient(used.anna.id)
        concern = row.value.concern("numbness").model_copy(update={"symptom": "old_group"})
        memory = row.value.model_copy(update={"concerns": {"old_group": concern}})
        stores.concerns.save(row.model_copy(update={"value": memory}))

    used.database.run(older)
    assert clashes(used, without("numbness", used.clinic)) == []


@pytest.mark.parametrize(
    ("levels", "is_refused"),
    [
        (("none", "some", *LEVELS[1:]), True),
        (tuple(reversed(LEVELS)), True),
        ((*LEVELS, "unbearable"), False),
        (("none", "mild", "strong"), False),
    ],
    ids=["moved up", "reversed", "one more at the end", "changed above what anybody has"],
)
def test_protocol_that_moves_levels_that_somebody_has_is_refused(used, levels, is_refused):
    after = rescaled("numbness", used.clinic, levels)
    assert clashes(used, after) == []
    used.check(0, numbness="mild")
    found = clashes(used, after)
    assert len(found) == is_refused
    for clash in found:
        assert described(clash) == (
            "it changes the scale of 'numbness', on which 1 patient has a level: "
            "list these levels first, in this order: none, mild"
        )


@pytest.mark.parametrize("how", ["baseline", "agreed"])
def test_level_that_is_accepted_as_usual_counts_for_the_scale(used, how):
    if how == "baseline":
        used.check(0, "baseline", numbness="mild", known_before="yes_known")
    else:
        used.check(0, numbness="medium")
        used.run(agreeing.agree_level, "P-0001", "numbness", "medium", 14, at=used.at(0, 1), by="lead-1")
    assert used.state("numbness") in {"none", "settled"}
    (clash,) = clashes(used, rescaled("numbness", used.clinic, ("none", "some", *LEVELS[1:])))
    assert clash.levels == (LEVELS[:2] if how == "baseline" else LEVELS[:3])
    assert clashes(used, without("numbness", used.clinic)) == [], "a level of what is not asked any more hides nothing"


def test_sign_that_becomes_a_scale_is_refused(used):
    used.check(0, safety_new="yes", which_new="eyes")
    eyes = used.clinic.protocol.symptoms["eyes"].model_copy(update={"is_sign": False, "question": "numbness"})
    (clash,) = clashes(used, changed(used.clinic, symptoms={**used.clinic.protocol.symptoms, "eyes": eyes}))
    assert described(clash).endswith("1 patient has a level: keep it a sign")


def test_start_goes_on_with_the_last_protocol_whatever_a_command_looked_at(used):
    used.check(0, numbness="mild")
    after = without("numbness", used.clinic)
    assert len(clashes(used, after)) == 1
    assert len(clashes(used, after)) == 1, "looking at it changes nothing"
    assert clashes(used, used.clinic.protocol) == []


def test_first_protocol_is_the_one_in_use_until_a_start_uses_another(used):
    other = changed(used.clinic)
    used.database.run(lambda s: protocol_files.keep(s, other, packaged_protocol(), AT))
    used.check(0, numbness="mild")
    assert len(clashes(used, without("numbness", used.clinic))) == 1
    lacks = without("numbness", used.clinic)
    used.database.run(lambda s: protocol_files.use(s, lacks))
    assert clashes(used, lacks) == []


def test_refusal_names_the_file_the_setting_and_the_command(used, tmp_path):
    used.check(0, numbness="mild")
    after, file = without("numbness", used.clinic), tmp_path / "ours.yaml"
    (own,) = protocol_files.refused(after, file, clashes(used, after))
    assert own.startswith(f"protocol {file}: it lacks the symptom 'numbness'")
    assert own.endswith(f"`nervecheck protocol check {file} --patients` lists the patients")
    assert "NERVECHECK_PROTOCOL" in own
    (packaged,) = protocol_files.refused(after, None, clashes(used, after))
    assert packaged.startswith("the built-in protocol (ours 9.0): ")
    assert "P-0001" not in own + packaged


def test_every_patient_counts_however_many_pages_they_fill(used, monkeypatch):
    used.check(0, numbness="mild")
    memory = used.run(lambda s: s.concerns.of_patient(used.anna.id))
    for number in range(2, 6):
        other = used.run(lambda s, n=number: s.patients.add(samples.patient(f"P-{n:04}")))
        copy = memory.model_copy(update={"id": 0, "version": 0, "patient_id": other.id})
        used.run(lambda s, row=copy: s.concerns.add(row))
    monkeypatch.setattr(protocol_change, "PAGE", 2)
    (clash,) = clashes(used, without("numbness", used.clinic))
    assert clash.codes == ("P-0001", "P-0002", "P-0003", "P-0004", "P-0005")
