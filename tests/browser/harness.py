"""The real service as a process of its own, and a real Chromium that looks at it."""

import asyncio
import os
import shutil
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

__all__ = ["CHROMIUM", "Studio", "Witness", "find_chromium", "free_port", "grave_faults", "open_browser"]

PROGRAM = Path(sys.executable).with_name("batch-studio")
CHROMIUM = "BATCH_STUDIO_TEST_CHROMIUM"
"""Where Chromium is, for who has it elsewhere; set, it has to be there."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIETLY = (
    "--no-sandbox",  # root has no sandbox to go into, and nothing but this service is visited
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
GRAVE = {"serious", "critical"}
STARTS, ENDS = 90.0, 15.0
START = """
    mutation ($input: StartBatchInput!) {
      startBatch(input: $input) { batchId userErrors { field message } }
    }
"""


def find_chromium() -> str | None:
    """The program, or None. A test's own browser would come from elsewhere: Debian's has its updates."""
    given = os.environ.get(CHROMIUM)
    return given or next(filter(None, map(shutil.which, NAMES)), None)


@asynccontextmanager
async def open_browser(program: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=QUIETLY)
        try:
            yield browser
        finally:
            await browser.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True, kw_only=True)
class Studio:
    """`batch-studio serve` with the demo model, in local mode; it can be killed and started again."""

    folder: Path
    given: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns once it is ready."""
        inherited = {name: value for name, value in os.environ.items() if not _is_a_setting(name)}
        own = {"BATCH_STUDIO_PORT": str(self.port), "BATCH_STUDIO_DATA_DIR": str(self.folder / "data")}
        self.process = await asyncio.create_subprocess_exec(
            PROGRAM, "serve", cwd=self.folder, env=inherited | own | self.given, stdout=PIPE, stderr=DEVNULL
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(STARTS):
            while (line := await self.process.stdout.readline()) != b"ready\n":
                assert line, "The service did not start."

    async def kill(self) -> None:
        """As a machine that loses its power does."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            async with asyncio.timeout(ENDS):
                await self.process.wait()

    async def ask(self, document: str, **variables: object) -> dict[str, Any]:
        """Over the API, as the local user, whom the pages have too."""
        async with httpx.AsyncClient(base_url=self.address, timeout=30) as client:
            local = await client.post("/local/token", headers={"origin": self.address})
            answer = await client.post(
                "/graphql",
                json={"query": document, "variables": variables},
                headers={"authorization": f"Bearer {local.json()['token']}"},
            )
        told = answer.json()
        assert "errors" not in told, told
        return dict(told["data"])

    async def start_batch(self, count: int, *, seconds: float = 0, side: int = 64, **given: object) -> str:
        """A batch of one prompt, quickly made; the id."""
        parameters = {"seconds": seconds, "width": side, "height": side}
        templates = [{"name": "Boat", "prompt": "a boat at dawn"}]
        order = {"templates": templates, "variants": count, "parameters": parameters} | given
        told = (await self.ask(START, input=order))["startBatch"]
        assert told["userErrors"] == []
        return str(told["batchId"])


@dataclass(kw_only=True)
class Witness:
    """What a page complained of, and whom it asked. Without slots: Playwright remembers listeners in it."""

    host: str
    complaints: list[str] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    tolerated: list[str] = field(default_factory=list)
    """Texts that a complaint may hold: of a connection that a test has cut."""

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)
        page.on("websocket", lambda socket: self._meet(socket.url))

    def _hear(self, message: ConsoleMessage) -> None:
        """What the page's policy forbids is told as an error too."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        self._meet(request.url)

    def _meet(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self.host:
            self.strangers.add(address)

    def testify(self) -> None:
        """Raises AssertionError where anything was amiss."""
        heard = [each for each in self.complaints if not any(text in each for text in self.tolerated)]
        assert heard == []
        assert self.strangers == set()


async def grave_faults(page: Page) -> list[tuple[str, object]]:
    """What axe-core finds serious, and where; without motion, or a half faded text has no contrast yet."""
    found = (await Axe().run(page)).response["violations"]
    return [(each["id"], each["nodes"][0]["target"]) for each in found if each["impact"] in GRAVE]


def _is_a_setting(name: str) -> bool:
    return name.startswith("BATCH_STUDIO_") or name in {"DATABASE_URL", "REPLICATE_API_TOKEN"}
