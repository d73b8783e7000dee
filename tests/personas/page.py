"""Renders a life as one page that can be read like a chat: bubbles by day, the buttons that were tapped, the team."""

import html
from collections.abc import Iterator
from itertools import groupby
from zoneinfo import ZoneInfo

from tests.personas.living import Lived
from tests.personas.stage import Event

ZONE = ZoneInfo("Europe/Berlin")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
QUIET_NAMES = frozenset({"staff.digest"})
"""What the team gets each morning is folded."""

STYLE = """
:root { color-scheme: light dark; --wall: #e7eef2; --paper: #ffffff; --ink: #16232b; --soft: #55656f; --line: #c9d4da;
  --mine: #dcf3dd; --done: #1d6b3a; --done-soft: #dff3e4; --danger: #a3202a; --danger-soft: #fbe4e5; --team: #fff4d6;
  --team-line: #d8b657; --team-ink: #4c3a05; --bad: #a3202a; }
@media (prefers-color-scheme: dark) { :root { --wall: #10191f; --paper: #1d2a32; --ink: #e8eff3; --soft: #a5b5be;
  --line: #3a4a54; --mine: #22452b; --done: #8fdca7; --done-soft: #1f3d29; --danger: #ffb0b4; --danger-soft: #4a2023;
  --team: #3a3118; --team-line: #80691f; --team-ink: #f3e3ae; --bad: #ffb0b4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wall); color: var(--ink); font: 16px/1.4 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 560px; margin: 0 auto; padding: 16px 12px 64px; }
h1 { font-size: 1.4em; line-height: 1.2; margin: 0 0 4px; }
h2 { position: sticky; top: 0; z-index: 1; margin: 22px -12px 10px; padding: 5px 12px; background: var(--wall);
  border-bottom: 1px solid var(--line); font-size: 0.9em; font-weight: 600; color: var(--soft); text-align: center; }
p { margin: 0 0 8px; }
.about { color: var(--soft); }
.summary { display: grid; grid-template-columns: repeat(auto-fit, minmax(88px, 1fr)); gap: 8px; margin: 14px 0; padding: 0; }
.summary div { padding: 8px 6px; border-radius: 10px; background: var(--paper); text-align: center; }
.summary dt { font-size: 0.75em; line-height: 1.2; color: var(--soft); }
.summary dd { margin: 0; font-size: 1.35em; font-weight: 650; font-variant-numeric: tabular-nums; }
.breaches { padding: 8px 12px; border: 2px solid var(--bad); border-radius: 10px; background: var(--danger-soft); }
.breaches ul { margin: 4px 0 0; padding-left: 20px; }
.known { margin: 8px 0; font-size: 0.85em; color: var(--soft); }
.known ul { margin: 4px 0 0; padding-left: 20px; }
.days { display: flex; flex-wrap: wrap; gap: 4px; margin: 12px 0 8px; padding: 0; list-style: none; font-size: 0.8em; }
.days a { display: block; min-width: 30px; padding: 4px 6px; border-radius: 6px; background: var(--paper); color: inherit;
  text-align: center; text-decoration: none; font-variant-numeric: tabular-nums; }
.days .red { outline: 2px solid var(--bad); outline-offset: -2px; font-weight: 700; }
.bubble { width: fit-content; max-width: 90%; margin: 8px 0 2px; padding: 8px 12px 5px; border-radius: 16px 16px 16px 4px;
  background: var(--paper); overflow-wrap: anywhere; white-space: pre-wrap; }
.bubble.red { border: 2px solid var(--danger); }
.bubble.edit { border-left: 3px dashed var(--line); border-radius: 4px 16px 16px 4px; }
.bubble.mine { margin-left: auto; border-radius: 16px 16px 4px 16px; background: var(--mine); }
.bubble.helper { margin-left: 18px; }
.meta { display: block; margin-top: 2px; font-size: 0.75em; color: var(--soft); text-align: right; white-space: normal; }
.who { display: block; font-size: 0.75em; font-weight: 650; color: var(--soft); }
.buttons { display: flex; flex-direction: column; gap: 4px; max-width: 90%; margin: 0 0 8px; }
.buttons.helper { margin-left: 18px; }
.buttons div { display: flex; gap: 4px; }
.buttons span { flex: 1 1 0; min-width: 0; padding: 5px 6px; border: 1px solid var(--line); border-radius: 8px; font-size: min(0.85em, 15px);
  line-height: 1.2; text-align: center; color: var(--soft); overflow-wrap: anywhere; }
.buttons .tapped { border: 2px solid var(--done); background: var(--done-soft); color: var(--done); font-weight: 650; }
.said { margin: 0 0 8px; font-size: 0.85em; color: var(--done); }
.team { margin: 8px 0 8px auto; width: fit-content; max-width: 86%; padding: 6px 10px; border: 1px solid var(--team-line);
  border-radius: 10px; background: var(--team); color: var(--team-ink); font-size: 0.85em; white-space: pre-wrap; overflow-wrap: anywhere; }
.team .meta, .team .who { color: inherit; }
.team summary { cursor: pointer; white-space: normal; }
.fold { white-space: normal; font-size: 0.85em; color: var(--soft); border-left: 3px solid var(--line); padding-left: 8px; }
.fold summary, .questions summary { cursor: pointer; }
.questions { margin: 6px 0; max-width: 90%; font-size: 0.85em; }
.questions > summary { padding: 6px 10px; border-radius: 10px; background: var(--done-soft); color: var(--done); }
.note { margin: 6px 0; font-size: 0.85em; color: var(--soft); text-align: center; }
"""


