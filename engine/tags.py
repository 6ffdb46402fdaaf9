"""Tags: an owner's own words for a batch."""

import unicodedata
from collections.abc import Iterator, Sequence

from engine.refusals import Refusal, TextRule, refuse_count, refuse_text

__all__ = ["refuse_tags", "tidy_tags"]

TAG_RULE = TextRule(longest=50)
MAX_TAGS = 50


def refuse_tags(tags: Sequence[str]) -> Iterator[Refusal]:
    """Nothing for tags that can be kept."""
    yield from refuse_count(len(tags), ("tags",), most=MAX_TAGS)
    for place, tag in enumerate(tags[:MAX_TAGS]):
        yield from refuse_text(tag, ("tags", str(place)), TAG_RULE)


def tidy_tags(tags: Sequence[str]) -> list[str]:
    """As they are kept: one spelling (NFC), single spaces, in order, each once whatever its case."""
    tidy = (" ".join(unicodedata.normalize("NFC", tag).split()) for tag in tags)
    first: dict[str, str] = {}
    for tag in tidy:
        first.setdefault(tag.casefold(), tag)
    return list(first.values())
