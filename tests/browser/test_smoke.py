"""The Studio in short, in a real browser; `make acceptance` has the rest."""

from playwright.async_api import Page, expect


async def test_a_batch_of_two_is_written_started_and_fills(page: Page) -> None:
    await page.get_by_role("button", name="Write a prompt").click()
    await page.get_by_label("Prompt of Prompt 1").fill("a {{thing}} at dawn")
    await page.get_by_label("{{thing}}").fill("boat\nlighthouse")
    await page.get_by_text("Model inputs").click()
    for side in ("Width", "Height"):
        await page.get_by_label(side).fill("64")
    await expect(page.get_by_text("2 images")).to_be_visible()
    await page.get_by_role("button", name="Start").click()

    images = page.get_by_role("list", name="Images")
    await expect(images.get_by_role("img", name="at dawn")).to_have_count(2)
    await expect(page.get_by_text("2 of 2 made").first).to_be_visible()
