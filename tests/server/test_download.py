"""A batch is downloaded as one zip, made while it is sent, from which the batch can be started again."""

import asyncio
import json
import tracemalloc
import zipfile
from hashlib import sha256
from io import BytesIO
from uuid import uuid4

import asyncpg
import httpx
import pytest
from PIL import Image

from db.generations import generation_columns
from db.session import open_database
from engine.plan import PlannedPrompt
from engine.viewer import Viewer
from server.identity.secrets import signing_secret
from server.identity.signing import Signer
from worker.storage import open_storage

START = """mutation ($input: StartBatchInput!) {
  startBatch(input: $input) { batchId userErrors { field message } }
}"""
SMALL = {"seconds": 0, "width": 64, "height": 64}


async def address_of(service, batch, owner):
    """The signed address of a batch's zip, as SQL makes it."""
    signer = Signer(signing_secret(service.settings), f"{service.address}/files/")
    connection = await asyncpg.connect(service.settings.owner_url)
    try:
        return await connection.fetchval(
            "select studio.download_address($1, $2, $3)", batch, owner, signer.parameters()
        )
    finally:
        await connection.close()


@pytest.fixture
def download(shared_api):
    """The answer to whoever asks for a batch's zip."""

    async def download(caller, batch):
        return await caller.get(await address_of(shared_api, batch, caller.user_id))

    return download


@pytest.fixture
def keep(shared_api, shared_database):
    """A batch of images in storage and in the history of a caller; its id."""
    storage = open_storage(shared_api.settings.storage)

    async def keep(caller, count=1, *, data=b"picture", names=("Boat",), **given):
        owner = Viewer(user_id=caller.user_id, role="authenticated")
        prompts = [
            PlannedPrompt(names[place % len(names)], f"boat {place}", seed=place) for place in range(count)
        ]
        async with shared_database.session(owner) as session:
            title, columns = given.get("title", "Boats"), generation_columns(prompts)
            batch = await session.one(
                *("insert_batch", title, None, "demo", None, {}, {}, ["sea"], count, None, columns, 1)
            )
            made = await session.rows("generations_to_repeat", batch["id"])
            images = [image(caller, batch["id"], place, row, data) for place, row in enumerate(made)]
            await session.rows("insert_images", images)
        await asyncio.gather(*(storage.write(each["url"], data, "image/png") for each in images))
        return batch["id"]

    return keep


def image(caller, batch, place, generation, data):
    key = f"{caller.user_id}/{generation['id']}/0.png"
    return {
        "generation_id": generation["id"],
        "output": 0,
        "batch_id": batch,
        "position": place,
        "name": generation["name"],
        "prompt": generation["prompt"],
        "url": key,
        "model": "demo",
        "parameters": {"seed": place},
        "seed": place,
        "content_type": "image/png",
        "byte_size": len(data),
        "checksum": sha256(data).hexdigest(),
    }


def opened(response):
    assert response.status_code == 200
    archive = zipfile.ZipFile(BytesIO(response.content))
    assert archive.testzip() is None
    return archive


def manifest(archive):
    return [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]


async def test_a_batch_can_be_started_again_from_its_zip(shared_service):
    """The same pictures come of it, to the byte."""
    ada = shared_service.caller()
    reference = BytesIO()
    Image.new("RGB", (20, 10), "teal").save(reference, "PNG")
    archive = await made(shared_service, ada, await started(ada, reference.getvalue()))
    batch, images = json.loads(archive.read("batch.json")), manifest(archive)

    again = {
        "title": batch["title"],
        "tags": batch["tags"],
        "model": batch["model"],
        "parameters": batch["parameters"],
        "referenceUrl": await uploaded(ada, archive.read(batch["reference"])),
        "templates": [
            {
                "name": each["templateName"],
                "prompt": each["prompt"],
                "model": each["model"],
                "parameters": each["parameters"],
            }
            for each in images
        ],
    }
    answer = await ada.ask(START, input=again)
    copies = manifest(await made(shared_service, ada, answer["startBatch"]["batchId"]))

    assert [each["file"] for each in images] == ["1 Dawn.png", "2 Dawn.png", "3 Dawn.png", "4 Dawn.png"]
    same = ("prompt", "model", "seed", "parameters", "checksum", "templateName", "position")
    assert [[each[name] for name in same] for each in copies] == [
        [each[name] for name in same] for each in images
    ]
    for each in images:
        assert sha256(archive.read(each["file"])).hexdigest() == each["checksum"]
        assert archive.getinfo(each["file"]).compress_type == zipfile.ZIP_STORED
    assert archive.namelist()[0] == "batch.json"
    assert archive.namelist()[-1] == "manifest.jsonl"


async def made(service, caller, batch):
    """Its zip, once it is finished."""
    assert (await caller.finished(batch))["status"] == "SUCCEEDED"
    return opened(await caller.get(await address_of(service, batch, caller.user_id)))


async def started(caller, reference):
    answer = await caller.ask(
        START,
        input={
            "title": "First light",
            "tags": ["sea"],
            "templates": [{"name": "Dawn", "prompt": "a {{thing}} at dawn"}],
            "variables": {"thing": ["boat", "tree"]},
            "variants": 2,
            "parameters": SMALL,
            "referenceUrl": await uploaded(caller, reference),
        },
    )
    return answer["startBatch"]["batchId"]


async def uploaded(caller, data):
    answer = await caller.ask(
        "mutation ($input: CreateReferenceUploadInput!) { createReferenceUpload(input: $input) "
        "{ upload { uploadUrl referenceUrl headers } } }",
        input={"contentType": "image/png", "byteSize": len(data)},
    )
    upload = answer["createReferenceUpload"]["upload"]
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 - no TLS here
        sent = await client.put(upload["uploadUrl"], content=data, headers=upload["headers"])
    assert sent.status_code == 201
    return upload["referenceUrl"]


