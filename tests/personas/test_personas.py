"""The personas live 91 days through the product; what they read breaks no rule. The pages: `make personas`.

On one core alone all twelve take about a minute. A silent person's one open check-in keeps its buttons, however many: it
has to be answerable. So the limit of live buttons counts no open question.
"""

import html
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.app.records.messages import Lane, Outbox
from bot.chat.screens import TextRenderer
from bot.content.texts import Texts
from bot.core.screen import Action, Button, Screen, Text
from tests.personas import known, rules
from tests.personas.labels import is_cut
from tests.personas.living import Lived, live
from tests.personas.page import counts, page
from tests.personas.people import BY_NAME, DAYS
from tests.personas.stage import Event

TEXTS = TextRenderer(Texts.load(("en", "es", "ru")))
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# -- the lives


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BY_NAME)
async def test_persona_reads_nothing_that_breaks_a_rule(name):
    lived = await live(BY_NAME[name], DAYS)
    assert known.unknown(name, rules.breaches(lived, TEXTS)) == []
    numbers = counts(lived)
    assert numbers["messages"] > 20
    assert numbers["taps"] > 150 or not lived.persona.answers
    if name == "new-mild":
        check_p6(lived)
    shown = page(lived, [], [])
    assert f'id="day-{DAYS}"' in shown
    assert all(html.escape(event.label) in shown for event in lived.after if event.kind == "tap")


def check_p6(lived: Lived) -> None:
    """P6: called on day 2, somebody spoke with her on day 3: then "about the same" and tips for numb hands or feet."""
    spoken = next(event for event in lived.after if event.kind == "tap" and event.choice == "reached")
    ends = [event for event in lived.after if event.at > spoken.at and any(k.startswith("done.") for k in event.keys)]
    ends = [event for event in ends if event.kind == "edit"]
    assert len(ends) > 30
    assert all(event.text.startswith("Thank you. About the same as last time.") for event in ends)
    assert all("done.known.told" in event.keys for event in ends), "no team member recorded anything"
    assert not any("call.soon" in event.keys for event in lived.after if event.at > spoken.at)
    numb = [any(key.removeprefix("tip.") in rules.NUMB_TIPS for key in event.keys) for event in ends]
    assert all(numb[:2])
    assert sum(numb) >= 2 * len(numb) // 3


# -- each rule is seen to fail


def message(
    key: str, *, at: datetime = AT, number: int = 1, kind: str = "new", slot: str = "checkin:1", **more
) -> Event:
    """A message with one text of the catalog."""
    screen = Screen(name=more.pop("name", "a.screen"), lines=(Text(key=key, values=more.pop("values", {})),))
    row = Outbox(
        patient_id=1,
        chat_id=1,
        language="en",
        lane=Lane.REPLY,
        slot=slot,
        mode="new",
        revision=0,
        screen=screen.model_copy(update={"rows": more.pop("buttons", ())}),
        created_at=at,
        not_before=at,
    )
    text = more.pop("text", TEXTS.plain(screen.lines[0], "en"))
    return Event(at, "Anna", kind, number, text, more.pop("rows", ()), row, **more)


def life(*events: Event, name: str = "quiet", **more) -> Lived:
    return Lived(BY_NAME[name], AT, DAYS, list(events), patient="Anna", team="ann", **more)


def broken(rule, *events: Event, **more) -> list[str]:
    return list(rule(life(*events, **more)))


@pytest.mark.parametrize("seconds", [0, 59])
@pytest.mark.parametrize("order", [1, -1])
def test_all_clear_next_to_a_call_is_found(seconds, order):
    first, second = ("done.routine", "call.soon")[::order]
    events = message(first), message(second, at=AT + timedelta(seconds=seconds), number=2)
    assert "no all-clear next to a call" in "".join(broken(rules.contradictions, *events))
    later = replace(events[1], at=AT + timedelta(seconds=61))
    assert broken(rules.contradictions, events[0], later) == []


