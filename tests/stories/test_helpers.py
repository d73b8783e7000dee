"""A patient and their helper on two phones: texts in the third person, and each sees what the other has done."""

import re
from collections.abc import Iterator

import pytest

from bot.core.protocol import Tier
from tests.stories.test_roles import helping
from tests.stories.world import World, labels, plain

ADDRESSED = re.compile(
    r"\byour (?:team|card|last|check-in|plan|answers?|hands|feet|arms|head|day|first)|\bI have cancer|\bI feel worse|"
    r"\bif you get worse|\byou told me|\bwith you, or did",
    re.IGNORECASE,
)


@pytest.fixture(autouse=True)
def all_heard(world: World) -> Iterator[None]:
    yield
    for person in list(world.sandbox.people.values()):
        world.hear_all(person)


async def pair(world: World):
    """Enrol a mother, and let her daughter help her; return both when a check-in is due."""
    mother = await world.enrolled("P-0001", name="Mother")
    daughter = world.sandbox.person("Daughter", language_code="en")
    await helping(world, mother, daughter)
    await world.until_due(mother)
    return mother, daughter


def words(message) -> str:
    return "\n".join((plain(message), *labels(message)))


def seen(world: World, person) -> list[str]:
    """Return the text and buttons of what is new for a person, oldest first."""
    return [words(message) for message in world.hear_all(person)]


def numbers_shown(world: World, person) -> bool:
    """Return whether the newest message of a chat has both numbers."""
    text = plain(world.last(person))
    return "112" in text and "+49 30 901820" in text


# -- third person


async def test_p15_all_that_a_helper_reads_in_an_emergency_speaks_of_the_patient(world: World) -> None:
    mother, daughter = await pair(world)
    read = seen(world, daughter)
    for label in ("No, nothing new", "Yes, one or more"):
        await world.tap(daughter, label)
    read += seen(world, daughter)
    assert "Do not drive yourself" not in "\n".join(read)
    (called,) = [text for text in read if "Call 112 now." in text]
    assert "For the person you help" in called
    assert "Then call their team: +49 30 901820" in called
    assert "“This person has cancer. They have had immunotherapy.”" in called
    assert {"I have called", "I can't call", "Show their card", "I tapped by mistake"} <= set(called.splitlines())
    for label in ("Show their card", "I can't call"):
        await world.tap(daughter, label)
    await world.advance(minutes=15)
    read += seen(world, daughter)
    await world.tap(daughter, "They are at the hospital")
    read += seen(world, daughter)
    assert any("This person has been treated with an immune checkpoint inhibitor" in text for text in read)
    assert any("Is help with them, or did someone speak with you or them?" in text for text in read)
    assert [text for text in read if ADDRESSED.search(text)] == []
    own = "\n".join(seen(world, mother))
    assert "“I have cancer. I have had immunotherapy.”" in own
    assert "Is help with you, or did someone speak with you?" in own


async def test_p15_helper_answers_a_whole_check_in_about_the_patient(world: World) -> None:
    _, daughter = await pair(world)
    read = seen(world, daughter)
    await world.answer(daughter, "Yes, something", "None of these 8", "None of these 7")
    await world.answer(daughter, "None of these", "Mild", "A little")
    for _ in range(12):
        shown = labels(world.last(daughter))
        if "Skip" not in shown:
            break
        read += seen(world, daughter)
        await world.tap(daughter, "No" if "No" in shown else shown[0])
    read += seen(world, daughter)
    assert any("their last check-in" in text for text in read)
    assert any("Please call their team within 24 hours" in text for text in read)
    assert [text for text in read if ADDRESSED.search(text)] == []


async def test_p15_keyboard_and_menu_of_a_helper_speak_of_the_patient(world: World) -> None:
    mother, daughter = await pair(world)
    assert [b["text"] for row in world.sandbox.chat(daughter).keyboard["keyboard"] for b in row] == [
        *("They feel worse now", "Tips"),
        *("Their team", "Menu"),
    ]
    world.hear_all(daughter)
    for typed in ("Tips", "Their team", "Menu", "/help", "hello"):
        await world.say(daughter, typed)
    read = seen(world, daughter)
    assert any("A tip to pass on" in text for text in read)
    assert [text for text in read if ADDRESSED.search(text)] == []
    await world.say(daughter, "They feel worse now")
    world.hear(daughter, "For the person you help", "Let us see what is worse")
    world.hear_all(mother)
    await world.say(mother, "I feel worse now")
    assert "For the person" not in plain(world.last(mother))


async def test_p15_helper_in_another_language_reads_it_in_that_language(world: World) -> None:
    _, daughter = await pair(world)
    await world.say(daughter, "/language")
    await world.tap(daughter, "Русский")
    await world.tap(daughter, "Нет, ничего нового")
    await world.tap(daughter, "Да, одно или больше")
    (called,) = [text for text in seen(world, daughter) if "Сейчас же звоните: 112" in text]
    assert "«У человека рак, и ему давали иммунотерапию»" in called
    assert "Показать карточку" in called.splitlines()
    assert "Стало хуже" in [b["text"] for row in world.sandbox.chat(daughter).keyboard["keyboard"] for b in row]


async def test_p15_invitation_names_the_clinic(world: World) -> None:
    mother = await world.enrolled("P-0001", name="Mother")
    daughter = world.sandbox.person("Daughter", language_code="en")
    await helping(world, mother, daughter)
    (asked,) = [plain(m) for m in world.bot_messages(daughter) if "asks you to help" in plain(m)]
    assert world.clinic.team_name in asked


# -- each sees what the other has done

TAPS = ["I have called", "I can't call"]


