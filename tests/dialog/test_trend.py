"""The sentence of "My answers" and the text below it: what is open comes first, and nothing sounds like an all-clear."""

from datetime import date, timedelta

import pytest

from bot.app.checkins.answers import answer_row
from bot.app.checkins.trend import answered_days, calls, finished, gaps_of
from bot.app.records.alerts import AlertState
from bot.app.records.checkins import CheckInRow
from bot.app.records.concerns import ConcernChange, HeardOf, KnownConcern, MemoryRow, OpenConcern
from bot.chat.screens import MAX_CAPTION, MAX_TEXT, make_render, strip_markup
from bot.core.changes import What
from bot.core.checkin import CheckIn, State
from bot.core.concern_values import NONE, Concern, ConcernState
from bot.core.hearing import Heard
from bot.core.memory import Memory
from bot.core.protocol import Tier
from bot.core.schedule import Pause
from bot.core.trend import Compared, Comparison
from bot.dialog import trend as trends
from bot.dialog.still_open import open_lines
from bot.dialog.trend import Memories, sentence, trend_of, trend_screen
from bot.dialog.widgets import symptom_text
from tests.app.conftest import AT
from tests.chat.test_charts import TEXTS, WORDS
from tests.contract.samples import alert
from tests.fakes.work import packaged_clinic, treated, work_on

CLINIC = packaged_clinic()
ZONE = "Europe/Berlin"
LAST = date(2026, 2, 20)
ALL_CLEARS = {
    "en": ("Better than", "About the same"),
    "es": ("Mejor que", "Más o menos igual"),
    "ru": ("Лучше, чем", "Примерно так же"),
}
NUMBERS = {
    Tier.SOON: ("+49 30 901820",),
    Tier.URGENT: ("+49 30 901820",),
    Tier.EMERGENCY: ("+49 30 901820", "112"),
}
RESULTS = [
    Comparison(Compared.BETTER, better=("numbness",)),
    Comparison(Compared.WORSE, worse=("stairs",)),
    Comparison(Compared.MIXED, worse=("stairs",), better=("numbness",)),
    Comparison(Compared.SAME),
    Comparison(Compared.SAME, is_by_week=False),
    Comparison(Compared.FIRST),
    Comparison(Compared.TOO_FEW),
    Comparison(Compared.NOTHING_LATELY),
]


def found(symptom="eyes", tier=Tier.URGENT, *, today="not_answered", for_team=False, retracted=False):
    return OpenConcern(symptom, tier, AT - timedelta(days=3), today, for_team, retracted)


def known(symptom, tier=Tier.URGENT, *, by_staff=True, came_back=False):
    return KnownConcern(symptom, tier, is_there=True, by_staff=by_staff, came_back=came_back)


def said(compared, held=Memories(), language="en"):  # noqa: B008 - a value
    return "\n".join(WORDS.plain(line, language) for line in sentence(CLINIC, compared, held, ZONE, LAST))


@pytest.mark.parametrize(
    ("compared", "words"),
    [
        (RESULTS[0], "Better than last week:\n• Numbness or pain"),
        (RESULTS[1], "Worse than last week:\n• Stairs"),
        (RESULTS[2], "Worse than last week:\n• Stairs\nBetter than last week:\n• Numbness or pain"),
        (RESULTS[3], "About the same as last week."),
        (RESULTS[4], "About the same as last time."),
        (RESULTS[5], "These are your first answers."),
        (RESULTS[6], "There are too few answers to compare."),
        (RESULTS[7], "There are no answers from the last 7 days. The last ones are from 20 February 2026."),
        (RESULTS[0]._replace(is_by_week=False), "Better than last time:\n• Numbness or pain"),
    ],
)
def test_sentence_says_how_the_week_compares(compared, words):
    assert said(compared) == words


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_every_sentence_exists_in_each_language(language):
    seen = {said(compared, language=language) for compared in RESULTS}
    assert len(seen) == len(RESULTS)
    assert not any("trend." in words for words in seen)


