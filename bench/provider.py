"""The stand-in for Replicate, in a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Provider", "standing_in"]

ROOT = Path(__file__).parent.parent
MODEL = "black-forest-labs/flux-schnell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where it answers, until the end of the block."""

    address: str

    def settings(self, *, creates_per_minute: int) -> dict[str, object]:
        """Those of a service that makes its images there."""
        return {
            "REPLICATE_API_TOKEN": "r8_bench",
            "BATCH_STUDIO_REPLICATE_URL": self.address,
            "BATCH_STUDIO_MODELS": MODEL,
            "BATCH_STUDIO_CREATES_PER_MINUTE": creates_per_minute,
        }

    async def stats(self) -> dict[str, Any]:
        """What it has counted itself."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.address}/stats")
        counted: dict[str, Any] = answer.raise_for_status().json()
        return counted


@asynccontextmanager
async def standing_in(**behaviour: object) -> AsyncIterator[Provider]:
    """Behaves as told: each is an option of tests/standin/replicate.py."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        ROOT / "tests/standin/replicate.py",
        *(f"--{name}={value}" for name, value in {"port": 0, **behaviour}.items()),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        if not line:
            raise SystemExit("The stand-in did not start.")
        yield Provider(address=line.removeprefix("stand-in at ").strip())
    finally:
        process.terminate()
        await process.wait()
