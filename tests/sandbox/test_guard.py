"""Strangers are kept out: DNS rebinding, forged forms, other hosts; and every answer has strict headers."""

import pytest


async def status(client, verb, path, **headers):
    async with client.session.request(verb, client.server.api_url + path, headers=headers) as answer:
        return answer.status, answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "192.168.0.7:8081", "127.0.0.1.evil.example", "localhost.evil.example"]
)
async def test_another_host_name_is_refused(client, box, host):
    for path in ("/", "/sandbox/state", f"/bot{box.token}/getMe"):
        assert (await status(client, "GET", path, Host=host))[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8081", "[::1]:8081", "127.0.0.1"])
async def test_this_machine_is_let_in(client, host):
    assert (await status(client, "GET", "/sandbox/state", Host=host))[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
async def test_a_foreign_page_is_refused(client, box, origin):
    for path in ("/sandbox/people", f"/bot{box.token}/getMe"):
        assert (await status(client, "POST", path, Origin=origin))[0] == 403
    assert box.people == {}


async def test_a_picture_of_another_site_cannot_send(client, box, maria):
    path = f"/bot{box.token}/sendMessage?chat_id={maria.id}&text=x"
    assert (await status(client, "GET", path, **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert len(box.messages(maria)) == 1


async def test_the_page_itself_may(client):
    headers = {"Origin": client.server.api_url, "Sec-Fetch-Site": "same-origin"}
    assert (await status(client, "POST", "/sandbox/people", **headers))[0] == 400


async def test_headers_are_strict(client):
    code, headers = await status(client, "GET", "/")
    assert code == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(client):
    async with client.session.get(client.server.api_url + "/") as answer:
        page = await answer.text()
    assert "<style" not in page
    assert "style=" not in page
    assert "onclick" not in page
    assert "//" not in page.replace("<!doctype html>", "")
    assert page.count("<script") == page.count('<script type="module" src="/static/')