@pytest.mark.parametrize("language", ["en", "es", "ru"])
@pytest.mark.parametrize("tier", [Tier.SOON, Tier.URGENT, Tier.EMERGENCY])
@pytest.mark.parametrize("today", ["there", "gone", "not_answered"])
def test_law_1_what_is_open_comes_first_and_nothing_sounds_like_an_all_clear(language, tier, today):
    symptom = {Tier.SOON: "dizzy", Tier.URGENT: "eyes", Tier.EMERGENCY: "breathing"}[tier]
    held = Memories(is_open=True, open=(found(symptom, tier, today=today),))
    for compared in RESULTS:
        words = said(compared, held, language)
        assert not any(clear in words for clear in ALL_CLEARS[language]), words
        assert all(number in words for number in NUMBERS[tier]), words
        named = WORDS.plain(symptom_text(CLINIC, symptom), language)
        assert words.split("\n")[1] == f"• {named}", "first of all it says what is open"
        if language == "en":
            assert ("Stairs" in words) == ("stairs" in compared.worse)


def test_what_is_open_has_the_words_of_the_end_screen():
    concern = found("breathing", Tier.EMERGENCY)
    mine = open_lines(CLINIC, [concern], ZONE, is_asked=None)
    assert mine == open_lines(CLINIC, [concern], ZONE, is_asked=False)
    assert "Call 112 now." in said(RESULTS[3], Memories(is_open=True, open=(concern,)))
    gone = said(RESULTS[3], Memories(is_open=True, open=(found("breathing", Tier.EMERGENCY, today="gone"),)))
    assert gone.endswith("Not there today.\nPlease call your team today: +49 30 901820. If it comes back, call 112.")
    assert "Did someone speak" not in gone, "it has no buttons to answer that"


@pytest.mark.parametrize("kind", [{"for_team": True}, {"retracted": True}])
def test_what_only_the_team_decides_or_was_taken_back_is_no_all_clear_either(kind):
    held = Memories(is_open=True, open=(found(tier=Tier.SOON, **kind),))
    for compared in RESULTS:
        words = said(compared, held)
        assert not any(clear in words for clear in ALL_CLEARS["en"]), words
    expected = "Ask your team to look at this again:" if "for_team" in kind else "This was taken back as a mistake."
    assert expected in words


def test_what_a_phone_may_not_show_yet_is_not_named():
    words = said(RESULTS[0], Memories(is_open=True, unnamed=Tier.EMERGENCY))
    assert words.startswith("There is a call that can't wait. Call 112 now")
    assert "Better" not in words


@pytest.mark.parametrize(
    ("by_staff", "words"),
    [(True, "Your team knows about this:"), (False, "I was told that someone knows about this:")],
)
def test_what_a_human_knows_is_named_next_to_the_comparison(by_staff, words):
    held = Memories(known=(known("eyes", by_staff=by_staff),))
    assert (
        said(RESULTS[0], held)
        == f"Better than last week:\n• Numbness or pain\n{words}\n• double vision or a drooping eyelid"
    )


def test_what_is_there_again_is_no_progress():
    held = Memories(known=(known("eyes", came_back=True),))
    for compared in RESULTS:
        words = said(compared, held)
        assert not any(clear in words for clear in ALL_CLEARS["en"]), words
        assert "double vision" in words


# -- the message


def checkin(stores, given_to, day, at=10, **answers):
    """Store a finished check-in of so many days before AT."""
    opened = AT.replace(hour=at) - timedelta(days=day)
    value = CheckIn(
        form="full",
        state=State.DONE,
        revision=9,
        asked_revision=9,
        cursor=None,
        answers={q: (c,) for q, c in answers.items()},
    )
    p = CLINIC.protocol
    names = {"protocol_name": p.name, "protocol_version": p.version, "protocol_hash": p.content_hash}
    times = {"due_at": opened, "opened_at": opened, "closed_at": opened}
    row = stores.checkins.add(CheckInRow(patient_id=given_to.id, kind="scheduled", value=value, **times, **names))
    for question, choice in answers.items():
        stores.answers.record(answer_row(given_to, row, question, (choice,), opened))


FUNCTIONS = ("stairs", "chair", "buttons", "arms", "head", "floor")


@pytest.fixture
def lived(database, anna):
    """Make Anna answer on days, given as (days ago, answers); return what `read` of her work and herself gives."""

    def live(*days, read=trend_screen, started=100):
        def work(stores):
            who = treated(stores, stores.patients.get(anna.id), start=(AT - timedelta(days=started)).date())
            for day, answers in days:
                checkin(stores, who, day, **answers)
            stored = work_on(stores, CLINIC, AT)
            return read(stored, who, finished(stored, who))

        return database.run(work)

    return live


MILD = {"numbness": "mild", "interference": "a_little"}


def caption(screen, language="en"):
    rendered = make_render(TEXTS, b"k" * 32)(screen, language, 7)
    return strip_markup(rendered.text)


