"""The history in the browser: finding, naming, deleting and repeating what was made."""

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.harness import Studio, grave_faults

pytestmark = pytest.mark.browser

Opener = Callable[..., Awaitable[Page]]
STORM = {"name": "Storm", "prompt": "a storm at noon", "parameters": {"fail": "Too much wind."}}
CALM = {"name": "Calm", "prompt": "a calm sea"}
BATCH = "query ($id: ID!) { batch(id: $id) { status images { nodes { id } } deletedAt tags } }"
SINGLE = """
    mutation ($prompt: String!) {
      generateImage(input: {prompt: $prompt, parameters: {seconds: 0, width: 64, height: 64}}) {
        generation { id }
      }
    }
"""


@pytest.fixture
async def history(open_page: Opener) -> Page:
    return await open_page("/history", viewport={"width": 1280, "height": 800})


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("article", name=title, exact=True)


def pictures(page: Page, title: str) -> Locator:
    return card(page, title).locator("img[data-state=shown]")


async def test_a_batch_appears_and_fills_while_the_page_is_open(history: Page, studio: Studio) -> None:
    await expect(history.get_by_role("heading", level=1, name="History")).to_be_visible()
    await studio.start_batch(8, title="Live one")

    await expect(pictures(history, "Live one")).to_have_count(6)
    await expect(card(history, "Live one").get_by_text("8 images", exact=True)).to_be_visible()
    await card(history, "Live one").get_by_role("link", name="View batch").click()
    await expect(history.get_by_role("heading", level=1)).to_contain_text("Live one")


async def test_a_batch_is_renamed_marked_and_tagged_in_place(history: Page, studio: Studio) -> None:
    batch_id = await studio.start_batch(1, title="Old name")
    await expect(pictures(history, "Old name")).to_have_count(1)
    await history.get_by_role("button", name="Rename Old name").click()
    await history.keyboard.type("Given up")
    await history.keyboard.press("Escape")
    await expect(history.get_by_role("button", name="Rename Old name")).to_be_focused()
    await history.keyboard.press("Enter")
    await history.keyboard.type("New name")
    await history.keyboard.press("Enter")
    await expect(history.get_by_role("button", name="Rename New name")).to_be_focused()

    star = history.get_by_role("button", name="Favourite: New name")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await history.get_by_role("button", name="Tags of New name").click()
    await history.keyboard.type("sea,  for print")
    await history.keyboard.press("Enter")
    await card(history, "New name").get_by_role("button", name="Only batches tagged for print").click()

    await expect(history).to_have_url(re.compile(r"/history\?tag=for\+print$"))
    await expect(history.get_by_role("article")).to_have_count(1)
    assert (await studio.ask(BATCH, id=batch_id))["batch"]["tags"] == ["sea", "for print"]


async def test_filters_and_search_are_in_the_address(
    history: Page, studio: Studio, open_page: Opener
) -> None:
    await studio.start_batch(1, title="Harbour walk", templates=[CALM, STORM])
    await studio.start_batch(1, title="Harbour night", templates=[CALM])
    await expect(card(history, "Harbour walk").get_by_text("Done in part")).to_be_visible()
    await history.get_by_role("searchbox").fill("harb")
    await expect(history).to_have_url(re.compile(r"/history\?q=harb$"))
    await expect(history.get_by_role("article")).to_have_count(2)
    await history.get_by_label("State").select_option(label="With failures")
    await expect(history.get_by_role("article")).to_have_count(1)
    await expect(history).to_have_url(re.compile(r"/history\?q=harb&state=failures$"))

    shared = await open_page(history.url)
    await expect(shared.get_by_role("article")).to_have_count(1)
    await expect(shared.get_by_role("searchbox")).to_have_value("harb")

    await history.go_back()
    await expect(history.get_by_role("article")).to_have_count(2)
    await history.go_back()
    await expect(history.get_by_role("searchbox")).to_have_value("")
    await history.go_forward()
    await expect(history.get_by_role("searchbox")).to_have_value("harb")

    await history.get_by_role("searchbox").fill("nothing like it")
    await expect(history.get_by_role("heading", name="No batch matches")).to_be_visible()
    await history.get_by_role("link", name="Show all").click()
    await expect(card(history, "Harbour night")).to_be_visible()


async def test_a_filter_chosen_while_a_search_is_typed_stays(history: Page) -> None:
    await history.get_by_role("searchbox").fill("harb")
    await history.get_by_label("State").select_option(label="Cancelled")

    await expect(history).to_have_url(re.compile(r"/history\?q=harb&state=canceled$"))


