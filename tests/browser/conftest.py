"""Fixtures for tests in a real browser: a service of their own, and pages that are watched."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from server.embedded import EmbeddedPostgres
from tests.browser.harness import CHROMIUM, Studio, Witness, find_chromium, open_browser
from tests.conftest import cloned

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; a machine may lack it, the one that decides on a merge may not."""
    program = find_chromium()
    if program is None:
        reason = f"There is no Chromium: apt-get install chromium, or its path in {CHROMIUM}."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    async with open_browser(program) as browser:
        yield browser


@pytest.fixture(scope="session")
async def studio(
    browser: Browser, cluster: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Studio]:
    """One for all tests here, on a database of its own."""
    async with cloned(cluster) as urls:
        given = {"DATABASE_URL": urls.login, "BATCH_STUDIO_MIGRATION_URL": urls.owner}
        studio = Studio(folder=tmp_path_factory.mktemp("studio"), given=given)
        await studio.start()
        try:
            yield studio
        finally:
            await studio.stop()


@pytest.fixture
def witness(studio: Studio) -> Witness:
    """Of all pages of a test."""
    return Witness(host=urlsplit(studio.address).netloc)


@pytest.fixture
async def open_page(
    browser: Browser, studio: Studio, witness: Witness
) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Opens a page in a window of its own, with Playwright's options for one; all are watched."""
    contexts = []

    async def opened(path: str = "/", **options: Any) -> Page:
        context = await browser.new_context(base_url=studio.address, **options)
        contexts.append(context)
        page = await context.new_page()
        witness.watch(page)
        await page.goto(path)
        return page

    yield opened
    for context in contexts:
        await context.close()
    witness.testify()


@pytest.fixture
async def page(open_page: Callable[..., Awaitable[Page]]) -> Page:
    """The Studio, in a window of common size."""
    return await open_page("/", viewport={"width": 1280, "height": 800})