def page(lived: Lived, breaches: list[str], known: list[str]) -> str:
    """Return the page: a summary, what the rules found (`known`: with a reason), and each day on which something happened."""
    persona = lived.persona
    size = ' style="font-size: 24px"' if persona.has_large_text else ""
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(persona.name)}</title>'
    head += f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
    parts = [head, f"<body{size}><main>", f"<h1>{_text(persona.name)}</h1>", _about(lived), _summary(lived)]
    if breaches:
        parts.append(f'<section class="breaches"><b>Breaches</b><ul>{"".join(map(_item, breaches))}</ul></section>')
    if known:
        parts.append(
            f'<details class="known"><summary>Known: {len(known)}</summary><ul>{"".join(map(_item, known))}</ul></details>'
        )
    days = [(day, list(events)) for day, events in groupby(lived.events, key=lambda event: lived.day(event.at))]
    parts += ["<nav><ul class=days>", *(_link(day, events) for day, events in days if _is_chat(events)), "</ul></nav>"]
    for day, events in days:
        if any(event.kind != "buttons" for event in events):
            parts += [_heading(day, events[0]), *_day(lived, events)]
    return "\n".join([*parts, "</main></body></html>"])


def _is_chat(events: list[Event]) -> bool:
    return any(event.kind != "buttons" for event in events)


def _about(lived: Lived) -> str:
    persona = lived.persona
    regimen = ", two drugs" if persona.regimen == "combination" else ""
    return f'<p class="about">{_text(persona.title)}. {lived.days} days, language {persona.language}{regimen}.</p>'


def counts(lived: Lived) -> dict[str, int]:
    """Return the numbers of the summary line; all but the alerts count from the end of enrolment on."""
    taps = [event for event in lived.after if event.kind == "tap" and event.who != lived.team]
    calls = [e for e in lived.messages(lived.patient) if _is_call(e)]
    return {
        "messages": len(lived.messages(lived.patient)),
        "call screens": len(calls),
        "alerts": lived.alerts,
        "taps": len(taps),
        "live buttons at most": lived.live,
        "of calls at most": lived.live_about_calls,
        "to the team": len(lived.messages(lived.team)),
    }


def _summary(lived: Lived) -> str:
    found = "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in counts(lived).items())
    return f'<dl class="summary">{found}</dl>'


def _is_call(event: Event) -> bool:
    name = event.row.screen.name if event.row is not None else ""
    return name.startswith("call.") and not name.startswith(("call.reply", "call.home"))


def _link(day: int, events: list[Event]) -> str:
    red = ' class="red"' if any(_is_call(event) for event in events) else ""
    return f'<li><a{red} href="#day-{day}">{day}</a></li>'


def _heading(day: int, event: Event) -> str:
    at = event.at.astimezone(ZONE)
    return f'<h2 id="day-{day}">Day {day} · {WEEKDAYS[at.weekday()]} {at:%-d %b %Y}</h2>'


# -- one day


