"""A patient's own data: the file is made when it is sent, outside of transactions, and nothing urgent waits for it."""

import asyncio
import threading

import pytest

from bot.app.ports.errors import RefusedError
from bot.app.records.messages import Lane, Outbox, OutboxState
from bot.core.screen import Screen, Text
from bot.delivery.own_files import OwnFiles
from bot.dialog.rendered import File
from tests.contract import samples
from tests.fakes.work import packaged_clinic
from tests.polling import until

from .stand_ins import AT, CHAT, Post

__all__ = []
FILE = File("my-data.html", b"<!doctype html>")


class Held:
    """Makes a file once it is allowed to."""

    def __init__(self):
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def file(self, row, kind, at):
        self.asked.set()
        await self.may.wait()
        return FILE


def put_page(post, patient_id=None, chat=CHAT):
    screen = Screen(name="own.page", lines=(Text(key="own.page"),), document="page")
    row = Outbox(
        patient_id=patient_id,
        chat_id=chat,
        language="en",
        lane=Lane.REMINDER,
        slot="own-page",
        mode="new",
        revision=0,
        screen=screen,
        created_at=post.clock.now(),
        not_before=post.clock.now(),
    )
    return post.database.run(lambda stores: stores.outbox.enqueue(row))


def methods(post):
    return [call.method for call in post.api.calls]


async def test_red_flag_passes_a_file_that_is_still_being_made_for_the_same_chat():
    post, held = Post(), Held()
    post.sender = post.make_sender(own_files=held)
    number = put_page(post)
    sending = asyncio.create_task(post.sender.send_once())
    await held.asked.wait()
    flag = post.put("EMERGENCY", lane=Lane.RED_FLAG)
    second = asyncio.create_task(post.sender.send_once())
    await until(lambda: post.state(flag) is OutboxState.SENT)
    assert methods(post) == ["sendMessage"]
    assert post.state(number) is OutboxState.WAITING
    held.may.set()
    await asyncio.gather(sending, second)
    assert methods(post) == ["sendMessage", "sendDocument"]
    assert post.state(number) is OutboxState.SENT


def real(post, made_in):
    def make(data, kind, language):
        made_in.append((threading.get_ident(), kind, language, data.made_at))
        return FILE.name, FILE.content

    return OwnFiles(post.database, packaged_clinic(), make)


async def test_file_is_made_in_a_thread_and_sent_with_its_caption():
    post, made_in = Post(), []
    post.sender = post.make_sender(own_files=real(post, made_in))
    anna = post.database.run(lambda s: s.patients.add(samples.patient("P-0001", state="active", chat_id=CHAT)))
    number = put_page(post, anna.id)
    transactions = post.database.transactions
    await post.send_all()
    assert post.state(number) is OutboxState.SENT
    (call,) = post.api.calls
    assert (call.method, call.asked["caption"]) == ("sendDocument", "<b>own.page</b> &amp; en")
    assert "protect_content" not in call.asked, "it can be saved: that is what it is for"
    ((thread, kind, language, at),) = made_in
    assert (kind, language, at) == ("page", "en", AT)
    assert thread != threading.get_ident()
    assert post.database.transactions - transactions <= 3, "claiming and recording alone"


@pytest.mark.parametrize("chat", [None, CHAT + 1])
async def test_chat_that_is_no_longer_the_patients_gets_no_file(chat):
    post, made_in = Post(), []
    post.sender = post.make_sender(own_files=real(post, made_in))
    anna = post.database.run(lambda s: s.patients.add(samples.patient("P-0001", state="active", chat_id=chat)))
    number = put_page(post, anna.id)
    await post.send_all()
    assert (post.state(number), post.api.calls, made_in) == (OutboxState.FAILED, [], [])
    assert RefusedError.__name__ in (post.row(number).error or "")