async def emergency(world: World):
    mother, daughter = await pair(world)
    for label in ("No, nothing new", "Yes, one or more"):
        await world.tap(mother, label)
    for person in (mother, daughter):
        assert any("Call 112 now." in text for text in seen(world, person))
    return mother, daughter


@pytest.mark.parametrize("label", TAPS)
async def test_p15_mother_sees_what_her_daughter_tapped(world: World, label: str) -> None:
    mother, daughter = await emergency(world)
    before = {m["message_id"]: words(m) for m in world.bot_messages(mother)}
    await world.tap(daughter, label)
    world.hear(mother, f"Your helper tapped: “{label}”", "112", "+49 30 901820")
    assert world.news(mother) == [], "one line, once"
    after = {m["message_id"]: words(m) for m in world.bot_messages(mother)}
    assert {key: after.get(key) for key in before} == before, "no message of hers was edited or taken away"
    assert numbers_shown(world, mother)


@pytest.mark.parametrize("label", TAPS)
async def test_p15_daughter_sees_what_her_mother_tapped(world: World, label: str) -> None:
    mother, daughter = await emergency(world)
    before = {m["message_id"]: words(m) for m in world.bot_messages(daughter)}
    await world.tap(mother, label)
    world.hear(daughter, "For the person you help", f"They tapped: “{label}”", "112")
    assert world.news(daughter) == []
    after = {m["message_id"]: words(m) for m in world.bot_messages(daughter)}
    assert {key: after.get(key) for key in before} == before
    assert numbers_shown(world, daughter)


@pytest.mark.parametrize(
    ("label", "of_helper", "of_patient"),
    [
        ("Yes", "Your helper tapped “Yes”", "They tapped “Yes”"),
        (
            "at the hospital",
            "Your helper tapped, 10:31: you are at the hospital",
            "They tapped: “I am at the hospital”",
        ),
    ],
)
@pytest.mark.parametrize("by", ["mother", "daughter"])
async def test_p15_answer_about_the_call_is_shown_to_the_other(
    world: World, label: str, of_helper: str, of_patient: str, by: str
) -> None:
    mother, daughter = await emergency(world)
    await world.advance(minutes=15)
    for person in (mother, daughter):
        world.hear_all(person)
    tapper, other = (mother, daughter) if by == "mother" else (daughter, mother)
    await world.tap(tapper, label if label == "Yes" else re.compile(label))
    assert not any("tapped" in text for text in seen(world, tapper)), "whoever tapped knows"
    (line,) = [text for text in seen(world, other) if "tapped" in text]
    assert re.sub(r"\d\d:\d\d", "", of_patient if by == "mother" else of_helper) in re.sub(r"\d\d:\d\d", "", line)
    assert numbers_shown(world, other)
    (alert,) = (await world.view(mother)).alerts
    assert alert.tier == Tier.EMERGENCY.name


async def test_p15_who_can_not_call_makes_the_other_phone_sound_with_call_words(world: World) -> None:
    mother, daughter = await emergency(world)
    await world.tap(mother, "I can't call")
    line = world.hear(daughter, "They tapped: “I can't call”", "Call 112 now.")
    assert not line.get("disable_notification")
    assert "Copy 112" in labels(line)


async def test_line_about_the_other_is_replaced_by_the_next(world: World) -> None:
    mother, daughter = await emergency(world)
    await world.tap(daughter, "I have called")
    await world.tap(daughter, "I can't call")
    lines = [plain(m) for m in world.bot_messages(mother) if "Your helper tapped" in plain(m)]
    assert len(lines) == 1
    assert "“I can't call”" in lines[0]


async def test_nobody_is_shown_a_tap_of_a_patient_without_a_helper(world: World) -> None:
    mother, daughter = await emergency(world)
    await world.say(daughter, "Menu")
    await world.tap(daughter, "Stop helping")
    world.hear_all(daughter)
    world.hear_all(mother)
    await world.tap(mother, "I have called")
    assert world.news(daughter) == []
    assert not any("tapped" in text for text in seen(world, mother))


# -- whose mistake it is


async def test_p11_only_the_daughter_can_call_her_tap_a_mistake(world: World) -> None:
    mother, daughter = await pair(world)
    for label in ("No, nothing new", "Yes, one or more"):
        await world.tap(daughter, label)
    world.hear_all(mother)
    world.hear_all(daughter)
    await world.tap(mother, "I tapped by mistake")
    world.hear(mother, "Your helper gave that answer. Only they can call it a mistake.", "Call 112 now.")
    assert world.news(mother) == world.news(daughter) == []
    await world.advance(minutes=15)
    world.hear(mother, "Is help with you")
    world.hear_all(daughter)
    await world.tap(mother, "It was a mistake")
    world.hear(mother, "Your helper gave that answer")
    (alert,) = (await world.view(mother)).alerts
    assert (alert.mistake_at, alert.state) == (None, "open")
    await world.advance(minutes=15)
    world.hear(mother, "Is help with you")
    await world.tap(daughter, "It was a mistake")
    assert any("Any of these, now or at any time since their last check-in?" in text for text in seen(world, daughter))
    assert (await world.view(mother)).alerts[0].mistake_at is not None


async def test_p11_daughter_can_not_call_her_mothers_tap_a_mistake(world: World) -> None:
    _, daughter = await emergency(world)
    await world.tap(daughter, "I tapped by mistake")
    world.hear(daughter, "For the person you help", "They gave that answer.", "Call 112 now.")


async def test_red_buttons_of_a_helper_act_as_the_patients(world: World) -> None:
    mother, daughter = await pair(world)
    await world.tap(daughter, "Need help now")
    for person in (mother, daughter):
        assert any("+49 30 901820" in text and "112" in text for text in seen(world, person))
    (alert,) = (await world.view(mother)).alerts
    assert alert.tier == Tier.URGENT.name