def test_message_says_the_sentence_first_and_then_what_the_picture_shows(lived):
    full = {**dict.fromkeys(FUNCTIONS, "none"), "stairs": "some"}
    text = caption(lived((8, {"numbness": "medium", "interference": "somewhat", **full}), (1, MILD)))
    assert text.startswith(
        "Better than last week:\n• Numbness or pain\n• In the way of your day\n\nThe picture can't say"
    )
    assert "2 answers since 22 November 2025" in text
    assert "1 March 2026: Mild; A little\n22 February 2026: Medium; Somewhat" in text
    assert "Stairs: A little hard\nGetting up from a chair: No trouble" in text


def test_p20_seven_missing_weeks_are_said_too(lived):
    screen = lived((60, MILD), (57, MILD), (5, MILD), (2, MILD))
    assert [(gap.first, gap.last) for gap in screen.trend.gaps] == [
        ((AT - timedelta(days=57)).date(), (AT - timedelta(days=5)).date())
    ]
    assert "No answers: 4 January 2026 to 25 February 2026" in caption(screen)


def test_rows_of_functions_have_each_answer_and_leave_out_what_does_not_apply(lived):
    screen = lived(
        (30, {"stairs": "na", "chair": "much", **MILD}),
        (9, {"stairs": "some", "chair": "skip", **MILD}),
        (2, {"chair": "none"}),
    )
    rows = {row.label.key: [step for _, step in row.steps] for row in screen.trend.functions}
    assert rows == {"short.stairs": [1], "short.chair": [2, 0]}
    assert [point.numbness for point in screen.trend.points] == [1, 1]


def missing(work, who, found_):
    days = answered_days(CLINIC, who, found_)
    return [((AT.date() - gap.first).days, (AT.date() - gap.last).days) for gap in gaps_of(work, who, days)]


@pytest.mark.parametrize(
    ("started", "days", "expected"),
    [
        # Three times a week: two weeks without an answer are a gap, one is none.
        (60, (40, 26, 19, 12, 5), [(40, 26)]),
        # Every week, from day 92 on.
        (160, (35, 28, 14, 7), [(28, 14)]),
        # Every two weeks, from day 183 on.
        (300, (47, 33, 19, 5), []),
        (300, (47, 19, 5), [(47, 19)]),
        # Every four weeks.
        (420, (54, 26), []),
        (420, (54,), [(54, 0)]),
    ],
)
def test_p20_a_gap_is_what_the_plan_of_those_days_asked(lived, started, days, expected):
    assert lived(*((day, MILD) for day in days), read=missing, started=started) == expected


def test_p20_a_pause_is_a_gap(lived, database, anna):
    pause = Pause(first=(AT - timedelta(days=30)).date(), last=(AT - timedelta(days=16)).date(), reason="hospital")
    database.run(lambda s: s.patients.save(s.patients.get(anna.id).model_copy(update={"pauses": (pause,)})))
    assert lived((33, MILD), (31, MILD), (14, MILD), (7, MILD), read=missing, started=60) == [(31, 14)]


def test_calls_are_marked_by_the_day_and_those_for_the_team_alone_are_not(database, clinic, anna, choose):
    for choice in ("no", "none", "yes"):
        choose(choice)
    for_team = {"checkin_id": None, "what": What.OPENED, "state": ConcernState.OPEN, "tier": Tier.SOON}
    for days, actor in ((3, "system"), (5, "staff-1"), (8, "patient:P-0001")):
        change = ConcernChange(
            patient_id=anna.id, symptom="dizzy", at=AT - timedelta(days=days), actor=actor, **for_team
        )
        database.run(lambda s, c=change: s.concerns.add_change(c))
    team_only = {"tier": Tier.SOON, "asked_tier": Tier.ROUTINE, "raised_at": AT - timedelta(days=4)}
    database.run(lambda s: s.alerts.add(alert(anna.id, state=AlertState.CLOSED, closed_at=AT, **team_only)))
    marked = database.run(lambda s: calls(work_on(s, clinic, AT), s.patients.get(anna.id)))
    assert marked == [(AT.date(), Tier.URGENT), ((AT - timedelta(days=8)).date(), Tier.SOON)]


# -- what is open, by the newest check-in


