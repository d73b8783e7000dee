"""/export: a patient gets what is stored about them as a page and as JSON, in their language, in their own chat alone."""

import json
import re
from html.parser import HTMLParser

import pytest

from bot.app.concerns import agreeing
from bot.sandbox.chats import Person
from tests.fakes.work import work_on
from tests.stories.test_calls import due
from tests.stories.test_conversation import invited
from tests.stories.test_team import join
from tests.stories.world import World, labels, plain


class Page(HTMLParser):
    """The texts of a page, and its tags."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def received(world: World, person: Person) -> dict[str, bytes]:
    """The documents that are new in a chat, by the ending of their names."""
    found = {}
    for message in world.hear_all(person):
        if "document" in message:
            name, content = world.sandbox.documents.get(message["document"]["file_id"])
            assert re.fullmatch(r"my-data-\d{4}-\d\d-\d\d\.(html|json)", name), "nothing of a diagnosis, no code"
            found[name.rpartition(".")[2]] = content
    return found


async def exported(world: World, person: Person) -> tuple[str, dict]:
    await world.say(person, "/export")
    found = received(world, person)
    assert list(found) == ["html", "json"]
    return found["html"].decode(), json.loads(found["json"])


def facts(data: dict, part: str) -> list[tuple[str, str, object]]:
    return [(fact["name"], fact["words"], fact["value"]) for entry in data[part] for fact in entry["facts"]]


async def lived(world: World) -> tuple[Person, Person]:
    """A patient who answered, called, changed an answer, and for whom the team accepted a level."""
    lena = await join(world, "Lena-Q", role="lead")
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "None of these 8", "None of these 7", "Mild", "A little")
    world.hear_all(anna)
    await world.tap(anna, "I have called")
    await world.advance(hours=1)
    at = world.clock.now()
    await world.service.database.transact(
        lambda s: agreeing.agree_level(
            work_on(s, world.clinic, at, actor="Lena-Q"), "P-0001", "numbness", "mild", 14, reason="seen by Dr Roe"
        )
    )
    await world.enrolled("P-0999", name="Zoe")
    for person in world.sandbox.people.values():
        world.hear_all(person)
    return anna, lena


async def test_p16_export_sends_a_page_and_json_of_all_that_is_stored(world: World) -> None:
    anna, _ = await lived(world)
    await world.say(anna, "/export")
    first, *files = world.hear_all(anna)
    assert plain(first).startswith("I am sending you all that I keep about you")
    assert [plain(one) for one in files] == [
        "Your data, to read. Open it in a browser.",
        "The same, for other apps (JSON).",
    ]
    names = [one["document"]["file_name"] for one in files]
    html, data = (world.sandbox.documents.get(one["document"]["file_id"])[1].decode() for one in files)
    assert [name.rpartition(".")[2] for name in names] == ["html", "json"]
    shown, stored = Page(html), json.loads(data)
    text = "\n".join(shown.texts)

    assert (stored["format"], stored["version"], stored["language"]) == ("nervecheck-own-data", 1, "en")
    answers = facts(stored, "check_ins")
    assert ("Numbness or pain", "Mild", ["mild"]) in answers
    assert ("Numbness or pain", "None", ["none"]) in answers, "the first check-in, too"
    assert [entry["kind"] for entry in stored["check_ins"]] == ["quick", "baseline"]
    (call,) = stored["calls"]
    assert [fact["words"] for fact in call["facts"]][:1] == ["call your team within 24 hours"]
    assert any(fact["id"] == "tapped" and fact["words"].startswith("I have called, 3 March") for fact in call["facts"])
    levels = facts(stored, "levels")
    assert any(words == "your team accepted it up to: Mild" and value == "mild" for _, words, value in levels)
    assert ("Until", "17 March 2026, 10:00", "2026-03-17T09:00:00+00:00") in [
        (name, words, value) for name, words, value in levels if name == "Until"
    ] or any(name == "Until" for name, _, _ in levels)
    assert any(name == "Start" for name, _, _ in facts(stored, "treatment"))
    assert ("Taking part", "yes", "active") in facts(stored, "plan")
    assert any(name == "You agreed on" for name, _, _ in facts(stored, "consent"))
    assert ("Language", "English", "en") in facts(stored, "settings")
    assert any(
        "Any of these, now or at any time since your last check-in?" in words
        for _, words, _ in facts(stored, "questions")
    )
    for words in (
        "Numbness or pain",
        "Mild",
        "I have called",
        "your team accepted it up to: Mild",
        "In an emergency call 112",
    ):
        assert words in text

    assert ("html", {"lang": "en"}) in shown.tags
    assert not {tag for tag, _ in shown.tags} & {"script", "link", "img", "iframe", "a"}, "self-contained"
    assert "prefers-color-scheme: dark" in html
    for words in ("Lena", "Dr Roe", "P-0999", "Zoe", "caregiver", "own."):
        assert words not in html, words
        assert words not in data, words
    ids = {"patient_id", "checkin_id", "alert_id", "chat_id", "caregiver_id", str(anna.id)}
    assert not [word for word in ids if word in data]
    assert await audited(world) == 1
    world.nothing_more()


async def audited(world: World) -> int:
    lines = await world.service.database.read(lambda s: s.audit.lines("P-0001", limit=500))
    return sum(line.action == "own_data_sent" and line.actor == "patient:P-0001" for line in lines)


@pytest.mark.parametrize(
    ("label", "language", "words"),
    [("Español", "es", "Lo que guardo sobre usted"), ("Русский", "ru", "Что я храню о вас")],
)
async def test_p16_export_is_in_the_patients_language(world: World, label: str, language: str, words: str) -> None:
    anna, _ = await lived(world)
    await world.say(anna, "/language")
    await world.tap(anna, label)
    world.hear_all(anna)
    html, data = await exported(world, anna)
    assert f'<html lang="{language}">' in html
    assert f"<h1>{words}</h1>" in html
    english = {"Numbness", "Mild", "Start", "Language", "Until", "check-in"}
    assert not [word for word in english if re.search(rf"\b{word}\b", html.partition("<body>")[2])]
    assert data["language"] == language


async def test_export_works_in_a_pause_and_for_a_day_after_a_stop(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/stop")
    await world.tap(anna, "Pause for a week")
    world.hear_all(anna)
    _, data = await exported(world, anna)
    assert any(name == "Pause" for name, _, _ in facts(data, "plan"))
    await world.say(anna, "/stop")
    await world.tap(anna, "Stop the check-ins")
    world.hear_all(anna)
    await world.advance(hours=23)
    _, data = await exported(world, anna)
    assert ("Taking part", "stopped", "withdrawn") in facts(data, "plan")
    await world.advance(hours=2)
    await world.say(anna, "/export")
    world.hear(anna, "Ask your team for a new link")


async def test_export_begins_with_the_number_while_something_is_open(world: World) -> None:
    anna = await due(world)
    await world.answer(anna, "No, nothing new", "Yes, one or more")
    world.hear_all(anna)
    await world.say(anna, "/privacy")
    await world.tap(anna, "Get my data")
    said = [m for m in world.hear_all(anna) if "I am sending you" in plain(m)]
    assert plain(said[0]).startswith("There is a call that can't wait. Call 112 now")
    assert labels(said[0]) == ["Copy 112"]


async def test_helper_gets_no_data_and_none_of_the_helper_is_in_it(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    ben = await invited(world, anna)
    await world.tap(ben, "I agree")
    await world.until_due(anna)
    for person in (anna, ben):
        world.hear_all(person)
    await world.answer(ben, "No, nothing new", "None of these 8", "None of these 7", "None")
    await world.say(ben, "/export")
    assert "Only the person you help can" in plain(world.hear_all(ben)[-1])
    world.hear_all(anna)
    html, data = await exported(world, anna)
    assert ("Numbness or pain", "None (your helper)", ["none"]) in facts(data, "check_ins")
    assert str(ben.id) not in html
    assert "Ben" not in html
    assert received(world, ben) == {}


async def test_export_of_an_erased_chat_gets_nothing(world: World) -> None:
    anna = await world.enrolled("P-0001", name="Anna")
    await world.say(anna, "/delete")
    await world.tap(anna, "Get my data first")
    assert list(received(world, anna)) == ["html", "json"]
    await world.answer(anna, "Delete my answers", "Yes, delete for good")
    world.hear_all(anna)
    await world.say(anna, "/export")
    world.hear(anna, "only work with a link")
