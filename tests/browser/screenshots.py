"""Photographs the main pages into docs/images, from the real service with sample batches."""

import asyncio
import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Page, expect

from tests.browser.harness import Studio, find_chromium, open_browser

IMAGES = Path(__file__).parents[2] / "docs/images"
LARGEST = 150_000
SCREENS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
SCHEMES = ("light", "dark")
SIDE = 512
SUBJECTS = {"subject": ["a fox", "an owl"]}
SCENES = (
    "Harbour at dawn",
    "Snow on the pass",
    "Greenhouse",
    "Night market",
    "Desert road",
    "Tide pool",
)
COLLECTIONS = "{ collections(first: 10) { nodes { id name } } }"
FIRST_IMAGE = "query ($id: ID!) { batch(id: $id) { status images(first: 1) { nodes { id } } } }"
MARK = """
    mutation ($id: ID!) {
      updateBatch(input: {id: $id, favorite: true, tags: ["autumn", "for print"]}) { userErrors { message } }
    }
"""


def main() -> None:
    program = find_chromium()
    assert program is not None, "There is no Chromium: apt-get install chromium."
    with tempfile.TemporaryDirectory(prefix="batch-studio-screenshots-") as folder:
        # The database's own user has to reach what is in it.
        Path(folder).chmod(0o711)
        asyncio.run(photograph_all(program, Studio(folder=Path(folder), given={})))


async def photograph_all(program: str, studio: Studio) -> None:
    try:
        await studio.start()
        addresses = await prepare(studio)
        async with open_browser(program) as browser:
            for screen, options in SCREENS.items():
                for scheme in SCHEMES:
                    context = await browser.new_context(
                        base_url=studio.address, color_scheme=scheme, reduced_motion="reduce", **options
                    )
                    await photograph(await context.new_page(), addresses, f"{screen}-{scheme}")
                    await context.close()
    finally:
        await studio.stop()


async def prepare(studio: Studio) -> dict[str, str]:
    """Batches that are done, and one that stays half done; where each page then is."""
    collections = {
        each["name"]: each["id"] for each in (await studio.ask(COLLECTIONS))["collections"]["nodes"]
    }
    done = [
        await studio.start_batch(2, side=SIDE, templates=None, collectionId=id) for id in collections.values()
    ]
    scenes = [{"name": name, "prompt": f"{name}, {{{{subject}}}}, gouache"} for name in SCENES]
    done.append(
        await studio.start_batch(1, side=SIDE, templates=scenes, variables=SUBJECTS, title="Foxes and owls")
    )
    await studio.ask(MARK, id=done[-1])
    for batch_id in done:
        await finished(studio, batch_id)
    half = await studio.start_batch(2, side=SIDE, templates=half_done(), title="Postcards")
    image = (await studio.ask(FIRST_IMAGE, id=done[-1]))["batch"]["images"]["nodes"][0]["id"]
    return {
        "studio": f"/?collection={collections['Portrait Studio']}",
        "batch": f"/batches/{half}",
        "history": "/history",
        "image": f"/images/{image}",
        "collections": "/collections",
        "graphiql": "/graphiql",
    }


def half_done() -> list[dict[str, Any]]:
    """Most of these are made at once, one fails, and the last take an hour."""
    ends = [{}, {}, {}, {"fail": "The model found nothing to draw."}, {"seconds": 3600}, {"seconds": 3600}]
    return [
        {"name": name, "prompt": f"{name}, linocut", "parameters": parameters}
        for name, parameters in zip(SCENES, ends, strict=True)
    ]


async def finished(studio: Studio, batch_id: str) -> None:
    async with asyncio.timeout(120):
        while (await studio.ask(FIRST_IMAGE, id=batch_id))["batch"]["status"] != "SUCCEEDED":
            await asyncio.sleep(0.2)


async def photograph(page: Page, addresses: dict[str, str], screen: str) -> None:
    for name, address in addresses.items():
        await page.goto(address)
        await settle(page, name)
        save(await page.screenshot(), IMAGES / f"{name}-{screen}.png")


async def settle(page: Page, name: str) -> None:
    """Until all that belongs on it is there."""
    if name == "graphiql":
        await expect(page.locator(".graphiql-query-editor")).to_contain_text("LookAtHistory")
        if await page.get_by_role("button", name="Execute query").is_visible():
            await page.get_by_role("button", name="Execute query").click()
            await expect(page.locator(".result-window")).to_contain_text('"batches"')
        return
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    if name == "studio":
        await expect(page.get_by_text("6 images")).to_be_visible()
    if name == "batch":
        await expect(page.get_by_text("6 of 12 made, 2 failed").first).to_be_visible()
    await page.wait_for_load_state("networkidle")
    await expect(page.locator("img[data-state=loading]:visible")).to_have_count(0)


def save(picture: bytes, path: Path) -> None:
    """With as many colours as the size allows."""
    path.parent.mkdir(exist_ok=True)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 64, 32):
        packed = io.BytesIO()
        image.quantize(colours, method=Image.Quantize.MEDIANCUT, kmeans=3).save(packed, "PNG", optimize=True)
        if packed.tell() < LARGEST:
            break
    path.write_bytes(packed.getvalue())


if __name__ == "__main__":
    main()
