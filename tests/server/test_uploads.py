"""Reference images come in by signed addresses, are checked before their use, and are their owner's alone."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from PIL import Image

from engine.uploads import LARGEST_REFERENCE, Upload
from server.identity.secrets import signing_secret
from server.identity.signing import Signer
from server.identity.upload_signing import UploadSigner
from tests.hostile.pictures import ACCEPTED, REFUSED
from tests.standin.s3 import SECRET, bucket

CREATE = """mutation ($input: CreateReferenceUploadInput!) {
  createReferenceUpload(input: $input) {
    upload { uploadUrl method headers referenceUrl expiresAt } userErrors { field code message }
  }
}"""
START = """mutation ($input: StartBatchInput!) {
  payload: startBatch(input: $input) { made: batch { id } userErrors { field code message } }
}"""
GENERATE = """mutation ($input: GenerateImageInput!) {
  payload: generateImage(input: $input) { made: generation { id } userErrors { field code message } }
}"""
AGAIN = """mutation ($input: RegenerateBatchInput!) {
  payload: regenerateBatch(input: $input) { made: batch { id } userErrors { field code message } }
}"""
BOAT = {"templates": [{"name": "Boat", "prompt": "a boat"}]}


def picture(kind="PNG", width=300):
    stream = BytesIO()
    Image.new("RGB", (width, 200), "teal").save(stream, kind)
    return stream.getvalue()


PNG = picture()
SIZE = len(PNG)


async def create(caller, content_type="image/png", byte_size=SIZE):
    answer = await caller.ask(CREATE, input={"contentType": content_type, "byteSize": byte_size})
    return answer["createReferenceUpload"]


async def upload_of(caller, data=PNG, content_type="image/png"):
    return (await create(caller, content_type, len(data)))["upload"]


async def send(upload, data=PNG, **changed):
    """As any HTTP client would, by what the answer says."""
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 - no TLS here
        headers = upload["headers"] | changed.pop("headers", {})
        return await client.request(
            upload["method"], changed.get("url", upload["uploadUrl"]), content=data, headers=headers
        )


async def use(caller, mutation, **asked):
    payload = (await caller.ask(mutation, input=asked))["payload"]
    return payload["made"], [(".".join(each["field"]), each["code"]) for each in payload["userErrors"]]


@pytest.fixture
def stored(shared_urls):
    """Values of the database, as studio_worker sees them."""

    async def stored(query, *parameters):
        connection = await asyncpg.connect(shared_urls.login, server_settings={"role": "studio_worker"})
        try:
            return await connection.fetchval(query, *parameters)
        finally:
            await connection.close()

    return stored


def key_of(upload):
    return upload["referenceUrl"].partition("/files/")[2].partition("?")[0]


@pytest.mark.parametrize(
    ("kind", "content_type", "suffix"),
    [("PNG", "image/png", ".png"), ("JPEG", "image/jpeg", ".jpg"), ("WEBP", "image/webp", ".webp")],
)
async def test_an_upload_is_kept_shown_and_used(kind, content_type, suffix, as_owner, stored):
    data = picture(kind)
    upload = await upload_of(as_owner, data, content_type)

    sent = await send(upload, data)
    shown = await as_owner.get(upload["referenceUrl"])
    batch, refused = await use(as_owner, START, **BOAT, referenceUrl=upload["referenceUrl"])
    single, _ = await use(as_owner, GENERATE, prompt="a boat", referenceUrl=upload["referenceUrl"])

    assert (sent.status_code, sent.content, refused) == (201, b"", [])
    assert (shown.content, shown.headers["content-type"]) == (data, content_type)
    key = key_of(upload)
    assert key.startswith(f"{as_owner.user_id}/references/")
    assert key.endswith(suffix)
    assert await stored("select reference_url from batches where id = $1", batch["id"]) == key
    assert await stored("select reference_url from generations where id = $1", single["id"]) == key


async def test_an_address_of_an_hour_ago_still_stands_for_the_picture(as_owner):
    upload = await upload_of(as_owner)
    await send(upload)
    address = upload["referenceUrl"].partition("?")[0]
    batch, _ = await use(as_owner, START, **BOAT, referenceUrl=f"{address}?expires=0&signature=x")
    assert batch


async def test_a_batch_is_made_again_with_the_same_or_another_upload(as_owner, stored):
    first, second = await upload_of(as_owner), await upload_of(as_owner)
    await send(first)
    await send(second)
    batch, _ = await use(as_owner, START, **BOAT, referenceUrl=first["referenceUrl"])

    same, _ = await use(as_owner, AGAIN, batchId=batch["id"])
    other, _ = await use(as_owner, AGAIN, batchId=batch["id"], referenceUrl=second["referenceUrl"])

    reference = "select reference_url from batches where id = $1"
    assert await stored(reference, same["id"]) == key_of(first)
    assert await stored(reference, other["id"]) == key_of(second)


@pytest.mark.parametrize(("mutation", "asked"), [(START, BOAT), (GENERATE, {"prompt": "a boat"})])
async def test_a_reference_that_is_not_there_and_one_of_anothers_look_alike(
    mutation, asked, as_owner, as_stranger, shared_api
):
    theirs, not_sent = await upload_of(as_stranger), await upload_of(as_owner)
    await send(theirs)
    absent = f"{shared_api.address}/files/{as_owner.user_id}/references/{uuid4()}.png"

    answers = [
        await use(as_owner, mutation, **asked, referenceUrl=address)
        for address in (theirs["referenceUrl"], not_sent["referenceUrl"], absent)
    ]

    assert answers == [(None, [("input.referenceUrl", "NOT_FOUND")])] * 3


async def test_of_a_batch_to_be_made_again_a_reference_of_anothers_is_not_found(as_owner, as_stranger):
    batch, _ = await use(as_owner, START, **BOAT)
    theirs = await upload_of(as_stranger)
    await send(theirs)
    answer = await use(as_owner, AGAIN, batchId=batch["id"], referenceUrl=theirs["referenceUrl"])
    assert answer == (None, [("input.referenceUrl", "NOT_FOUND")])


@pytest.mark.parametrize(
    ("content_type", "byte_size", "refused"),
    [
        ("image/gif", 100, [("contentType", "INVALID")]),
        ("image/svg+xml", 100, [("contentType", "INVALID")]),
        ("IMAGE/PNG", 100, [("contentType", "INVALID")]),
        ("image/png; charset=utf-8", 100, [("contentType", "INVALID")]),
        ("image/png\0", 100, [("contentType", "INVALID")]),
        ("image/png\r\nx: y", 100, [("contentType", "INVALID")]),
        ("", 100, [("contentType", "INVALID")]),
        ("x" * 100_000, 100, [("contentType", "INVALID")]),
        ("image/png", 0, [("byteSize", "INVALID")]),
        ("image/png", -1, [("byteSize", "INVALID")]),
        ("image/png", LARGEST_REFERENCE + 1, [("byteSize", "TOO_MANY")]),
        ("image/png", 2**31 - 1, [("byteSize", "TOO_MANY")]),
        ("text/html", 0, [("contentType", "INVALID"), ("byteSize", "INVALID")]),
    ],
)
async def test_a_place_that_cannot_be_had_is_refused_by_its_fields(
    content_type, byte_size, refused, as_owner, stored
):
    payload = await create(as_owner, content_type, byte_size)

    assert payload["upload"] is None
    assert [(each["field"], each["code"]) for each in payload["userErrors"]] == [
        (["input", field], code) for field, code in refused
    ]
    owned = "select count(*) from studio.kept_references where user_id = $1"
    assert await stored(owned, as_owner.user_id) == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"contentType": "image/png"},
        {"byteSize": 1},
        {"contentType": None, "byteSize": 1},
        {"contentType": 1, "byteSize": 1},
        {"contentType": "image/png", "byteSize": "1"},
        {"contentType": "image/png", "byteSize": 1.5},
        {"contentType": "image/png", "byteSize": 2**31},
        {"contentType": "image/png", "byteSize": True},
        {"contentType": "image/png", "byteSize": 1, "key": "x"},
    ],
)
async def test_what_is_no_such_input_does_not_run(asked, as_owner):
    answer = (await as_owner.post(CREATE, input=asked)).json()
    assert answer.get("data") is None
    assert answer["errors"]


async def test_without_a_token_there_is_no_place(as_anonymous):
    [error] = await as_anonymous.errors(CREATE, input={"contentType": "image/png", "byteSize": 1})
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_only_so_much_can_wait_to_be_used(as_owner, shared_urls):
    """What is used makes room again."""
    uploads = [await upload_of(as_owner, bytes(20 * 1024 * 1024)) for _ in range(25)]
    refused = await create(as_owner, byte_size=1024)
    owner = await asyncpg.connect(shared_urls.login, server_settings={"role": "studio_worker"})
    await owner.execute("update studio.kept_references set used = true where key = $1", key_of(uploads[0]))
    await owner.close()

    assert [(each["field"], each["code"]) for each in refused["userErrors"]] == [(["input"], "LIMIT_REACHED")]
    assert (await create(as_owner, byte_size=1024))["upload"]


async def test_a_hundred_small_ones_are_enough_too(as_owner, stored):
    await stored(
        "insert into studio.kept_references (user_id, key, content_type, byte_size) "
        "select $1, $1::uuid || '/references/' || n || '.png', 'image/png', 1 from generate_series(1, 99) n "
        "returning 1",
        as_owner.user_id,
    )
    answers = await asyncio.gather(*(create(as_owner) for _ in range(5)))
    assert sum(answer["upload"] is not None for answer in answers) == 1


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
async def test_what_is_no_plain_picture_is_not_kept(data, as_owner):
    upload = await upload_of(as_owner, data or b"x")

    sent = await send(upload, data or b"x")
    answer = await use(as_owner, START, **BOAT, referenceUrl=upload["referenceUrl"])

    assert sent.status_code == 422
    assert sent.headers["content-type"].startswith("text/plain")
    assert answer == (None, [("input.referenceUrl", "NOT_FOUND")])
    assert (await as_owner.get(upload["referenceUrl"])).status_code == 404


@pytest.mark.parametrize(("data", "content_type"), ACCEPTED.values(), ids=ACCEPTED)
async def test_what_else_lies_in_a_picture_is_served_as_the_picture_alone(data, content_type, as_owner):
    upload = await upload_of(as_owner, data, content_type)
    assert (await send(upload, data)).status_code == 201
    shown = await as_owner.get(upload["referenceUrl"])
    assert shown.headers["content-type"] == content_type
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]


async def test_a_picture_of_another_type_than_announced_is_not_kept(as_owner):
    upload = await upload_of(as_owner, data := picture("JPEG"), "image/png")
    sent = await send(upload, data)
    assert (sent.status_code, "image/jpeg" in sent.text) == (422, True)


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (PNG, {"Content-Type": "image/jpeg"}, 415),
        (PNG, {"Content-Type": "text/html"}, 415),
        (PNG + b"x", {}, 413),
        (PNG[:-1], {}, 413),
        (b"", {}, 413),
    ],
)
async def test_what_was_not_announced_is_not_read(data, headers, status, as_owner):
    upload = await upload_of(as_owner)
    assert (await send(upload, data, headers=headers)).status_code == status
    assert (await send(upload)).status_code == 201


@pytest.mark.parametrize(("data", "status"), [(PNG + b"x", 413), (PNG[:-1], 400), (b"", 400)])
async def test_a_body_without_a_length_is_counted(data, status, as_owner):
    upload = await upload_of(as_owner)

    async def pieces():
        for place in range(0, len(data), 100):
            yield data[place : place + 100]

    assert (await send(upload, pieces())).status_code == status


async def test_what_is_there_stays_as_it_is(as_owner):
    upload = await upload_of(as_owner)
    await send(upload)
    other = picture(width=301).ljust(len(PNG), b"\0")[: len(PNG)]
    assert (await send(upload, other)).status_code == 409
    assert (await as_owner.get(upload["referenceUrl"])).content == PNG


def changed(address, **query):
    parts = urlsplit(address)
    return parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | query)).geturl()


@pytest.mark.parametrize(
    "change",
    [
        lambda address, _: changed(address, size="5"),
        lambda address, _: changed(address, type="text/html"),
        lambda address, _: changed(address, expires=str(int(time.time()) + 10**6)),
        lambda address, _: changed(address, signature="x"),
        lambda address, _: changed(address, signature=""),
        lambda address, _: address.partition("?")[0],
        lambda address, _: address.replace("/references/", "/%2e%2e/references/"),
        lambda address, _: address.replace(".png", ".png.400.webp"),
        lambda address, _: address.replace(".png", "%00.png"),
        lambda address, other: address.partition("?")[0] + "?" + other.partition("?")[2],
        lambda address, other: other.partition("?")[0] + "?" + address.partition("?")[2],
    ],
)
async def test_an_address_is_good_for_what_it_was_signed_for(change, as_owner, as_stranger):
    mine, theirs = await upload_of(as_owner), await upload_of(as_stranger)
    sent = await send(mine, url=change(mine["uploadUrl"], theirs["uploadUrl"]))
    assert sent.status_code == 404


async def test_reading_and_writing_have_addresses_of_their_own(as_owner):
    upload = await upload_of(as_owner)
    assert (await send(upload, url=upload["referenceUrl"])).status_code == 404
    await send(upload)
    assert (await as_owner.get(upload["uploadUrl"])).status_code == 404


async def test_an_address_for_an_upload_ends_after_an_hour(as_owner, shared_api):
    upload = await upload_of(as_owner)
    left = datetime.fromisoformat(upload["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)

    signer = UploadSigner(signing_secret(shared_api.settings), f"{shared_api.address}/files/")
    promise = Upload(key=key_of(upload), content_type="image/png", byte_size=len(PNG))
    over = signer.address(promise, datetime.now(UTC) - timedelta(seconds=1))
    assert (await send(upload, url=over)).status_code == 404


async def test_a_signature_for_reading_is_none_for_writing_even_in_its_form(shared_api):
    secret = signing_secret(shared_api.settings)
    writer, reader = UploadSigner(secret, ""), Signer(secret, "")
    address = writer.address(
        Upload(key="a/b.png", content_type="image/png", byte_size=1), datetime.now(UTC) + timedelta(hours=1)
    )
    query = dict(parse_qsl(urlsplit(address).query))
    assert writer.accepted("a/b.png", query)
    assert not reader.accepts("a/b.png", query["expires"], query["signature"])
    assert writer.accepted("a/b.png", query | {"size": "", "type": ""}) is None
    assert writer.accepted("a/b.png", {}) is None


async def test_an_upload_that_was_never_promised_a_place_has_none(as_owner, shared_api):
    """Signed once, and swept since."""
    signer = UploadSigner(signing_secret(shared_api.settings), f"{shared_api.address}/files/")
    key = f"{as_owner.user_id}/references/{uuid4()}.png"
    promise = Upload(key=key, content_type="image/png", byte_size=len(PNG))
    address = signer.address(promise, datetime.now(UTC) + timedelta(minutes=1))
    upload = {"uploadUrl": address, "method": "PUT", "headers": {"Content-Type": "image/png"}}
    assert (await send(upload)).status_code == 404


@pytest.fixture
async def s3():
    async with bucket() as s3:
        yield s3


@pytest.fixture
async def with_s3(s3, settings_for, running, monkeypatch):
    """A service whose files lie in a bucket."""
    env = {
        "AWS_ENDPOINT": s3.url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    async with running(settings_for(storage_url="s3://pictures/studio"), with_worker=False) as service:
        yield service


async def test_an_upload_to_s3_is_checked_when_it_is_first_used(with_s3, s3):
    ada = with_s3.caller()
    good, bad, other, larger = [await upload_of(ada) for _ in range(4)]
    svg = REFUSED["SVG"].ljust(len(PNG))
    for upload, data in ((good, PNG), (bad, svg), (larger, PNG + b"x")):
        assert upload["uploadUrl"].startswith(s3.url)
        assert (await send(upload, data)).status_code == 200

    answers = [
        await use(ada, START, **BOAT, referenceUrl=each["referenceUrl"])
        for each in (good, bad, other, larger)
    ]
    again = await use(ada, START, **BOAT, referenceUrl=bad["referenceUrl"])

    assert answers[0][0]
    assert [refused for _, refused in answers[1:]] == [
        [("input.referenceUrl", "INVALID")],
        [("input.referenceUrl", "NOT_FOUND")],
        [("input.referenceUrl", "INVALID")],
    ]
    assert again == answers[1]
    assert s3.objects[f"studio/{key_of(good)}"] == (PNG, "image/png")


async def test_an_address_in_s3_does_not_lead_to_what_was_checked(with_s3, s3):
    ada = with_s3.caller()
    upload = await upload_of(ada)
    await send(upload)
    await use(ada, START, **BOAT, referenceUrl=upload["referenceUrl"])

    assert (await send(upload, REFUSED["HTML"])).status_code == 200

    assert s3.objects[f"studio/{key_of(upload)}"] == (PNG, "image/png")
    assert (await use(ada, START, **BOAT, referenceUrl=upload["referenceUrl"]))[0]
