"""What browsers are told by every answer, whatever it is, and which pages elsewhere may ask."""

import pytest

ELSEWHERE = "https://studio.example"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/nowhere"),
        ("DELETE", "/graphql"),
        ("POST", "/graphql"),
        ("GET", "/files/nobody/nothing.png"),
        ("GET", "/webhooks/replicate/x"),
    ],
)
async def test_every_answer_tells_browsers_to_be_careful(method, path, as_anonymous):
    headers = (await as_anonymous.request(method, path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert "strict-transport-security" not in headers
    assert "access-control-allow-origin" not in headers


async def test_behind_https_browsers_are_to_keep_to_it(running, settings_for):
    settings = settings_for(public_url="https://api.example")
    async with running(settings, with_worker=False) as service:
        headers = (await service.anonymous().get(f"http://127.0.0.1:{settings.port}/nowhere")).headers

    assert headers["strict-transport-security"] == "max-age=31536000"


async def test_pages_of_allowed_origins_alone_may_ask(running, settings_for):
    async with running(settings_for(allowed_origins=f"{ELSEWHERE}/"), with_worker=False) as service:
        anonymous = service.anonymous()
        allowed = await anonymous.request("OPTIONS", "/graphql", origin=ELSEWHERE, **PREFLIGHT)
        refused = await anonymous.request("OPTIONS", "/graphql", origin="https://evil.example", **PREFLIGHT)
        answer = await anonymous.request("GET", "/healthz", origin=ELSEWHERE)

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ELSEWHERE
    assert "access-control-allow-credentials" not in allowed.headers
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    assert answer.headers["access-control-allow-origin"] == ELSEWHERE
