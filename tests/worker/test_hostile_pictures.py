"""Bytes made to do harm are decoded in a child, end as a refusal or a plain picture, and cost no child."""

import io
import os
from collections.abc import AsyncIterator
from functools import partial

import pytest
from PIL import Image

from tests.hostile.pictures import ACCEPTED, REFUSED, png
from worker.children import Children
from worker.pictures import Picture, PictureRefused, inspect, shrink


@pytest.fixture(scope="module")
async def home() -> AsyncIterator[Children]:
    """A child with the limits of the service."""
    async with Children(1) as children:
        yield children


@pytest.fixture
async def one_child(home: Children) -> AsyncIterator[Children]:
    """The same child before and after: it was neither killed nor did it die."""
    pid = await home.run(os.getpid)
    yield home
    assert await home.run(os.getpid) == pid


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
async def test_what_is_no_plain_picture_is_refused(data: bytes, one_child: Children) -> None:
    for look in (inspect, partial(shrink, width=200)):
        with pytest.raises(PictureRefused):
            await one_child.run(look, data)


@pytest.mark.parametrize(("data", "content_type"), ACCEPTED.values(), ids=ACCEPTED)
async def test_what_else_lies_in_a_picture_changes_nothing(
    data: bytes, content_type: str, one_child: Children
) -> None:
    """It is stored as what it decodes as, and its smaller copy has nothing but the pixels."""
    picture = await one_child.run(inspect, data)
    small = await one_child.run(shrink, data, 200)

    assert isinstance(picture, Picture)
    assert picture.content_type == content_type
    assert not [word for word in (b"script", b"Evil") if word in small]


async def test_the_largest_picture_fits_into_a_child(one_child: Children) -> None:
    """40 megapixels of four channels, which a few kilobytes can hold."""
    largest = png(size=(8_000, 5_000))

    assert (await one_child.run(inspect, largest)).width == 8_000
    assert Image.open(io.BytesIO(await one_child.run(shrink, largest, 400))).size == (400, 250)
