"""A batch in the browser: how it fills, and what may come between."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.browser.harness import Studio, Witness

pytestmark = pytest.mark.browser

CUT = ["ERR_CONNECTION_REFUSED", "ERR_INTERNET_DISCONNECTED", "WebSocket connection", "ERR_NETWORK_CHANGED"]
Opener = Callable[..., Awaitable[Page]]


def pictures(page: Page) -> Locator:
    return page.get_by_role("list", name="Images").locator("img[data-state=shown]")


async def test_a_collection_is_started_with_a_reference_and_its_batch_fills(
    page: Page, studio: Studio, tmp_path: Path
) -> None:
    picture = tmp_path / "reference.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    await page.get_by_label("Collection", exact=True).select_option(label="Portrait Studio")
    await page.get_by_label("Prompt of Classic Headshot").fill("A headshot of {{person}}")
    await page.get_by_label("{{person}}").fill("a sailor\na baker")
    await page.get_by_role("checkbox", name="Editorial").uncheck()
    await page.get_by_role("button", name="Add a prompt").click()
    await page.get_by_label("Prompt of Prompt 1").fill("a lighthouse")
    await page.get_by_label("Pick a picture").set_input_files(picture)
    await expect(page.get_by_text("Uploaded")).to_be_visible()
    await page.get_by_text("Model inputs").click()
    for side in ("Width", "Height"):
        await page.get_by_label(side).fill("64")
    await expect(page.get_by_text("7 images")).to_be_visible()
    await page.get_by_label("Images of each prompt").fill("2")
    await expect(page.get_by_text("14 images")).to_be_visible()
    await page.get_by_role("button", name="Start").click()

    await expect(page.get_by_role("heading", level=1)).to_contain_text("Portrait Studio")
    await expect(pictures(page)).to_have_count(14)
    captions = await page.locator("figcaption").all_inner_texts()
    assert captions[::2] == [
        *("Classic Headshot", "Classic Headshot", "Golden Hour", "Film Noir"),
        *("Neon City", "Oil Painting", "Prompt 1"),
    ]


async def test_what_would_be_refused_is_said_before_the_start(page: Page) -> None:
    await page.get_by_role("button", name="Write a prompt").click()
    await page.get_by_label("Prompt of Prompt 1").fill("a {{thing}}")
    await expect(page.get_by_text("needs a value for {{thing}}")).to_be_visible()

    await page.get_by_label("{{thing}}").fill("boat")
    await expect(page.get_by_text("1 image", exact=True)).to_be_visible()


async def test_failures_have_their_reasons_and_are_retried_in_place(
    studio: Studio, open_page: Opener
) -> None:
    broken = {"name": "Storm", "prompt": "a storm", "parameters": {"fail": "Too much wind."}}
    fine = {"name": "Calm", "prompt": "a calm sea"}
    batch_id = await studio.start_batch(1, templates=[broken, fine])
    page = await open_page(f"/batches/{batch_id}")
    await expect(page.get_by_text("Done in part", exact=True)).to_be_visible()
    await expect(page.get_by_text("Too much wind.")).to_be_visible()

    await page.get_by_role("button", name="Retry Storm").click()
    query = "query ($id: ID!) { batch(id: $id) { generations { nodes { attempts } } } }"
    attempts: list[int] = []
    async with asyncio.timeout(20):  # it may fail again before a page could show that it runs
        while attempts != [2, 1]:
            told = await studio.ask(query, id=batch_id)
            attempts = [each["attempts"] for each in told["batch"]["generations"]["nodes"]]
    await expect(page.get_by_text("Done in part", exact=True)).to_be_visible()


async def test_a_batch_is_paused_resumed_cancelled_and_renamed(studio: Studio, open_page: Opener) -> None:
    batch_id = await studio.start_batch(100, seconds=60)
    page = await open_page(f"/batches/{batch_id}")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()

    await page.get_by_role("button", name="Rename").click()
    await page.get_by_role("textbox", name="Rename").fill("Boats in the morning")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Boats in the morning")).to_be_visible()
    await expect(page.get_by_role("button", name="Rename")).to_be_focused()
    await page.reload()
    await expect(page.get_by_role("heading", name="Boats in the morning")).to_be_visible()


async def test_a_batch_goes_on_when_the_service_is_killed_and_started_again(
    studio: Studio, open_page: Opener, witness: Witness
) -> None:
    witness.tolerated += CUT
    batch_id = await studio.start_batch(12, seconds=2)
    page = await open_page(f"/batches/{batch_id}")
    await expect(page.get_by_text("0 of 12 made").first).to_be_visible()
    await studio.kill()
    await expect(page.get_by_text("Connection lost")).to_be_visible()
    await studio.start()

    await expect(page.get_by_text("Connection lost")).to_be_hidden()
    await expect(pictures(page)).to_have_count(12)
    await expect(page.get_by_text("12 of 12 made").first).to_be_visible()


async def test_two_tabs_show_the_same_batch_also_when_one_retries(studio: Studio, open_page: Opener) -> None:
    broken = {"name": "Storm", "prompt": "a storm", "parameters": {"fail": "Too much wind.", "seconds": 2}}
    one, other = await open_page("/"), await open_page("/")
    listening = asyncio.Event()
    other.on("websocket", lambda it: it.on("framesent", lambda text: "Elsewhere" in text and listening.set()))
    batch_id = await studio.start_batch(2, templates=[broken])
    for page in (one, other):
        await page.goto(f"/batches/{batch_id}")
    async with asyncio.timeout(20):
        await listening.wait()

    await one.get_by_role("button", name="Retry 2 failed").click()
    await asyncio.gather(
        *(expect(it.get_by_role("button", name="Pause")).to_be_visible() for it in (one, other))
    )
    for page in (one, other):
        await expect(page.get_by_role("button", name="Retry 2 failed")).to_be_visible()


async def test_a_page_that_was_offline_catches_up(
    studio: Studio, open_page: Opener, witness: Witness
) -> None:
    witness.tolerated += CUT
    batch_id = await studio.start_batch(3, seconds=2)
    page = await open_page(f"/batches/{batch_id}")
    await expect(page.get_by_text("0 of 3 made").first).to_be_visible()
    await page.context.set_offline(True)
    await expect(page.get_by_text("Connection lost")).to_be_visible()
    await page.context.set_offline(False)

    await expect(pictures(page)).to_have_count(3)


async def test_ten_thousand_places_are_no_more_to_draw_than_a_hundred(
    studio: Studio, open_page: Opener
) -> None:
    many = [str(each) for each in range(100)]
    template = {"name": "Many", "prompt": "{{one}} {{other}}", "parameters": {"seconds": 3600}}
    batch_id = await studio.start_batch(1, templates=[template], variables={"one": many, "other": many})
    page = await open_page(f"/batches/{batch_id}")
    places = page.get_by_role("list", name="Images").get_by_role("listitem")
    await expect(page.get_by_text("0 of 10,000 made").first).to_be_visible()
    assert await places.count() < 200

    await page.keyboard.press("End")
    await expect(page.locator("li[aria-posinset='10000']")).to_be_visible()
    assert await places.count() < 200
    await studio.ask("mutation ($id: ID!) { cancelBatch(id: $id) { userErrors { message } } }", id=batch_id)
