"""Checks each screen in every language as the chat would show it: no gap, no missing string, no unsendable button."""

import re
from functools import cache

from bot.app.records.messages import Outbox
from bot.chat.buttons import encode
from bot.chat.screens import MAX_CAPTION, MAX_TEXT, TextRenderer
from bot.content.texts import Texts
from bot.core.screen import Button, Screen, Text, Trend

KEY = bytes(32)
_GAP = re.compile(r"\{[a-z_]+\}")
_AMONG_SERVERS = 1_000_000_000


class Wording:
    def __init__(self, texts: Texts, languages: tuple[str, ...]) -> None:
        self.languages = languages
        self._texts = texts
        self._words = TextRenderer(texts)
        self._said = cache(self._say)
        self._seen: dict[str, list[str]] = {}

    def text(self, screen: Screen, language: str) -> str:
        return "\n\n".join(self._said(line.model_dump_json(), language) for line in screen.lines)

    def _say(self, line: str, language: str) -> str:
        return self._words.plain(Text.model_validate_json(line), language)

    def faults(self, row: Outbox) -> list[str]:
        """Return the faults of a screen in the clinic's languages, with buttons for that chat."""
        screen = row.screen
        shown = screen.model_dump_json(exclude={"rows"})
        if shown not in self._seen:
            self._seen[shown] = [fault for lang in self.languages for fault in self._lines(screen, lang)]
        buttons = [button for line in screen.rows for button in line]
        return [*self._seen[shown], *(fault for button in buttons for fault in self._button(button, row))]

    def toast_faults(self, toast: Text) -> list[str]:
        shown = toast.model_dump_json()
        if shown not in self._seen:
            self._seen[shown] = [fault for lang in self.languages for fault in self._text(toast, lang)]
        return self._seen[shown]

    def _lines(self, screen: Screen, language: str) -> list[str]:
        said = self.text(screen, language)
        most = MAX_TEXT if screen.trend is None else MAX_CAPTION
        long = len(said.encode("utf-16-le")) > 2 * most
        faults = [f"{screen.name} in {language}: {len(said)} characters"] if long else []
        if not said and screen.contact is None:
            faults.append(f"{screen.name} in {language} says nothing")
        every = [*screen.lines, *(_trend_texts(screen.trend) if screen.trend is not None else ())]
        return [*faults, *(fault for text in every for fault in self._text(text, language))]

    def _button(self, button: Button, row: Outbox) -> list[str]:
        if button.action is not None:
            encode(button.action, KEY, _AMONG_SERVERS + row.chat_id)
        elif button.copy_value is None:
            return [f"{row.screen.name}: a button that does nothing"]
        label = button.label.model_dump_json()
        if label not in self._seen:
            self._seen[label] = [fault for lang in self.languages for fault in self._text(button.label, lang)]
        return self._seen[label]

    def _text(self, text: Text, language: str) -> list[str]:
        spoken = text.language or language
        faults = [] if self._texts.has(spoken, text.key) else [f"no {text.key} in {spoken}"]
        if gap := _GAP.search(self._words.plain(text, language)):
            faults.append(f"{text.key} in {spoken} has no {gap[0]}")
        inner = [value for value in text.values.values() if isinstance(value, Text)]
        return [*faults, *(fault for value in inner for fault in self._text(value, spoken))]


def _trend_texts(trend: Trend) -> tuple[Text, ...]:
    return (trend.title, *trend.severities, trend.numbness, trend.interference, trend.start, trend.alert, trend.week)
