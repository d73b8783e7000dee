import pytest

from bot.sandbox.methods import DOCUMENTED_METHODS

from .schema import bot_api, check_object, check_request, needs_schema

pytestmark = needs_schema

CHAT = {"id": 1, "type": "private", "first_name": "Maria"}


def test_method_list_is_complete():
    assert set(bot_api()["methods"]) == DOCUMENTED_METHODS


def test_valid_objects_and_requests_pass():
    check_object("Message", {"message_id": 1, "date": 1, "chat": CHAT, "text": "x"})
    check_object("ChatMember", {"status": "left", "user": {"id": 1, "is_bot": True, "first_name": "x"}})
    check_request("sendMessage", {"chat_id": "12", "text": "x", "protect_content": "true"})
    check_request("sendPhoto", {"chat_id": 12, "photo": "<file of 10 bytes>"})


@pytest.mark.parametrize(
    ("type_name", "obj", "expected"),
    [
        ("Message", {"message_id": 1, "date": 1}, "Message.chat: missing"),
        ("Message", {"message_id": True, "date": 1, "chat": CHAT}, "Message.message_id: True is no Integer"),
        ("Message", {"message_id": 1, "date": 1, "chat": CHAT, "texd": "x"}, "Message.texd: not documented"),
        (
            "Message",
            {"message_id": 1, "date": 1, "chat": {"id": "1", "type": "private"}},
            "Message.chat.id: '1' is no Integer",
        ),
        ("Array of User", [{"id": 1, "is_bot": False}], r"Array of User\[0\].first_name: missing"),
        ("InlineKeyboardMarkup", {"inline_keyboard": [[{"txt": "x"}]]}, "text: missing"),
    ],
)
def test_invalid_objects_are_reported(type_name, obj, expected):
    with pytest.raises(AssertionError, match=expected):
        check_object(type_name, obj)


def test_invalid_requests_are_reported():
    with pytest.raises(AssertionError, match=r"sendMessage\.text: missing"):
        check_request("sendMessage", {"chat_id": 1})
    with pytest.raises(AssertionError, match=r"sendMessage\.mood: not documented"):
        check_request("sendMessage", {"chat_id": 1, "text": "x", "mood": "good"})
    with pytest.raises(AssertionError, match="not a documented method"):
        check_request("sendMassage", {})