async def test_a_deleted_batch_comes_back_by_undo_and_from_the_trash(history: Page, studio: Studio) -> None:
    await studio.start_batch(1, title="Kept beside")
    await studio.start_batch(1, title="Thrown away")
    await expect(pictures(history, "Thrown away")).to_have_count(1)
    await history.get_by_role("button", name="Delete Thrown away").click()
    await expect(card(history, "Thrown away")).to_have_count(0)
    await expect(history.get_by_role("link", name="Kept beside", exact=True)).to_be_focused()
    await history.get_by_role("button", name="Undo").click()
    await expect(history.get_by_role("link", name="Thrown away", exact=True)).to_be_focused()
    await expect(pictures(history, "Thrown away")).to_have_count(1)

    await history.get_by_role("button", name="Delete Thrown away").click()
    await history.get_by_role("link", name="Trash").click()
    await expect(history.get_by_role("heading", level=1, name="Trash")).to_be_visible()
    await card(history, "Thrown away").get_by_role("button", name="Restore").click()
    await expect(card(history, "Thrown away")).to_have_count(0)
    await history.get_by_role("link", name="Back to the history").click()
    await expect(pictures(history, "Thrown away")).to_have_count(1)


async def test_a_batch_under_way_is_deleted_only_when_that_is_meant(history: Page, studio: Studio) -> None:
    await studio.start_batch(2, title="Slow one", seconds=600)
    delete = history.get_by_role("button", name="Delete Slow one")
    await delete.click()
    await expect(history.get_by_role("button", name="Keep it")).to_be_focused()
    await history.keyboard.press("Escape")
    await expect(delete).to_be_focused()
    await delete.click()
    await history.get_by_role("button", name="Cancel and delete").click()

    await expect(card(history, "Slow one")).to_have_count(0)


async def test_what_failed_is_run_again_with_changes(history: Page, studio: Studio) -> None:
    await studio.start_batch(1, title="Half of it", templates=[CALM, STORM, STORM])
    await expect(card(history, "Half of it").get_by_text("2 failed")).to_be_visible()
    await history.get_by_role("button", name="Run Half of it again").click()
    dialog = history.get_by_role("dialog", name="Run again")
    await dialog.get_by_role("radio", name="Only the 2 that failed").check()
    await dialog.get_by_label("Title").fill("The other half")
    await dialog.get_by_text("Model inputs").click()
    await dialog.get_by_label("Width").fill("96")
    await dialog.get_by_role("button", name="Start 2 images").click()

    await expect(history.get_by_role("heading", level=1)).to_contain_text("The other half")
    again = history.url.rsplit("/", 1)[1]
    told = await studio.ask("query ($id: ID!) { batch(id: $id) { counts { total } parameters } }", id=again)
    assert told["batch"]["counts"]["total"] == 2
    assert told["batch"]["parameters"]["width"] == 96


async def test_a_batch_is_downloaded_as_a_zip(history: Page, studio: Studio) -> None:
    await studio.start_batch(1, title="Packed")
    await expect(pictures(history, "Packed")).to_have_count(1)
    async with history.expect_download() as download:
        await history.get_by_role("link", name="Download Packed as zip").click()

    assert (await download.value).suggested_filename.endswith(".zip")


async def test_a_long_history_goes_on_by_itself(history: Page, studio: Studio) -> None:
    for number in range(23):
        await studio.start_batch(1, title=f"One of many {number}")
    await history.goto("/history?q=one+of+many")
    await expect(history.get_by_role("article").first).to_be_visible()
    for _ in range(3):
        await history.keyboard.press("End")
    await expect(history.get_by_role("article")).to_have_count(23)

    link = card(history, "One of many 1").get_by_role("link", name="View batch")
    await link.scroll_into_view_if_needed()
    before = await history.evaluate("scrollY")
    await link.click()
    await expect(history.get_by_role("heading", level=1)).to_contain_text("One of many 1")
    await history.go_back()
    await expect(link).to_be_in_viewport()
    assert abs(await history.evaluate("scrollY") - before) < 200


