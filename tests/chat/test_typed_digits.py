"""What is typed in the digits of another script means the same: the number of an answer, 112, a study code."""

import pytest

from bot.chat.typed_messages import TypedMessages
from bot.content.typed import TypedWords


@pytest.fixture(scope="module")
def messages():
    words = TypedWords.load(["en", "es", "ru"], numbers=["112"])
    return TypedMessages({}, words, lambda: None)


@pytest.mark.parametrize("typed_text", ["2", "\u0662", "\u06f2", "\u0968", "\uff12", "\u0662."])
def test_number_of_an_answer_in_any_script(messages, typed_text):
    meaning = messages.meaning(typed_text, "")
    assert (meaning.kind, meaning.number) == ("choice", 2)


@pytest.mark.parametrize("typed_text", ["112", "\u0661\u0661\u0662", "\u0967\u0967\u0968", "\uff11\uff11\uff12"])
def test_emergency_number_in_any_script_opens_the_safety_screen(messages, typed_text):
    assert messages.meaning(typed_text, "").kind == "red_flag"
    assert messages.meaning("", typed_text).kind == "red_flag"


def test_study_code_in_any_script(messages):
    assert messages.meaning("p-\u0660\u0660\u0661\u0667", "").code == "P-0017"
