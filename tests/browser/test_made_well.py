"""What everybody can use: by keyboard alone, read aloud, in light and dark, on a phone."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.harness import Studio

pytestmark = pytest.mark.browser

Opener = Callable[..., Awaitable[Page]]
GRAVE = {"serious", "critical"}
BROKEN = {"name": "Storm", "prompt": "a storm", "parameters": {"fail": "Too much wind."}}
CALM = {"name": "Calm", "prompt": "a calm sea"}
IMAGES = "query ($id: ID!) { batch(id: $id) { images(first: 1) { nodes { id } } } }"


@pytest.fixture(scope="module")
async def addresses(studio: Studio, browser: Any) -> dict[str, str]:
    """The main pages, with something on them."""
    batch_id = await studio.start_batch(1, templates=[BROKEN, CALM])
    context = await browser.new_context(base_url=studio.address)
    page = await context.new_page()
    await page.goto(f"/batches/{batch_id}")
    await expect(page.get_by_text("Done in part", exact=True)).to_be_visible()
    await context.close()
    image_id = (await studio.ask(IMAGES, id=batch_id))["batch"]["images"]["nodes"][0]["id"]
    collection = (await studio.ask("{ collections(first: 1) { nodes { id } } }"))["collections"]["nodes"][0]
    return {
        "studio": "/",
        "composed": f"/?collection={collection['id']}",
        "batch": f"/batches/{batch_id}",
        "history": "/history",
        "image": f"/images/{image_id}",
        "collections": "/collections",
        "collection": f"/collections/{collection['id']}",
        "absent": "/batches/0a5c1e00-0000-7000-8000-000000000999",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_main_page_has_a_serious_fault_for_who_cannot_see_it(
    addresses: dict[str, str], open_page: Opener, scheme: str
) -> None:
    # Without motion: a picture that is half faded in has no contrast yet.
    page = await open_page("/", color_scheme=scheme, reduced_motion="reduce")
    for name, address in addresses.items():
        await page.goto(address)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.wait_for_load_state("networkidle")
        found = (await Axe().run(page)).response["violations"]
        grave = [(each["id"], each["nodes"][0]["target"]) for each in found if each["impact"] in GRAVE]
        assert grave == [], name


async def test_no_main_page_is_wider_than_a_phone(addresses: dict[str, str], open_page: Opener) -> None:
    page = await open_page("/", viewport={"width": 360, "height": 740})
    for name, address in addresses.items():
        await page.goto(address)
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, name


async def test_a_batch_is_made_by_keyboard_alone(page: Page) -> None:
    await go_to(page, "Write a prompt")
    await page.keyboard.press("Enter")
    await page.keyboard.type("a harbour")
    await go_to(page, "Model inputs")
    await page.keyboard.press("Enter")
    await go_to(page, "Width")
    await page.keyboard.type("64")
    await go_to(page, "Height")
    await page.keyboard.type("64")
    await go_to(page, "Images of each prompt")
    await page.keyboard.press("Control+A")
    await page.keyboard.type("2")
    await expect(page.get_by_text("2 images")).to_be_visible()
    await go_to(page, "Start")
    await page.keyboard.press("Enter")

    await expect(page.get_by_text("2 of 2 made").first).to_be_visible()
    await go_to(page, "a harbour")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/images/*")


async def go_to(page: Page, name: str) -> None:
    """Tab by Tab to what is called so; whatever has the focus on the way shows it."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        label, outline = await page.evaluate(FOCUSED)
        assert outline != "none", label
        if name in label:
            return
    raise AssertionError(f"Tab does not reach {name}.")


FOCUSED = """() => {
  const it = document.activeElement;
  if (it === document.body) return ['', 'the body has none'];
  const own = getComputedStyle(it).outlineStyle;
  const around = it.closest('label') && getComputedStyle(it.closest('label')).outlineStyle;
  const picture = it.querySelector('img[alt]:not([alt=""])');
  const label = it.getAttribute('aria-label') ?? it.labels?.[0]?.innerText ?? picture?.alt ?? it.innerText;
  return [label ?? it.tagName, own === 'none' && around ? around : own];
}"""