@pytest.fixture
def with_open(lived, database, anna):
    """Show the answers of 8 and `ago` days before, in which double vision was gone, after it was found 10 days before."""

    def show(ago=1, history_from=None, **changes):
        concern = Concern(
            symptom="eyes",
            state=ConcernState.OPEN,
            own_tier=Tier.URGENT,
            first_found_at=AT - timedelta(days=10),
            opened_at=AT - timedelta(days=10),
        ).model_copy(update=changes)

        def read(work, who, found_):
            heard = HeardOf(checkins={found_[0].id: {"eyes": Heard(level=NONE, at=AT)}})
            held = MemoryRow(patient_id=anna.id, value=Memory(concerns={"eyes": concern}), heard=heard)
            work.concerns.add(held)
            since = AT - timedelta(days=history_from) if history_from is not None else None
            return trend_screen(work, who.model_copy(update={"history_from": since}), found_)

        return caption(lived((8, {"numbness": "medium"}), (ago, MILD), read=read))

    return show


def test_not_there_today_is_said_on_that_day_only(with_open):
    text = with_open(ago=0)
    assert "double vision or a drooping eyelid\n\nNot there today." in text
    assert "Better" not in text


def test_check_in_of_yesterday_says_nothing_of_today(with_open):
    text = with_open(ago=1)
    assert text.startswith(
        "On 20 February 2026 this came up:\n\n• double vision or a drooping eyelid\n\nCall your team now"
    )
    assert "Not there today" not in text
    assert "Better" not in text


def test_phone_that_nobody_confirmed_gets_the_number_and_no_name_of_what_is_open(with_open):
    text = with_open(history_from=9)
    assert text.startswith("There is still a call to make. Call your team now: +49 30 901820.")
    assert "double vision" not in text
    assert "Better" not in text


def test_phone_that_nobody_confirmed_gets_no_all_clear_of_what_was_taken_back(with_open):
    text = with_open(history_from=9, retracted_at=AT)
    assert "double vision" not in text
    assert "Better" not in text


@pytest.mark.parametrize("language", ["en", "es", "ru"])
def test_longest_caption_fits_and_nothing_that_matters_is_cut(language, lived, monkeypatch):
    worst = {"numbness": "very_strong", "interference": "quite_a_bit", **dict.fromkeys(FUNCTIONS, "some")}
    better = {"numbness": "medium", "interference": "somewhat", **dict.fromkeys(FUNCTIONS, "none")}
    days = [(day, worst if day > 6 else better) for day in (90, 88, 60, 58, 30, 12, 9, 3, 2, 1)]
    held = Memories(known=tuple(known(name, by_staff=name == "eyes") for name in ("eyes", "numbness", "stairs")))
    monkeypatch.setattr(trends, "_memories", lambda *_: held)
    screen = lived(*days)
    text = caption(screen, language)
    whole = "\n\n".join(WORDS.plain(line, language) for line in screen.lines)
    assert text == whole
    assert len(text.encode("utf-16-le")) // 2 <= MAX_CAPTION


@pytest.mark.parametrize("language", ["en", "es", "ru"])
@pytest.mark.parametrize(("opened", "others"), [(1, 0), (2, 1), (4, 0), (8, 0), (4, 4), (9, 0), (20, 5)])
def test_sentence_names_all_that_is_open_and_fits(language, opened, others, lived, monkeypatch):
    """Telegram refuses a picture whose caption is too long: with much to name, figures go first, then the picture."""
    names = [name for name, symptom in CLINIC.protocol.symptoms.items() if symptom.question is not None]
    held = Memories(
        is_open=True,
        open=tuple(found(name, today="there") for name in names[:opened]),
        known=tuple(known(name) for name in names[opened : opened + others]),
    )
    monkeypatch.setattr(trends, "_memories", lambda *_: held)
    worst = {"numbness": "very_strong", "interference": "quite_a_bit", **dict.fromkeys(FUNCTIONS, "some")}
    screen = lived((9, {**MILD, **dict.fromkeys(FUNCTIONS, "none")}), (1, {**worst}))
    text = caption(screen, language)
    for name in names[: opened + others]:
        assert WORDS.plain(symptom_text(CLINIC, name), language) in text
    assert len(text.encode("utf-16-le")) // 2 <= (MAX_CAPTION if screen.trend is not None else MAX_TEXT)
    assert (screen.trend is not None) == (opened + others <= 8)
    assert (screen.lines[-1].fold is not None) == (opened + others <= 3), "the figures"


def test_trend_of_somebody_without_check_ins_is_none(database, clinic, anna):
    assert database.run(lambda s: trend_of(work_on(s, clinic, AT), s.patients.get(anna.id))) is None
