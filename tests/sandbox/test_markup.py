import pytest

from bot.sandbox.errors import ApiError
from bot.sandbox.markup import check_markup, url_problem


def inline(**button):
    return {"inline_keyboard": [[{"text": "x", **button}]]}


def refusal(markup, **kwargs):
    with pytest.raises(ApiError) as refused:
        check_markup(markup, **kwargs)
    assert refused.value.code == 400
    return refused.value.description.removeprefix("Bad Request: ")


@pytest.mark.parametrize(
    "markup",
    [
        inline(callback_data="x" * 64),
        inline(callback_data="ä" * 32, style="danger"),
        inline(copy_text={"text": "+49 30 901820"}),
        inline(url="https://example.org"),
        inline(url="tg://user?id=1"),
        {"keyboard": [[{"text": "Tips", "style": "success"}, "Menu"]], "is_persistent": True, "resize_keyboard": True},
        {"remove_keyboard": True},
        {"force_reply": True, "selective": True},
    ],
)
def test_valid_keyboards_are_accepted(markup):
    assert check_markup(markup)


def test_strings_become_buttons_and_empty_rows_are_removed():
    assert check_markup({"keyboard": [["Menu"], []]}) == {"keyboard": [[{"text": "Menu"}]]}
    assert check_markup({"inline_keyboard": [[], []]}) is None
    assert check_markup(None) is None
    assert check_markup({}) is None


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (inline(callback_data="x" * 65), "BUTTON_DATA_INVALID"),
        (inline(callback_data="ä" * 33), "BUTTON_DATA_INVALID"),
        (
            inline(callback_data=""),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (inline(), "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        (inline(callback_data=5), 'can\'t parse inline keyboard button: Field "callback_data" must be of type String'),
        (
            inline(url="tel:+4930901820"),
            "inline keyboard button URL 'tel:+4930901820' is invalid: Wrong port number specified in the URL",
        ),
        (
            inline(url="tel://+4930901820"),
            "inline keyboard button URL 'tel://+4930901820' is invalid: Unsupported URL protocol",
        ),
        (inline(callback_data="x", url="https://example.org"), "exactly one optional field"),
        (inline(callback_data="x", colour="red"), 'Unknown field "colour"'),
        (inline(callback_data="x", style="red"), "invalid button style specified"),
        (inline(copy_text={"text": ""}), "BUTTON_COPY_TEXT_INVALID"),
        (inline(copy_text={"text": "x" * 257}), "BUTTON_COPY_TEXT_INVALID"),
        (inline(copy_text="x"), '"copy_text" must be an Object'),
        ({"inline_keyboard": [[{"callback_data": "x"}]]}, 'Can\'t find field "text"'),
        ({"inline_keyboard": [[{"text": "", "callback_data": "x"}]]}, "inline keyboard button text must be non-empty"),
        ({"inline_keyboard": [{"text": "x"}]}, "must be an Array of Arrays"),
        ({"inline_keyboard": [[{"text": "x", "callback_data": "x"}] * 9]}, "reply markup is too long"),
        ({"keyboard": [[{"text": "x", "callback_data": "x"}]]}, 'Unknown field "callback_data"'),
        ({"keyboard": [[{"text": ""}]]}, "keyboard button text must be non-empty"),
        ({"keyboard": [["x"]], "persistent": True}, "unknown fields ['persistent']"),
        ({"buttons": []}, "unknown fields ['buttons']"),
        ([], "object expected as reply markup"),
        ({"remove_keyboard": False}, 'field "remove_keyboard" must be True'),
    ],
)
def test_invalid_keyboards_are_refused(markup, expected):
    assert expected in refusal(markup)


def test_edit_accepts_only_inline_keyboards():
    assert refusal({"keyboard": [["x"]]}, inline_only=True) == "inline keyboard expected"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("example.org", None),
        ("https://x", "Wrong HTTP URL"),
        ("tel:112", "Wrong HTTP URL"),
        ("https://", "URL host is empty"),
    ],
)
def test_url_problem_has_telegrams_wording(url, problem):
    assert url_problem(url) == problem
