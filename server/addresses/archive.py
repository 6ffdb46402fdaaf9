"""What a batch's zip says of the batch: names of files, and the data from which it can be started again."""

import re
from pathlib import PurePosixPath
from typing import Any

import orjson

from db.session import Record

__all__ = ["batch_data", "file_name", "manifest_line", "reference_name"]

UNREADABLE = re.compile(r"[^\w ,()'-]+")
LONGEST_NAME = 80


def file_name(image: Record, total: int) -> str:
    """The place in the batch first: unique, and in order wherever it is listed."""
    place = str(image["position"] + 1).zfill(len(str(total)))
    if image["output"]:
        place += f".{image['output'] + 1}"
    words = UNREADABLE.sub(" ", image["template_name"] or image["name"]).split()
    title = " ".join(words)[:LONGEST_NAME].strip()
    return f"{place} {title or 'image'}{PurePosixPath(image['url']).suffix}"


def manifest_line(image: Record, file: str) -> bytes:
    """One image: all that a template of startBatch needs, and what came of it."""
    line = {
        "file": file,
        "position": image["position"],
        "templateName": image["template_name"] or image["name"],
        "prompt": image["prompt"],
        "model": image["model"],
        "seed": image["seed"],
        "parameters": image["parameters"],
        "checksum": image["checksum"],
        "contentType": image["content_type"],
        "createdAt": image["created_at"],
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def batch_data(batch: Record) -> bytes:
    """What the images have in common."""
    data: dict[str, Any] = {
        "id": str(batch["id"]),
        "title": batch["title"],
        "collection": batch["collection_name"],
        "model": batch["model"],
        "parameters": batch["parameters"],
        "variables": batch["variables"],
        "tags": batch["tags"],
        "reference": reference_name(batch),
        "createdAt": batch["created_at"],
    }
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def reference_name(batch: Record) -> str | None:
    """The reference's file in the zip; its address on the web, where there is no copy."""
    reference: str | None = batch["reference"]
    if reference is None or reference.startswith("http"):
        return reference
    return f"reference{PurePosixPath(reference).suffix}"
