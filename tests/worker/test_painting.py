from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from worker.painting import paint
from worker.pictures import PictureRefused, inspect

PROMPTS = tuple(f"a lighthouse, view {number}" for number in range(12))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data))).astype(int)


def one_colour(red: int, green: int, blue: int) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (32, 32), (red, green, blue)).save(stream, "PNG")
    return stream.getvalue()


def test_the_same_wish_gives_the_same_bytes() -> None:
    wish = {"seed": 7, "width": 96, "height": 64, "reference": one_colour(200, 40, 60)}
    assert paint("a fox", **wish) == paint("a fox", **wish)


def test_prompt_and_seed_each_change_the_picture() -> None:
    pictures = [paint(prompt, seed=seed, width=64, height=64) for prompt in "ab" for seed in (1, 2)]
    for number, picture in enumerate(pictures):
        for other in pictures[:number]:
            assert np.abs(pixels(picture) - pixels(other)).mean() > 10


@pytest.mark.parametrize("size", [(64, 64), (65, 333), (333, 65), (2048, 64), (64, 2048)])
@pytest.mark.parametrize("prompt", PROMPTS[:4])
def test_a_painting_is_a_png_of_the_size_asked_for(prompt: str, size: tuple[int, int]) -> None:
    picture = inspect(paint(prompt, seed=1, width=size[0], height=size[1]))
    assert (picture.width, picture.height, picture.suffix) == (*size, ".png")


@pytest.mark.parametrize("size", [(63, 64), (64, 2049), (0, 0)])
def test_other_sizes_are_a_mistake(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="64 to 2048"):
        paint("a fox", seed=1, width=size[0], height=size[1])


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_painting_has_contrast(prompt: str) -> None:
    assert pixels(paint(prompt, seed=3, width=64, height=64)).std() > 12


@pytest.mark.parametrize("prompt", PROMPTS[:4])
def test_a_reference_lends_its_colours(prompt: str) -> None:
    for lent in range(3):
        colour = [200 if channel == lent else 30 for channel in range(3)]
        painted = paint(prompt, seed=1, width=64, height=64, reference=one_colour(*colour))
        assert pixels(painted).mean(axis=(0, 1)).argmax() == lent


def test_a_reference_that_is_no_picture_is_refused() -> None:
    with pytest.raises(PictureRefused):
        paint("a fox", seed=1, width=64, height=64, reference=b"<html>")


def test_a_picture_is_one_whole_though_it_is_painted_in_bands() -> None:
    rows = pixels(paint(PROMPTS[0], seed=1, width=512, height=512)).mean(axis=(1, 2))
    assert np.abs(np.diff(rows)).max() < 6
