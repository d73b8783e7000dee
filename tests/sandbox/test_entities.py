import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import entities
from bot.sandbox.errors import ApiError


def marks(found):
    return [(mark["type"], mark["offset"], mark["length"]) for mark in found]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("plain", "plain", []),
        ("<b>Call</b> now", "Call now", [("bold", 0, 4)]),
        ("a <B>b</B>", "a b", [("bold", 2, 1)]),
        ("<b>x<i>y</i></b>", "xy", [("bold", 0, 2), ("italic", 1, 1)]),
        ("🔴<b>🔴x</b>", "🔴🔴x", [("bold", 2, 3)]),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2 &quot;", '1 < 2 && 3 > 2 "', []),
        ("&#128308; &#x41; &nbsp;", "🔴 A &nbsp;", []),
        (
            "<s>a</s><u>b</u><code>c</code><tg-spoiler>d</tg-spoiler>",
            "abcd",
            [("strikethrough", 0, 1), ("underline", 1, 1), ("code", 2, 1), ("spoiler", 3, 1)],
        ),
        ("<blockquote>tip</blockquote>", "tip", [("blockquote", 0, 3)]),
        ("<blockquote expandable>tip</blockquote>", "tip", [("expandable_blockquote", 0, 3)]),
        ('<span class="tg-spoiler">x</span>', "x", [("spoiler", 0, 1)]),
        ("<b></b>x", "x", []),
        ("<b>x</>", "x", [("bold", 0, 1)]),
    ],
)
def test_html_is_parsed_to_text_and_entities(source, text, expected):
    plain, found = entities.parse_html(source)
    assert plain == text
    assert marks(found) == expected


def test_links_keep_their_url():
    assert entities.parse_html('<a href="https://example.org/?a=1&amp;b=2">x</a>')[1] == [
        {"type": "text_link", "offset": 0, "length": 1, "url": "https://example.org/?a=1&b=2"},
    ]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("ä<b><i>x</b></i>", 'Unmatched end tag at byte offset 9, expected "</i>", found "</b>"'),
        ("<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 0'),
        ("1 < 2", "Unclosed start tag at byte offset 2"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_invalid_html_is_refused_with_telegrams_wording(source, reason):
    with pytest.raises(ApiError) as refused:
        entities.parse_html(source)
    assert (refused.value.code, refused.value.description) == (400, f"Bad Request: can't parse entities: {reason}")


@given(st.text())
def test_escaped_text_round_trips(text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert entities.parse_html(f"<b>{escaped}</b>")[0] == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/start abc", [("bot_command", 0, 6)]),
        ("🔴 +49 30 901820 (24 hours).", [("phone_number", 3, 13)]),
        ("call +49(30)901820-0", [("phone_number", 5, 15)]),
        ("see https://example.org/a.", [("url", 4, 21)]),
        ("week 12-14, 8–16, 1/2 and +12", []),
    ],
)
def test_entities_are_detected_in_plain_text(text, expected):
    assert marks(entities.found_in(text, [])) == expected


def test_trimming_adjusts_the_entities():
    assert entities.trimmed("  ab  ", [{"type": "bold", "offset": 0, "length": 4}]) == (
        "ab",
        [{"type": "bold", "offset": 0, "length": 2}],
    )
    assert entities.trimmed(" a b", [{"type": "bold", "offset": 0, "length": 1}]) == ("a b", [])
