"""Callback data always fits, decodes unchanged, and can be neither forged nor used in another chat."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.buttons import (
    MAX_BYTES,
    ButtonTooLongError,
    ForeignTapError,
    StaleTapError,
    _signature,
    decode,
    encode,
)
from bot.core.screen import Action

KEY = b"k" * 32
CHATS = st.integers(min_value=-(2**52), max_value=2**52)
ALPHABET = string.ascii_letters + string.digits + "-_+.=/"


@st.composite
def actions(draw: st.DrawFn) -> Action:
    """Generate any action that a protocol allows: question and choice of 31 characters in total, kinds of up to 7."""
    question = draw(st.text("abcdefghijklmnopqrstuvwxyz0123456789_", max_size=24))
    choice = draw(st.text(string.ascii_letters + string.digits + "_+-", max_size=min(24, 31 - len(question))))
    return Action(
        kind=draw(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=7)),
        subject=draw(st.integers(0, 36**6 - 1)),
        revision=draw(st.integers(0, 36**5 - 1)),
        question=question,
        choice=choice,
    )


@given(actions(), CHATS)
def test_encode_every_action_fits_and_decodes(action: Action, chat_id: int) -> None:
    data = encode(action, KEY, chat_id)
    assert len(data.encode()) <= MAX_BYTES
    assert decode(data, KEY, chat_id) == action


def test_encode_longest_action_fills_64_bytes_exactly() -> None:
    action = Action(kind="k" * 7, subject=36**6 - 1, revision=36**5 - 1, question="q" * 24, choice="c" * 7)
    assert len(encode(action, KEY, 1)) == MAX_BYTES


def test_encode_too_long_raises() -> None:
    with pytest.raises(ButtonTooLongError, match="bytes"):
        encode(Action(kind="choose", subject=36**5, question="q" * 24, choice="c" * 24), KEY, 1)


@given(actions(), CHATS, CHATS)
def test_decode_in_another_chat_raises_foreign_tap(action: Action, mine: int, other: int) -> None:
    if mine != other:
        with pytest.raises(ForeignTapError):
            decode(encode(action, KEY, mine), KEY, other)


@given(actions(), st.data())
def test_decode_with_one_changed_character_raises(action: Action, data: st.DataObject) -> None:
    good = encode(action, KEY, 7)
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + data.draw(st.sampled_from(ALPHABET.replace(good[at], ""))) + good[at + 1 :]
    with pytest.raises(ForeignTapError):
        decode(changed, KEY, 7)


@given(st.one_of(st.none(), st.text(max_size=80), st.text(ALPHABET, max_size=70)))
def test_decode_guessed_data_raises(data: str | None) -> None:
    with pytest.raises(ForeignTapError):
        decode(data, KEY, 7)


def test_decode_with_another_key_raises_foreign_tap() -> None:
    with pytest.raises(ForeignTapError):
        decode(encode(Action(kind="menu"), KEY, 7), b"o" * 32, 7)


@pytest.mark.parametrize("payload", ["", "menu", "menu.0.0..x.y", "menu.-1.0..", "ME.0.0..", "menu.0.0.Q."])
def test_decode_signed_but_meaningless_raises_stale_tap(payload: str) -> None:
    with pytest.raises(StaleTapError):
        decode(payload + _signature(payload, KEY, 7), KEY, 7)
