"""POST /local/token is for this machine's own pages: own Host, own Origin, local mode."""

from urllib.parse import urlsplit

import pytest


@pytest.fixture
def ask(shared_api):
    """The answer to a page with these headers; {port} stands for the service's own port."""
    port = str(urlsplit(shared_api.address).port)

    async def ask(**headers):
        own = {name: value.replace("{port}", port) for name, value in headers.items()}
        return await shared_api.anonymous().request("POST", "/local/token", **own)

    return ask


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
async def test_the_services_own_page_is_the_local_user(name, ask, shared_api):
    response = await ask(host=f"{name}:{{port}}", origin=f"http://{name}:{{port}}")
    token = response.json()["token"]

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    first, second = [await shared_api.bearer(token).ask("{ viewer { id role } }") for _ in range(2)]
    assert first == second
    assert first["viewer"]["role"] == "authenticated"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://evil.example:{port}"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1:{port}.evil.example"},
        {"origin": "http://user@127.0.0.1:{port}"},
        {"origin": "file://127.0.0.1:{port}"},
        {"origin": "127.0.0.1:{port}"},
        {"origin": "http://127.0.0.1:{port}", "host": "evil.example:{port}"},
        {"origin": "http://evil.example:{port}", "host": "evil.example:{port}"},
        {"origin": "http://127.0.0.1:{port}", "host": "127.0.0.1"},
    ],
    ids=str,
)
async def test_a_page_from_elsewhere_is_refused(headers, ask):
    response = await ask(**headers)

    assert response.status_code == 403
    assert "token" not in response.json()


async def test_nothing_is_handed_out_to_a_mere_link(shared_api):
    response = await shared_api.anonymous().request("GET", "/local/token", origin=shared_api.address)

    assert response.status_code == 405


async def test_outside_local_mode_there_is_no_such_address(settings_for, running):
    async with running(settings_for(jwt_secret="x" * 32), with_worker=False) as service:
        response = await service.anonymous().request("POST", "/local/token", origin=service.address)

    assert response.status_code == 404
