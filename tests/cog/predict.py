"""A tiny model for Cog: paints a gradient, and writes into the picture which inputs it came from."""

import hashlib
import json
import os
import struct
import tempfile
import time
import zlib

from cog import BaseRunner, Input, Path


class Predictor(BaseRunner):
    """`.cog/openapi_schema.json` beside this file tells the same inputs, as `cog build` writes it."""

    def setup(self) -> None:
        self.runs = 0

    def run(
        self,
        prompt: str = Input(description="What to paint; it chooses the colours."),
        seed: int = Input(description="Another seed, other colours.", default=0, ge=0),
        width: int = Input(description="Pixels from left to right.", default=256, ge=16, le=2048),
        height: int = Input(description="Pixels from top to bottom.", default=256, ge=16, le=2048),
        seconds: float = Input(description="How long it takes.", default=0.2, ge=0),
        fail: str = Input(description="The run fails with this text; `exit` ends the model.", default=""),
        image: Path | None = Input(description="A picture to take after.", default=None),  # noqa: B008
    ) -> Path:
        self.runs += 1
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.01)
        if fail == "exit":
            os._exit(1)
        if fail:
            raise RuntimeError(fail)
        story = {
            "run": self.runs,
            "prompt": prompt,
            "seed": seed,
            "image": hashlib.sha256(image.read_bytes()).hexdigest() if image else None,
        }
        colours = hashlib.sha256(f"{prompt} {seed}".encode()).digest()
        with tempfile.NamedTemporaryFile(suffix=".png", delete=False) as painted:
            painted.write(paint(width, height, colours, json.dumps(story)))
        return Path(painted.name)


def paint(width: int, height: int, colours: bytes, story: str) -> bytes:
    """A PNG whose left fades into its right, with the story as its text."""
    left, right = colours[:3], colours[3:6]
    row = b"\0" + bytes(
        (a * (width - x) + b * x) // width for x in range(width) for a, b in zip(left, right, strict=True)
    )
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"tEXt": b"story\0" + story.encode("latin-1"),
        b"IDAT": zlib.compress(row * height),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks.items())


def chunk(kind: bytes, data: bytes) -> bytes:
    """One of a PNG's chunks: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
