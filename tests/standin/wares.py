"""What the stand-in offers: models with their schemas, and pictures that differ by their input."""

import hashlib
import struct
import zlib
from email import message_from_bytes
from typing import Any

__all__ = ["MODELS", "model", "picture", "uploaded", "version_of"]

MODELS = (
    "black-forest-labs/flux-schnell",
    "black-forest-labs/flux-dev",
    "black-forest-labs/flux-1.1-pro",
    "black-forest-labs/flux-kontext-pro",
    "google/nano-banana",
    "stability-ai/sdxl",
)
URI = {"type": "string", "format": "uri"}
IMAGES: dict[str, dict[str, Any]] = {
    "black-forest-labs/flux-schnell": {},
    "black-forest-labs/flux-1.1-pro": {"image_prompt": URI | {"nullable": True}},
    "black-forest-labs/flux-kontext-pro": {"input_image": {"anyOf": [URI, {"type": "null"}]}},
    "google/nano-banana": {"image_input": {"type": "array", "items": URI, "default": []}},
}
SEEDLESS = frozenset({"google/nano-banana"})
SIDE = 64


def version_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def model(name: str) -> dict[str, Any]:
    """As GET /v1/models/{owner}/{name} answers."""
    owner, short = name.split("/")
    return {
        "url": f"https://replicate.com/{name}",
        "owner": owner,
        "name": short,
        "visibility": "public",
        "latest_version": {
            "id": version_of(name),
            "created_at": "2024-08-01T00:00:00.000000Z",
            "cog_version": "0.9.20",
            "openapi_schema": {"openapi": "3.0.2", "components": {"schemas": _schemas(name)}},
        },
    }


def _schemas(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "prompt": {"type": "string", "x-order": 0},
        "aspect_ratio": {"allOf": [{"$ref": "#/components/schemas/aspect_ratio"}], "default": "1:1"},
        "num_outputs": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
        "width": {"type": "integer", "minimum": 64, "maximum": 2048},
        "mask": URI,
    }
    properties |= IMAGES.get(name, {"image": URI})
    if name not in SEEDLESS:
        properties["seed"] = {"type": "integer", "description": "Random by default."}
    return {
        "Input": {"type": "object", "title": "Input", "required": ["prompt"], "properties": properties},
        "Output": {"type": "array", "items": URI},
        "aspect_ratio": {"enum": ["1:1", "16:9", "9:16"], "type": "string"},
    }


def picture(text: str) -> bytes:
    """A small PNG of one colour, its text in it: other bytes for every other text."""
    colour = hashlib.sha256(text.encode()).digest()[:3]
    rows = (b"\0" + colour * SIDE) * SIDE
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)),
            _chunk(b"tEXt", b"Comment\0" + text.encode("latin-1", "replace")),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def uploaded(content_type: str, body: bytes) -> tuple[str, bytes] | None:
    """The type and the data of a form's part named content; None where it has none."""
    form = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    for part in form.walk():
        if part.get_param("name", header="content-disposition") == "content":
            data = part.get_payload(decode=True)
            return part.get_content_type(), data if isinstance(data, bytes) else b""
    return None
