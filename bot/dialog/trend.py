"""Builds the picture of "My answers", with a sentence first and the figures as text below it. Assesses nothing.

The sentence, each rule with a test: while anything is open it names that and whom to call, and says of nothing that it
is better or the same. What a human knows about is named, too. It compares answers only, and promises nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from bot.app.checkins.trend import answered_days, calls, finished, function_questions, gaps_of, severity_pair
from bot.app.concerns.follow_up import local_day
from bot.app.concerns.memory import known_after, open_after, tier_to_call_about
from bot.app.ports.clinic import Clinic
from bot.app.records.checkins import CheckInRow
from bot.app.records.concerns import KnownConcern, OpenConcern
from bot.app.records.patients import Patient
from bot.app.work import Work
from bot.core.protocol import Question, Tier
from bot.core.screen import Screen, Text, Trend, TrendAlert, TrendGap, TrendPeriod, TrendPoint, TrendRow
from bot.core.trend import AnsweredDay, Compared, Comparison, compare
from bot.dialog.still_open import open_lines
from bot.dialog.widgets import (
    both_numbers,
    call_line,
    choice_text,
    date_text,
    joined,
    numbers,
    period_texts,
    periods_to_show,
    short_text,
    symptom_text,
)

MOST_FIGURES, MOST_CALLS, MOST_GAPS = 4, 3, 2
"""How many of each the text below the sentence names, the newest: a caption has 1,024 characters."""
MOST_NAMED_WITH_FIGURES, MOST_NAMED_WITH_PICTURE = 3, 8
"""How many symptoms may be open or known: more leave no room in a caption for the figures, or for all the names."""


# -- the picture


def trend_of(work: Work, patient: Patient) -> Trend | None:
    """Return the trend of a patient's answers; None before the first finished check-in."""
    found = finished(work, patient)
    return _trend(work, patient, answered_days(work.clinic, patient, found)) if found else None


def _trend(work: Work, patient: Patient, days: Sequence[AnsweredDay], since: datetime | None = None) -> Trend:
    severity, interference = severity_pair(work.clinic.protocol)
    given = periods_to_show(patient)
    return Trend(
        points=tuple(_points(days, severity, interference)),
        ici_start=patient.treatment.first_start,
        alerts=tuple(TrendAlert(day=day, tier=tier.name) for day, tier in calls(work, patient, since)),
        title=Text(key="trend.title"),
        severities=tuple(choice_text(severity, level) for level in severity.levels) if severity is not None else (),
        numbness=Text(key="trend.numbness"),
        interference=Text(key="trend.interference"),
        start=Text(key="trend.start"),
        alert=Text(key="trend.alert"),
        week=Text(key="trend.week"),
        periods=tuple(TrendPeriod(first=p.start, last=p.stop) for p in given),
        given=Text(key="trend.given") if given else None,
        today=local_day(patient, work.clinic, work.at),
        gaps=tuple(TrendGap(first=gap.first, last=gap.last) for gap in gaps_of(work, patient, days)),
        no_answers=Text(key="trend.gap"),
        functions=tuple(_rows(work.clinic, days)),
        harder=Text(key="trend.functions"),
    )


def _points(days: Sequence[AnsweredDay], severity: Question | None, then: Question | None) -> Iterator[TrendPoint]:
    for day, steps in days:
        if severity is not None and severity.id in steps:
            interference = steps.get(then.id) if then is not None else None
            yield TrendPoint(day=day, numbness=steps[severity.id], interference=interference)


def _rows(clinic: Clinic, days: Sequence[AnsweredDay]) -> Iterator[TrendRow]:
    for question in function_questions(clinic.protocol):
        steps = tuple((day, given[question.id]) for day, given in days if question.id in given)
        if steps:
            yield TrendRow(label=short_text(question), steps=steps, top=len(question.levels) - 1)


# -- the sentence


class Memories(NamedTuple):
    """What is remembered at the end of the newest check-in: whether anything is open, and what a human knows about.

    `open` has what the chat may name; `unnamed` is the tier of the rest, found before it may show answers.
    """

    is_open: bool = False
    open: tuple[OpenConcern, ...] = ()
    known: tuple[KnownConcern, ...] = ()
    unnamed: Tier = Tier.ROUTINE


def sentence(clinic: Clinic, compared: Comparison, held: Memories, zone: str, last: date) -> list[Text]:
    """Return what is said first. `last`: the day of the last answers."""
    lines = list(call_line(clinic, held.unnamed))
    lines += open_lines(clinic, held.open, zone, is_asked=None) if held.open else []
    # What is open, or there again, is no progress, whatever the other answers were.
    only_worse = held.is_open or any(each.came_back for each in held.known)
    return [*lines, *_compared(clinic, compared, last, only_worse=only_worse), *_known(clinic, held.known)]


