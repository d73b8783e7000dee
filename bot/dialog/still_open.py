"""Builds the end screen of a check-in while something found earlier still needs a human. Decides nothing."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from bot.app.ports.clinic import Clinic
from bot.app.ports.notices import CheckInEnd
from bot.app.records.concerns import OpenConcern
from bot.core.protocol import Tier
from bot.core.screen import Button, Screen, Text
from bot.dialog.safety_follow_up import answer_buttons
from bot.dialog.widgets import copy_button, date_text, numbers, rows


def still_open_screen(clinic: Clinic, end: CheckInEnd, zone: str) -> Screen:
    """Return the screen: what is open, in the patient's words, whom to call, and whether somebody spoke with them.

    `zone`: the patient's time zone, for the day on which each was found.
    """
    asked = [concern for concern in end.open if not concern.is_for_team]
    there = [concern for concern in asked if concern.today == "there"]
    away = [concern for concern in asked if concern.today != "there"]
    # A skip says of nothing that it went away.
    unsaid = [concern for concern in away if concern.today == "not_answered" and not concern.is_retracted]
    called = _call(clinic, [*there, *unsaid], away)
    if _is_asked(end) and not any(line.key.startswith("done.open.ask") for line in called):
        called.append(Text(key="done.open.spoke"))
    lines = [*_list(clinic, "done.open.there", there), *_earlier(clinic, away, zone), *called]
    lines += _list(clinic, "done.open.for_team", [c for c in end.open if c.is_for_team])
    lines += [] if asked else [_if_worse(clinic, end.open)]
    return Screen(name="done.open", lines=tuple(lines), rows=rows(_buttons(clinic, end)), protect=False)


def _if_worse(clinic: Clinic, concerns: Sequence[OpenConcern]) -> Text:
    """Return whom to call if what only the team has to decide about gets worse: 112 for a sign that is an EMERGENCY."""
    found = (clinic.protocol.symptoms.get(concern.symptom) for concern in concerns)
    levels = [set(symptom.levels.values()) for symptom in found if symptom is not None]
    is_emergency = any(tiers == {Tier.EMERGENCY} for tiers in levels)
    return Text(key="done.open.worse.emergency" if is_emergency else "done.open.worse", values=numbers(clinic))


def _list(clinic: Clinic, header: str, concerns: list[OpenConcern]) -> list[Text]:
    return [Text(key=header), *(_item(clinic, each) for each in concerns)] if concerns else []


def _earlier(clinic: Clinic, concerns: list[OpenConcern], zone: str) -> list[Text]:
    """Return what was found earlier and isn't there, or wasn't answered, today: by the day it was found."""
    if not concerns:
        return []
    days: dict[date, list[OpenConcern]] = {}
    for each in sorted(concerns, key=lambda c: c.since):
        days.setdefault(each.since.astimezone(ZoneInfo(zone)).date(), []).append(each)
    lines: list[Text] = []
    for day, found in days.items():
        lines.append(Text(key="done.open.earlier", values={"date": date_text(day)}))
        lines += [_item(clinic, each) for each in found]
    if all(each.is_retracted for each in concerns):
        lines.append(Text(key="done.open.mistake"))
    elif all(each.today == "gone" for each in concerns):
        lines.append(Text(key="done.open.gone"))
    return lines


def _call(clinic: Clinic, there: list[OpenConcern], away: list[OpenConcern]) -> list[Text]:
    """Return whom to call: by what is there today, and by what is open if that is more."""
    now = max((each.tier for each in there), default=Tier.ROUTINE)
    earlier = max((each.tier for each in away if not each.is_retracted), default=Tier.ROUTINE)
    lines = [Text(key=f"done.open.call.{now.name.lower()}", values=numbers(clinic))] if there else []
    if earlier > now:
        ask = "done.open.ask.emergency" if earlier is Tier.EMERGENCY else "done.open.ask"
        lines.append(Text(key=ask, values=numbers(clinic)))
    return lines


def _item(clinic: Clinic, concern: OpenConcern) -> Text:
    name = concern.symptom if concern.symptom in clinic.protocol.symptoms else "unknown"
    return Text(key="done.open.item", values={"what": Text(key=f"symptom.{name}")})


def _buttons(clinic: Clinic, end: CheckInEnd) -> list[Button]:
    made = [copy_button(clinic)]
    if end.alert is not None and _is_asked(end):
        made += answer_buttons(end.alert)
    return made


def _is_asked(end: CheckInEnd) -> bool:
    """Return whether the patient is asked if somebody spoke with them: not about what is taken back or the team's."""
    return end.alert is not None and any(not each.is_retracted and not each.is_for_team for each in end.open)
