"""Collections in the browser: made, changed, put in order, taken along as a file, deleted."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.harness import Studio, grave_faults

pytestmark = pytest.mark.browser

Opener = Callable[..., Awaitable[Page]]
CREATE = """
    mutation ($input: CreateCollectionInput!) {
      createCollection(input: $input) { collection { id } userErrors { field message } }
    }
"""
TEMPLATES = "query ($id: ID!) { collection(id: $id) { name templates { name prompt model parameters } } }"


@pytest.fixture
async def collections(open_page: Opener) -> Page:
    return await open_page("/collections", viewport={"width": 1280, "height": 900})


async def create(studio: Studio, name: str, *templates: str) -> str:
    """The id of a collection with templates of these names."""
    written = [{"name": each, "prompt": f"a {each.lower()}"} for each in templates]
    told = await studio.ask(CREATE, input={"name": name, "templates": written})
    return str(told["createCollection"]["collection"]["id"])


def file_with(folder: Path, template: dict[str, str]) -> Path:
    """A file of one collection, Broken, with this template."""
    collection = {"name": "Broken", "templates": [template]}
    file = folder / "broken.json"
    file.write_text(
        json.dumps({"format": "batch-studio/collections", "version": 1, "collections": [collection]})
    )
    return file


def names(page: Page) -> Locator:
    return page.get_by_role("list", name="Templates").get_by_label("Name")


async def expect_names(page: Page, *wanted: str) -> None:
    await expect(names(page)).to_have_count(len(wanted))
    for at, name in enumerate(wanted):
        await expect(names(page).nth(at)).to_have_value(name)


async def test_a_collection_is_written_saved_and_started(collections: Page, studio: Studio) -> None:
    await collections.get_by_role("link", name="New collection").click()
    await collections.get_by_label("Name").first.fill("Seaside")
    await names(collections).fill("Pier")
    await collections.get_by_label("Prompt").fill("a pier in {{weather}}")
    await collections.get_by_role("button", name="Add a template").click()
    await expect(names(collections).nth(1)).to_be_focused()
    await collections.keyboard.type("Beach")
    await collections.get_by_role("button", name="Save").click()
    await expect(collections.get_by_label("Prompt").nth(1)).to_be_focused()
    await expect(collections.get_by_label("Prompt").nth(1)).to_have_attribute("aria-invalid", "true")
    await collections.keyboard.type("an empty beach")
    await collections.get_by_role("button", name="Save").click()

    await expect(collections.get_by_role("heading", level=1, name="Seaside")).to_be_visible()
    await expect(collections.get_by_text("All is saved")).to_be_visible()
    await collections.get_by_role("link", name="Start a batch").click()
    await expect(collections.get_by_label("Prompt of Beach")).to_have_value("an empty beach")


async def test_templates_are_put_in_order_by_keyboard_and_by_dragging(
    open_page: Opener, studio: Studio
) -> None:
    collection_id = await create(studio, "Order", "One", "Two", "Three")
    page = await open_page(f"/collections/{collection_id}", viewport={"width": 1280, "height": 1200})
    await page.get_by_role("button", name="Move Three up").focus()
    await page.keyboard.press("Enter")
    await expect_names(page, "One", "Three", "Two")
    await expect(page.get_by_role("button", name="Move Three up")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect_names(page, "Three", "One", "Two")

    await page.get_by_title("Drag").first.hover()
    await page.mouse.down()
    box = await page.get_by_role("list", name="Templates").get_by_role("listitem").nth(2).bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 20, box["y"] + box["height"] - 10, steps=12)
    await page.mouse.up()
    await expect_names(page, "One", "Two", "Three")
    await page.get_by_role("button", name="Take out Two").click()
    await expect_names(page, "One", "Three")
    await page.get_by_role("button", name="Undo").click()
    await expect_names(page, "One", "Two", "Three")
    await page.get_by_role("button", name="Move One down").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("All is saved")).to_be_visible()

    saved = (await studio.ask(TEMPLATES, id=collection_id))["collection"]["templates"]
    assert [each["name"] for each in saved] == ["Two", "One", "Three"]


async def test_what_is_not_saved_is_there_again_for_who_comes_back(open_page: Opener, studio: Studio) -> None:
    collection_id = await create(studio, "Forgotten", "One")
    page = await open_page(f"/collections/{collection_id}")
    await names(page).fill("One and a half")
    await page.get_by_role("link", name="History").click()
    await page.go_back()

    await expect_names(page, "One and a half")
    await expect(page.get_by_text("Not saved yet")).to_be_visible()
    await page.get_by_role("button", name="Discard").click()
    await expect_names(page, "One")


async def test_a_collection_goes_into_a_file_and_comes_back_from_it(
    open_page: Opener, studio: Studio, tmp_path: Path
) -> None:
    collection_id = await create(studio, "Taken along", "One", "Two")
    page = await open_page(f"/collections/{collection_id}")
    await page.get_by_text("Own model and parameters").first.click()
    await page.get_by_label("Parameters").first.fill('{"seed": 7}')
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("All is saved")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    file = tmp_path / (await download.value).suggested_filename
    await (await download.value).save_as(file)
    assert file.name == "taken-along.json"
    content = json.loads(file.read_text())
    assert content["collections"][0]["templates"][0]["parameters"] == {"seed": 7}

    content["collections"][0]["name"] = "Brought back"
    file.write_text(json.dumps(content))
    await page.goto("/collections")
    await page.get_by_label("File to import").set_input_files(file)
    await expect(page.get_by_role("dialog").get_by_text("2 templates")).to_be_visible()
    await page.get_by_role("button", name="Import", exact=True).last.click()
    await page.get_by_role("link", name="Brought back", exact=True).click()
    await expect_names(page, "One", "Two")


async def test_a_file_that_cannot_be_imported_is_told_where_it_is_wrong(
    collections: Page, tmp_path: Path
) -> None:
    template = {"name": "One", "promt": "a pier"}
    await collections.get_by_label("File to import").set_input_files(file_with(tmp_path, template))
    problems = collections.get_by_role("alert")
    await expect(problems.get_by_text('collections[0].templates[0]: has no field "promt"')).to_be_visible()
    await expect(
        problems.get_by_text("collections[0].templates[0].prompt: has to be a text.")
    ).to_be_visible()

    mended = {"name": "One", "prompt": "a pier", "model": "no/such-model"}
    await collections.keyboard.press("Escape")
    await collections.get_by_label("File to import").set_input_files(file_with(tmp_path, mended))
    await collections.get_by_role("dialog").get_by_role("button", name="Import", exact=True).click()
    await expect(problems.get_by_text("Broken, templates, 0, model:")).to_be_visible()


async def test_a_shared_collection_is_copied_into_ones_own(collections: Page) -> None:
    await collections.get_by_role("link", name="Product Shots", exact=True).click()
    await expect(collections.get_by_text("Shared with everybody")).to_be_visible()
    await expect(collections.get_by_role("button", name="Save")).to_have_count(0)
    await collections.get_by_role("button", name="Copy to my own").click()

    await expect(names(collections)).to_have_count(6)
    await expect(collections.get_by_role("button", name="Save")).to_be_visible()


async def test_a_collection_is_deleted_for_good_only_when_that_is_meant(
    open_page: Opener, studio: Studio
) -> None:
    collection_id = await create(studio, "Short-lived", "One")
    page = await open_page(f"/collections/{collection_id}")
    await page.get_by_role("button", name="Delete collection").click()
    await expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Delete collection")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Delete for good").click()

    await expect(page.get_by_role("heading", level=1, name="Collections")).to_be_visible()
    await expect(page.get_by_role("link", name="Short-lived", exact=True)).to_have_count(0)


async def test_collections_are_searched_in_the_address(collections: Page, studio: Studio) -> None:
    await create(studio, "Needle in the hay", "One")
    await collections.get_by_role("searchbox").fill("needle")

    await expect(collections.get_by_role("list", name="Collections").get_by_role("listitem")).to_have_count(1)
    await expect(collections).to_have_url("/collections?q=needle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_collections_have_no_serious_fault_for_who_cannot_see_them(
    open_page: Opener, studio: Studio, tmp_path: Path, scheme: str
) -> None:
    collection_id = await create(studio, f"Seen in {scheme}", "One", "Two")
    page = await open_page("/collections", color_scheme=scheme, reduced_motion="reduce")
    await expect(page.get_by_role("list", name="Collections")).to_be_visible()
    assert await grave_faults(page) == []
    await page.get_by_label("File to import").set_input_files(file_with(tmp_path, {"name": "One"}))
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await grave_faults(page) == []
    for address in (f"/collections/{collection_id}", "/collections/new"):
        await page.goto(address)
        await page.get_by_text("Own model and parameters").first.click()
        await page.get_by_label("Parameters").first.fill("seed: 7")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("This is no JSON object.")).to_be_visible()
        assert await grave_faults(page) == [], address