async def test_only_what_is_saved_and_not_deleted_is_in_it(keep, download, as_owner, shared_database):
    batch = await keep(as_owner, 3)
    owner = Viewer(user_id=as_owner.user_id, role="authenticated")
    async with shared_database.session(owner) as session:
        await session.connection.execute(
            "update images set deleted_at = now() where batch_id = $1 and position = 1", batch
        )

    archive = opened(await download(as_owner, batch))

    assert [each["position"] for each in manifest(archive)] == [0, 2]
    assert archive.namelist() == ["batch.json", "1 Boat.png", "3 Boat.png", "manifest.jsonl"]


async def test_a_file_that_is_gone_is_left_out(keep, download, as_owner, shared_api):
    batch = await keep(as_owner, 2)
    storage = open_storage(shared_api.settings.storage)
    [first, _] = manifest(opened(await download(as_owner, batch)))
    await storage.remove([await key_at(shared_api, as_owner, batch, 0)])

    archive = opened(await download(as_owner, batch))

    assert first["file"] not in archive.namelist()
    assert [each["position"] for each in manifest(archive)] == [1]


async def key_at(service, caller, batch, position):
    owner = Viewer(user_id=caller.user_id, role="authenticated")
    async with open_database(service.settings.database_url) as database, database.session(owner) as session:
        return await session.connection.fetchval(
            "select url from images where batch_id = $1 and position = $2", batch, position
        )


async def test_names_are_readable_unique_and_lead_nowhere(keep, download, as_owner):
    names = ("../../etc/passwd", "Boot im Hafen: Früh", "a" * 200, ".", "x\u202egnp.exe", "CON")
    batch = await keep(as_owner, 12, names=names)

    archive = opened(await download(as_owner, batch))

    assert archive.namelist()[1:7] == [
        "01 etc passwd.png",
        "02 Boot im Hafen Früh.png",
        f"03 {'a' * 80}.png",
        "04 image.png",
        "05 x gnp exe.png",
        "06 CON.png",
    ]
    assert len(set(archive.namelist())) == 14
    assert [each["templateName"] for each in manifest(archive)][:6] == list(names)


async def test_the_zip_has_the_batchs_title_and_is_kept_nowhere(keep, download, as_owner):
    batch = await keep(as_owner, title='Früh "am" Hafen\u2028')
    response = await download(as_owner, batch)
    told = response.headers["content-disposition"]
    assert told.startswith(
        "attachment; filename=\"batch.zip\"; filename*=UTF-8''Fr%C3%BCh%20%22am%22%20Hafen"
    )
    assert told.isascii()
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_batch_of_which_nothing_is_saved_yet_is_a_zip_as_well(as_owner, download):
    answer = await as_owner.ask(START, input={"templates": [{"name": "Boat", "prompt": "a boat"}]})
    archive = opened(await download(as_owner, answer["startBatch"]["batchId"]))
    assert archive.namelist() == ["batch.json", "manifest.jsonl"]
    assert archive.read("manifest.jsonl") == b""


async def test_an_address_is_good_for_one_batch_of_one_owner(keep, as_owner, as_stranger, shared_api):
    mine, theirs = await keep(as_owner), await keep(as_stranger)
    address = await address_of(shared_api, mine, as_owner.user_id)
    swapped = [
        address.replace(str(mine), str(theirs)),
        address.replace(str(as_owner.user_id), str(as_stranger.user_id)),
        address.replace("signature=", "signature=x"),
        address.partition("?")[0],
        address.replace(".zip", ".zip.200.webp"),
        # Signed for whoever may write rows by themselves: another's batch is still not theirs to read.
        await address_of(shared_api, theirs, as_owner.user_id),
        await address_of(shared_api, uuid4(), as_owner.user_id),
    ]
    assert {(await as_owner.get(each)).status_code for each in swapped} == {404}


async def test_a_batch_in_the_trash_is_not_there(keep, download, as_owner, shared_database):
    batch = await keep(as_owner)
    owner = Viewer(user_id=as_owner.user_id, role="authenticated")
    async with shared_database.session(owner) as session:
        await session.connection.execute("update batches set deleted_at = now() where id = $1", batch)
    assert (await download(as_owner, batch)).status_code == 404


async def test_a_head_says_that_there_is_one(keep, as_owner, shared_api):
    address = await address_of(shared_api, await keep(as_owner), as_owner.user_id)
    response = await as_owner.request("HEAD", address.removeprefix(shared_api.address))
    assert (response.status_code, response.content) == (200, b"")


async def test_memory_is_flat_however_many_images_there_are(keep, as_owner, shared_api):
    """A thousand make 64 MB; never more than a few of them are in memory at once."""
    data = bytes(64_000)
    batch = await keep(as_owner, 1_000, data=data)
    address = await address_of(shared_api, batch, as_owner.user_id)
    received = 0
    tracemalloc.start()
    try:
        async with (
            httpx.AsyncClient(verify=False, timeout=60) as client,  # noqa: S501 - no TLS here
            client.stream("GET", address) as response,
        ):
            async for piece in response.aiter_raw():
                received += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert received > 1_000 * len(data)
    assert peak < 8 * 1024 * 1024


async def test_a_download_that_is_broken_off_does_no_harm(keep, as_owner, shared_api):
    batch = await keep(as_owner, 100, data=bytes(200_000))
    address = await address_of(shared_api, batch, as_owner.user_id)
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 - no TLS here
        for _ in range(8):
            async with client.stream("GET", address) as response:
                await anext(response.aiter_raw())
    async with asyncio.timeout(30):
        archive = opened(await as_owner.get(address))
    assert len(manifest(archive)) == 100