def _compared(clinic: Clinic, compared: Comparison, last: date, *, only_worse: bool) -> Iterator[Text]:
    by = "week" if compared.is_by_week else "time"
    if compared.worse:
        yield _listed(f"trend.worse.{by}", (_named(clinic, question) for question in compared.worse))
    if only_worse:
        return
    if compared.better:
        yield _listed(f"trend.better.{by}", (_named(clinic, question) for question in compared.better))
    if compared.result is Compared.SAME:
        yield Text(key=f"trend.same.{by}")
    if compared.result in {Compared.FIRST, Compared.TOO_FEW, Compared.NOTHING_LATELY}:
        yield Text(key=f"trend.{compared.result}", values={"date": date_text(last)})


def _known(clinic: Clinic, known: Sequence[KnownConcern]) -> Iterator[Text]:
    for key, is_by_staff in (("trend.known.staff", True), ("trend.known.told", False)):
        names = [symptom_text(clinic, each.symptom) for each in known if each.by_staff is is_by_staff]
        if names:
            yield _listed(key, names)


def _listed(key: str, items: Iterable[Text]) -> Text:
    return Text(key=key, bullets=tuple(items))


def _named(clinic: Clinic, question: str) -> Text:
    return short_text(clinic.protocol.questions[question])


# -- the message


def trend_screen(work: Work, patient: Patient, found: list[CheckInRow]) -> Screen:
    """Return the picture of the check-ins, newest first, at least one: the sentence, then the figures in a fold."""
    since, days = patient.history_from, answered_days(work.clinic, patient, found)
    trend = _trend(work, patient, days, since)
    last, today = days[-1].day, local_day(patient, work.clinic, work.at)
    zone = patient.timezone or work.clinic.timezone
    held = _memories(work, patient, found[0])
    said = sentence(work.clinic, compare(days, today), held, zone, last)
    # What the patient has to call about has its own words on whom to call.
    if tier_to_call_about(work, patient) is Tier.ROUTINE:
        is_emergency = held.is_open or any(each.tier is Tier.EMERGENCY for each in held.known)
        said.append(both_numbers(work.clinic) if is_emergency else Text(key="trend.call", values=numbers(work.clinic)))
    named = len(held.open) + len(held.known)
    if named > MOST_NAMED_WITH_PICTURE:
        return Screen(name="trend", lines=tuple(said), protect=True)
    figures = _figures(work.clinic, patient, trend, days)
    if named > MOST_NAMED_WITH_FIGURES:
        figures = figures.model_copy(update={"fold": None})
    return Screen(name="trend", lines=(*said, figures), trend=trend, protect=True)


def _memories(work: Work, patient: Patient, newest: CheckInRow) -> Memories:
    """Return what is remembered. "Not there today" holds on the day of the check-in only."""
    since, found = patient.history_from, open_after(work, patient, newest)
    is_today = local_day(patient, work.clinic, newest.opened_at) == local_day(patient, work.clinic, work.at)
    shown = tuple(each for each in found if since is None or each.since >= since)
    hidden = [c.tier for c in found if c not in shown and not c.is_for_team and not c.is_retracted]
    opened = shown if is_today else tuple(each._replace(today="not_answered") for each in shown)
    known = known_after(work, patient, newest) if since is None else ()
    return Memories(bool(found), opened, known, max(hidden, default=Tier.ROUTINE))


def _figures(clinic: Clinic, patient: Patient, trend: Trend, days: Sequence[AnsweredDay]) -> Text:
    """Return what the picture shows as text, for people who can't see it."""
    lines = [*period_texts(patient), *_gaps(trend.gaps), *_calls(trend.alerts)]
    lines += [*_newest(clinic, days), *_functions(clinic, days)]
    values = {"n": len(trend.points), "start": date_text(patient.treatment.first_start)}
    return Text(key="trend.caption", values=values, fold=joined("answers.below", lines) if lines else None)


def _gaps(gaps: Sequence[TrendGap]) -> Iterator[Text]:
    for gap in gaps[-MOST_GAPS:]:
        yield Text(key="trend.gap.days", values={"first": date_text(gap.first), "last": date_text(gap.last)})


def _calls(alerts: Sequence[TrendAlert]) -> Iterator[Text]:
    days = list(dict.fromkeys(alert.day for alert in alerts))[:MOST_CALLS]
    if days:
        yield Text(key="trend.calls", values={"dates": joined("answers.and", map(date_text, days))})


def _newest(clinic: Clinic, days: Sequence[AnsweredDay]) -> Iterator[Text]:
    """Yield how strong it was and how much it got in the way, newest first."""
    severity, interference = severity_pair(clinic.protocol)
    asked = [each for each in days if severity is not None and severity.id in each.steps]
    for day, steps in asked[: -MOST_FIGURES - 1 : -1]:
        given = [choice_text(q, q.levels[steps[q.id]]) for q in (severity, interference) if q and q.id in steps]
        yield Text(key="trend.figure", values={"date": date_text(day), "answer": joined("answers.and", given)})


def _functions(clinic: Clinic, days: Sequence[AnsweredDay]) -> Iterator[Text]:
    """Yield the newest answer to each question on what muscles and feet can do."""
    for question in function_questions(clinic.protocol):
        steps = [given[question.id] for _, given in days if question.id in given]
        if steps:
            answer = choice_text(question, question.levels[steps[-1]])
            yield Text(key="answers.line", values={"question": short_text(question), "answer": answer})
