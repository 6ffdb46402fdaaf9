"""The playground: what it opens with runs as it is."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.harness import Studio

pytestmark = pytest.mark.browser

Opener = Callable[..., Awaitable[Page]]


@pytest.fixture
async def playground(open_page: Opener) -> Page:
    page = await open_page("/graphiql", viewport={"width": 1280, "height": 800})
    # The editor is there once its text is.
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("LookAtHistory")
    return page


async def run(page: Page, tab: str) -> None:
    chosen = page.get_by_role("tab", name=tab)
    if await chosen.get_attribute("aria-selected") != "true":
        await chosen.click()
        # GraphiQL reads the operation's name a moment after its text has changed, and keeps the text then.
        await page.wait_for_function("tab => localStorage['graphiql:query']?.includes(tab)", arg=tab)
    await page.get_by_role("button", name="Execute query").click()


async def test_the_query_runs_as_it_is(playground: Page) -> None:
    await run(playground, "LookAtHistory")

    await expect(playground.locator(".result-window")).to_contain_text('"batches"')


async def test_the_mutation_runs_as_it_is_and_the_subscription_tells_of_it(
    playground: Page, studio: Studio
) -> None:
    await run(playground, "WatchHistory")
    await expect(playground.get_by_role("button", name="Stop query")).to_be_visible()
    await studio.start_batch(1)
    await expect(playground.locator(".result-window")).to_contain_text('"historyUpdates"')

    await playground.get_by_role("button", name="Stop query").click()
    await run(playground, "StartBatch")
    await expect(playground.locator(".result-window")).to_contain_text('"batchId"')
    await expect(playground.locator(".result-window")).to_contain_text('"userErrors": []')