async def test_arrow_keys_go_through_the_images_of_a_batch(history: Page, studio: Studio) -> None:
    await studio.start_batch(3, title="Three")
    await expect(pictures(history, "Three")).to_have_count(3)
    await card(history, "Three").get_by_role("list").get_by_role("link").nth(1).click()
    await expect(history.get_by_text("2 of 3", exact=True)).to_be_visible()
    await history.keyboard.press("ArrowRight")
    await expect(history.get_by_text("3 of 3", exact=True)).to_be_visible()
    await history.keyboard.press("ArrowRight")
    await history.get_by_role("button", name="Previous image").click()
    await expect(history.get_by_text("2 of 3", exact=True)).to_be_visible()
    await expect(history.get_by_role("button", name="Previous image")).to_be_focused()

    await history.get_by_role("button", name="Full size", exact=True).click()
    await history.keyboard.press("ArrowLeft")
    await history.keyboard.press("Escape")
    await expect(history.get_by_text("1 of 3", exact=True)).to_be_visible()
    await history.go_back()
    await expect(history).to_have_url(re.compile("/history$"))


async def test_an_image_tells_all_and_is_renamed_copied_and_deleted_with_undo(
    open_page: Opener, studio: Studio
) -> None:
    batch_id = await studio.start_batch(2, title="Two boats")
    page = await open_page(
        f"/batches/{batch_id}", permissions=["clipboard-read", "clipboard-write"], color_scheme="dark"
    )
    await expect(page.get_by_text("2 of 2 made").first).to_be_visible()
    image_id = (await studio.ask(BATCH, id=batch_id))["batch"]["images"]["nodes"][0]["id"]
    await page.goto(f"/images/{image_id}")
    facts = page.locator("dl")
    for known in ("a boat at dawn", "demo", "Seed", "image/png", "Two boats", "Boat"):
        await expect(facts.get_by_text(known).first).to_be_visible()
    await page.get_by_role("button", name="Copy prompt").click()
    await expect(page.get_by_text("Copied the prompt")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "a boat at dawn"

    await page.get_by_role("button", name="Rename image").click()
    await page.keyboard.type("The best boat")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="The best boat")).to_be_visible()
    await page.get_by_role("button", name="Favourite").click()
    await expect(page.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")

    await page.get_by_role("button", name="Delete image").click()
    await expect(page.get_by_text("1 of 1", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("heading", level=1, name="The best boat")).to_be_visible()
    await expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()


async def test_single_images_are_found_and_keep_their_list_when_opened(history: Page, studio: Studio) -> None:
    for prompt in ("a heron in reeds", "a heron in flight", "an owl"):
        await studio.ask(SINGLE, prompt=prompt)
    await history.get_by_role("link", name="Single images").click()
    await expect(history.get_by_role("list", name="Images").get_by_role("link")).to_have_count(3)
    await history.get_by_role("searchbox").fill("heron")
    images = history.get_by_role("list", name="Images").get_by_role("link")
    await expect(images).to_have_count(2)
    await images.first.click()
    await expect(history.get_by_text("1 of 2", exact=True)).to_be_visible()
    await history.keyboard.press("ArrowRight")
    await expect(history.get_by_text("2 of 2", exact=True)).to_be_visible()
    await history.get_by_role("link", name="Back to the list").click()
    await expect(history).to_have_url(re.compile(r"/history\?show=single&q=heron$"))


async def test_an_empty_history_says_what_to_do_first(open_page: Opener) -> None:
    page = await open_page("/history?show=single&trash=yes")

    await expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_historys_views_have_no_serious_fault_for_who_cannot_see_them(
    open_page: Opener, studio: Studio, scheme: str
) -> None:
    await studio.start_batch(1, title="Looked at", templates=[CALM, STORM], tags=["sea"])
    page = await open_page("/history", color_scheme=scheme, reduced_motion="reduce")
    await expect(pictures(page, "Looked at").first).to_be_visible()
    await expect(card(page, "Looked at").get_by_text("1 failed").first).to_be_visible()
    assert await grave_faults(page) == []
    await card(page, "Looked at").get_by_role("button", name="Run Looked at again").first.click()
    await page.get_by_text("Model inputs").click()
    assert await grave_faults(page) == []
    for address in ("/history?show=images", "/history?trash=yes", "/history?q=nothing+like+it"):
        await page.goto(address)
        await page.wait_for_load_state("networkidle")
        assert await grave_faults(page) == [], address
    await page.goto("/history?show=images")
    await page.get_by_role("list", name="Images").get_by_role("link").first.click()
    await page.get_by_role("button", name="Full size", exact=True).click()
    assert await grave_faults(page) == []