def _day(lived: Lived, events: list[Event]) -> Iterator[str]:
    """Yield what happened. Of a check-in that led to no call, the questions after the first are folded."""
    folds = not any(_is_call(event) for event in events)
    made = [(event, _tap_on(event, events[number + 1 :])) for number, event in enumerate(events)]
    for is_folded, group in groupby(made, key=lambda each: folds and _is_later_question(*each)):
        shown = list(group)
        if is_folded:
            labels = " · ".join(tap.label for _, tap in shown if tap is not None)
            yield f'<details class="questions"><summary>✓ {_text(labels)}</summary>'
        for event, tap in shown:
            yield from _happened(lived, event, tap)
        if is_folded:
            yield "</details>"


def _is_later_question(event: Event, tap: Event | None) -> bool:
    is_question = event.row is not None and event.row.screen.name.startswith("ask.")
    return event.kind == "tap" or (event.kind == "edit" and is_question)


def _happened(lived: Lived, event: Event, tap: Event | None) -> Iterator[str]:
    if event.who == lived.team:
        yield from _for_team(event)
    elif event.kind in {"new", "edit"}:
        yield from _message(lived, event, tap)
    elif event.kind == "card":
        yield f'<div class="bubble">☎ {_text(event.text)}<span class="meta">contact card · {_time(event)}</span></div>'
    elif event.kind == "says":
        yield f'<div class="bubble mine">{_text(event.text)}<span class="meta">{_time(event)}</span></div>'
    elif event.kind == "gone":
        yield f'<p class="note">{_time(event)} the earlier copy of a message is deleted</p>'


def _tap_on(event: Event, following: list[Event]) -> Event | None:
    """Return the tap that this version of a message got; None if it was changed before, or never tapped."""
    for later in following:
        if later.who == event.who and later.number == event.number and later.kind in {"tap", "edit", "gone"}:
            return later if later.kind == "tap" else None
    return None


def _message(lived: Lived, event: Event, tap: Event | None) -> Iterator[str]:
    helper = " helper" if event.who != lived.patient else ""
    red = " red" if _is_call(event) else ""
    who = f'<span class="who">to {_text(event.who)}</span>' if helper else ""
    edited = "changed · " if event.kind == "edit" else ""
    silent = "silent · " if event.row is not None and event.row.screen.silent else ""
    kind = " edit" if event.kind == "edit" else ""
    picture = "🖼 picture\n" if event.row is not None and event.row.screen.trend is not None else ""
    yield (
        f'<div class="bubble{kind}{red}{helper}">{who}{picture}{_words(event)}'
        f'<span class="meta">{edited}{silent}{_time(event)}</span></div>'
    )
    if any(event.rows):
        made = "".join(f"<div>{''.join(_button(label, tap) for label in row)}</div>" for row in event.rows)
        yield f'<div class="buttons{helper}">{made}</div>'
    if tap is not None:
        yield f'<p class="said{helper}">✓ {_text(tap.who)} taps “{_text(tap.label)}” at {_time(tap)}</p>'


def _words(event: Event) -> str:
    if not event.fold:
        return _text(event.text)
    before, _, after = event.text.partition(event.fold)
    fold = f'<details class="fold"><summary>more</summary>{_text(event.fold)}</details>'
    return f"{_text(before.rstrip())}{fold}{_text(after.lstrip())}"


def _button(label: str, tap: Event | None) -> str:
    return (
        f'<span class="tapped">✓ {_text(label)}</span>'
        if tap and tap.label == label
        else f"<span>{_text(label)}</span>"
    )


def _for_team(event: Event) -> Iterator[str]:
    """Yield what the team gets: alerts open, what only changes and the digest folded."""
    name = event.row.screen.name if event.row is not None else ""
    meta = f'<span class="meta">team · {_text(event.who)} · {_time(event)}</span>'
    if event.kind == "note":
        yield f'<div class="team">{_text(event.text)}{meta}</div>'
    elif event.kind == "edit" or name in QUIET_NAMES:
        first = "the alert changes" if event.kind == "edit" else "digest"
        last = event.text.strip().splitlines()[-1] if event.kind == "edit" else event.text.splitlines()[0]
        yield f'<details class="team"><summary>{first}: {_text(last)}</summary>{_text(event.text)}{meta}</details>'
    elif event.kind == "new":
        yield f'<div class="team"><span class="who">notified: {_text(event.who)}</span>{_text(event.text)}{meta}</div>'


def _time(event: Event) -> str:
    return f"{event.at.astimezone(ZONE):%H:%M}"


def _item(words: str) -> str:
    return f"<li>{_text(words)}</li>"


def _text(words: str) -> str:
    return html.escape(words)
