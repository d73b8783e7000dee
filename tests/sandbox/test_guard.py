"""The guard refuses DNS rebinding, forged forms and other hosts, and sets strict headers."""

import pytest


async def status(client, verb, path, **headers):
    async with client.session.request(verb, client.server.api_url + path, headers=headers) as answer:
        return answer.status, answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "192.168.0.7:8081", "127.0.0.1.evil.example", "localhost.evil.example"]
)
async def test_foreign_host_is_refused(client, box, host):
    for path in ("/", "/sandbox/state", f"/bot{box.token}/getMe"):
        assert (await status(client, "GET", path, Host=host))[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8081", "[::1]:8081", "127.0.0.1"])
async def test_loopback_host_is_accepted(client, host):
    assert (await status(client, "GET", "/sandbox/state", Host=host))[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
async def test_foreign_origin_is_refused(client, box, origin):
    for path in ("/sandbox/people", f"/bot{box.token}/getMe"):
        assert (await status(client, "POST", path, Origin=origin))[0] == 403
    assert box.people == {}


async def test_cross_site_image_request_is_refused(client, box, maria):
    path = f"/bot{box.token}/sendMessage?chat_id={maria.id}&text=x"
    assert (await status(client, "GET", path, **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert len(box.messages(maria)) == 1


async def test_own_page_is_accepted(client):
    headers = {"Origin": client.server.api_url, "Sec-Fetch-Site": "same-origin"}
    assert (await status(client, "POST", "/sandbox/people", **headers))[0] == 400


async def test_responses_have_strict_headers(client):
    code, headers = await status(client, "GET", "/")
    assert code == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_page_has_no_inline_or_external_code(client):
    async with client.session.get(client.server.api_url + "/") as answer:
        page = await answer.text()
    assert "<style" not in page
    assert "style=" not in page
    assert "onclick" not in page
    assert "//" not in page.replace("<!doctype html>", "")
    assert page.count("<script") == page.count('<script type="module" src="/static/')
