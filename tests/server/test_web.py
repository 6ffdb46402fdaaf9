"""The pages for browsers: what is served where, how long it is kept, and what a page may load."""

import gzip

import httpx
import pytest
from starlette.applications import Starlette

from server.addresses.web import STUDIO_ADDRESSES, Web

SCRIPT = b"console.log('studio')" * 100
ASSET = "/assets/main-Ab1.js"
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture
def dist(tmp_path):
    """What a build leaves behind, in small."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Batch Studio</title>")
    (folder / "graphiql.html").write_text("<title>GraphiQL</title>")
    (folder / "assets/main-Ab1.js").write_bytes(SCRIPT)
    (folder / "assets/main-Ab1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets/icons-Cd2.ttf").write_bytes(b"font")
    (tmp_path / "secret.js").write_text("not yours")
    return folder


@pytest.fixture
def get(dist):
    """The answer to a GET from a browser."""
    pages = Web(dist, elsewhere=["https://api.example/studio", "https://bucket.example"])
    return getter(pages)


def getter(web):
    transport = httpx.ASGITransport(Starlette(routes=list(web.routes())))

    async def get(path, **headers):
        async with httpx.AsyncClient(transport=transport, base_url="http://studio") as client:
            return await client.get(
                path, headers={name.replace("_", "-"): text for name, text in headers.items()}
            )

    return get


@pytest.mark.parametrize("address", STUDIO_ADDRESSES)
async def test_the_studios_own_addresses_show_its_page(address, get):
    answer = await get(address.replace("{id}", "0b6f1c9b"))

    assert "Batch Studio" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_an_address_of_no_page_is_not_found(get):
    assert [(await get(path)).status_code for path in ("/nowhere", "/history/a", "/index.html")] == [404] * 3


async def test_the_studio_may_load_its_own_files_and_its_images_alone(get):
    policy = policy_of(await get("/"))

    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["img-src"] == ["'self'", "https://api.example", "https://bucket.example", "data:", "blob:"]
    assert policy["connect-src"] == ["'self'", "https://api.example", "https://bucket.example"]
    assert policy["frame-ancestors"] == ["'none'"]


async def test_the_playground_alone_may_write_styles_and_start_workers(get):
    answer = await get("/graphiql")
    policy = policy_of(answer)

    assert "GraphiQL" in answer.text
    assert policy["script-src"] == policy["worker-src"] == ["'self'"]
    assert policy["style-src"] == ["'self'", "'unsafe-inline'"]


async def test_an_asset_is_kept_for_good_and_sent_compressed(get):
    answer = await get(ASSET, accept_encoding="br, gzip;q=0.8")

    assert answer.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(SCRIPT)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "x-gzip"])
async def test_who_does_not_take_gzip_gets_the_file_itself(accepted, get):
    answer = await get(ASSET, accept_encoding=accepted)

    assert answer.content == SCRIPT
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "accept-encoding"


async def test_a_file_without_a_compressed_copy_is_sent_as_it_is(get):
    answer = await get("/assets/icons-Cd2.ttf", accept_encoding="gzip")

    assert (answer.content, answer.headers["content-type"]) == (b"font", "font/ttf")
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "name", ["absent.js", "..%2f..%2fsecret.js", "../index.html", "%2e%2e/index.html", ""]
)
async def test_no_other_file_can_be_reached(name, get):
    assert (await get(f"/assets/{name}")).status_code == 404


async def test_without_a_build_the_service_says_how_to_make_one(tmp_path):
    get = getter(Web(tmp_path / "dist"))

    front, playground = await get("/"), await get("/graphiql")

    assert (front.status_code, playground.status_code) == (200, 404)
    assert "/graphql" in front.text
    assert "uv sync --reinstall-package batch-studio" in front.text


def policy_of(answer):
    """Sources by directive."""
    directives = (each.split() for each in answer.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in directives}