@pytest.mark.parametrize("pair", rules.CONTRADICTIONS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def test_texts_that_contradict_are_texts_of_the_catalog(pair):
    every = set(Texts.load(("en",)).keys())
    for key in pair[:2]:
        assert any(each == key or each.startswith(f"{key}.") for each in every)


def test_a_line_that_is_not_shown_is_found():
    said = message("done.scope", text="I only ask about")
    assert "done.scope is not shown" in "".join(rules.hidden(life(said), TEXTS))
    assert list(rules.hidden(life(message("done.scope")), TEXTS)) == []
    long = message("done.scope", text=TEXTS.plain(Text(key="done.scope"), "en") + "." * 4096)
    assert "more than 4096 characters" in "".join(rules.hidden(life(long), TEXTS))


@pytest.mark.parametrize(
    ("label", "in_row", "cut"),
    [
        *(("Need help now", 3, True), ("Нужна помощь", 3, True), ("Ayuda ahora", 3, False), ("Back", 3, False)),
        *(
            ("Need help now", 2, False),
            ("Need help now", 1, False),
            ("What I answered in my last check-in, day by day", 1, True),
        ),
    ],
)
def test_label_that_is_wider_than_its_button_is_found(label, in_row, cut):
    assert is_cut(label, in_row) == cut
    said = message("done.scope", rows=((label, *["x"] * (in_row - 1)),))
    assert bool(list(rules.hidden(life(said), TEXTS))) == cut


@pytest.mark.parametrize(
    ("key", "slots", "most"),
    [
        ("loopback.number.emergency", [f"loopback:1:{n}" for n in range(1, 9)], 3),
        ("loopback.number.urgent", [f"loopback:1:{n}" for n in range(1, 9)], 3),
        ("loopback.number.soon", [f"loopback:1:{n}" for n in range(1, 9)], 2),
        ("checkin.hello.scheduled", ["checkin:1"] * 3, 1),
        ("checkin.hello.silence", ["checkin:1", "checkin:2"], 1),
        ("reminder.open", ["checkin:1"] * 4, 2),
        ("call.soon.why", ["call-soon:1"] * 3, 1),
        ("goodbye", ["goodbye", "other"], 1),
    ],
)
def test_text_that_comes_too_often_is_found(key, slots, most):
    events = [message(key, at=AT + n * DAY, number=n, slot=slot, text=str(n)) for n, slot in enumerate(slots)]
    assert len(broken(rules.nags, *events)) == len(slots) - most
    assert broken(rules.nags, *events[:most]) == []


def test_text_that_is_repeated_within_hours_is_found():
    first, again = message("done.see_next"), message("done.see_next", at=AT + 5 * HOUR, number=2)
    assert "the same text again" in "".join(broken(rules.nags, first, again))
    tap = Event(again.at, "Anna", "tap", 1, label="Yes")
    assert broken(rules.nags, first, tap, again) == [], "an answer to a tap"
    assert broken(rules.nags, first, replace(again, at=AT + 7 * HOUR)) == []


def test_scope_is_said_once_a_week():
    first, again = message("done.scope"), message("done.scope", at=AT + 2 * DAY, number=2, text="2")
    assert AT.weekday() < 5
    assert "once a week" in "".join(broken(rules.nags, first, again))
    assert broken(rules.nags, first, replace(again, at=AT + 7 * DAY)) == []
    sunday = AT + (6 - AT.weekday()) * DAY
    assert broken(rules.nags, replace(first, at=sunday), replace(again, at=sunday + DAY)) == [], "two weeks"


def tip(name: str, day: int, **more) -> Event:
    return message(f"tip.{name}", at=AT + day * DAY, number=day, **more)


def numbness(choice: str, number: int) -> Event:
    asked = message("done.next", name="ask.numbness", number=number)
    return replace(asked, kind="tap", label="x", choice=choice)


def test_tip_out_of_place_is_found():
    assert "to somebody who is not numb" in "".join(broken(rules.tips, tip("heat_water", 1)))
    assert "to somebody who is not numb" in "".join(broken(rules.tips, numbness("none", 1), tip("heat_water", 1)))
    assert broken(rules.tips, numbness("mild", 1), tip("heat_water", 1)) == []
    assert "not dizzy" in "".join(broken(rules.tips, tip("falls_stand_slowly", 1)))
    assert "again after 13 days" in "".join(broken(rules.tips, tip("move_daily", 1), tip("move_daily", 14)))
    assert broken(rules.tips, tip("move_daily", 1), tip("move_daily", 15)) == []


def test_tip_for_smokers_is_not_shown_four_times_to_others():
    shown = [tip("habits_smoking", day) for day in (1, 30, 50, 70)]
    assert "for the 4. time" in "".join(broken(rules.tips, *shown))
    assert broken(rules.tips, *shown[:3]) == []
    assert broken(rules.tips, *shown, name="diabetic-smoker") == []


def test_disliked_tip_that_comes_back_is_found():
    buttons = (
        (
            Button(
                label=Text(key="button.not_for_me"),
                action=Action(kind="tip", question="mind_relax", choice="not_for_me"),
            ),
        ),
    )
    said = tip("mind_relax", 1, buttons=buttons)
    tap = replace(said, kind="tap", label="Not for me", choice="not_for_me")
    assert "not for them" in "".join(broken(rules.tips, said, tap, tip("mind_relax", 84)))
    assert broken(rules.tips, said, tap, tip("mind_relax", 86)) == []


def test_numb_people_get_tips_for_numb_hands_and_feet():
    def after(*names: str) -> list[str]:
        events = [each for n, name in enumerate(names, 1) for each in (numbness("mild", n), tip(name, n))]
        return broken(rules.tips, *events)

    assert "P6: 1 of three" in "".join(after("heat_water", "mind_relax", "mind_sleep"))
    assert after("heat_water", "mind_relax", "heat_kitchen", "feet_look") == []


def test_more_messages_and_buttons_than_allowed_are_found():
    sent = [message("done.next", at=AT + n * HOUR, number=n) for n in range(46)]
    assert "46 messages" in "".join(broken(rules.amounts, *sent))
    assert broken(rules.amounts, *sent[:45]) == []
    assert "6 live buttons" in "".join(broken(rules.amounts, live=6))
    assert broken(rules.amounts, live=5) == []


def test_known_line_is_allowed_for_whom_it_is_known(monkeypatch):
    monkeypatch.setattr(known, "KNOWN", (known.Known("quiet", "the button is cut: Skip", "why"),))
    assert known.unknown("quiet", ["3 in a row, the button is cut: Skip", "new"]) == ["new"]
    assert known.unknown("silent", ["the button is cut: Skip"]) == ["the button is cut: Skip"]
    assert [entry.who for entry in known.unused({"quiet": ["new"]})] == ["quiet"]
    assert known.unused({"quiet": ["the button is cut: Skip"]}) == []
