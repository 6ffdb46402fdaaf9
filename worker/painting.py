"""Abstract pictures from a prompt, a seed and a reference's colours: the same each time, no words.

The prompt chooses the style; prompt and seed together its shapes, and the palette too unless
a reference lends one. A style maps places to light and is evaluated in bands of rows, so that
a large picture needs hardly more memory than a small one.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from worker.palette import SHADES, borrowed, harmony, make_ramp

__all__ = ["paint"]

SIDES = range(64, 2048 + 1)
BAND = 1 << 15  # pixels at a time: what fits the processor's cache
GRAIN = 0.006  # in 0..1, just enough to break up banding: the PNG pays for more
VIGNETTE = 0.4
HUFFMAN_ONLY = 2  # zlib's Z_HUFFMAN_ONLY

Dice = np.random.Generator
Floats = npt.NDArray[np.floating[Any]]  # float32 in truth, but the type of a product is float64
Field = Callable[[Floats, Floats], Floats]  # of x (1, columns) and y (rows, 1), 0 in the middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The picture's measures, in units of its short side."""

    wide: float
    high: float
    pixel: float


def paint(prompt: str, *, seed: int, width: int, height: int, reference: bytes | None = None) -> bytes:
    """A PNG of 64 to 2048 pixels a side, for the same arguments the same bytes.

    So on one machine: NumPy's sine may differ in its last bit between processors.
    Raises PictureRefused when the reference is no picture.
    """
    if width not in SIDES or height not in SIDES:
        raise ValueError(f"cannot paint {width} x {height}: a side has 64 to 2048 pixels")
    style = STYLES[_number(prompt) % len(STYLES)]
    dice = np.random.Generator(np.random.PCG64(_number(f"{seed} {prompt}")))
    ramp = make_ramp(harmony(dice) if reference is None else borrowed(reference))
    short = min(width, height)
    frame = Frame(wide=width / short, high=height / short, pixel=1 / short)
    return _png(_rendered(style(dice, ramp, frame), width, height, dice))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest())


def _rendered(shade: Field, width: int, height: int, dice: Dice) -> npt.NDArray[np.uint8]:
    canvas = np.empty((height, width, 3), np.uint8)
    short, bands = min(width, height), math.ceil(width * height / BAND)
    x, y = _middles(width)[None, :], _middles(height)[:, None]
    edges = np.linspace(0, height, bands + 1).astype(int).tolist()
    for top, bottom in pairwise(edges):
        part = y[top:bottom]
        light = shade(x / short, part / short)
        light *= 1 - VIGNETTE * ((x / width) ** 2 + (part / height) ** 2)
        light += GRAIN * (dice.random(light.shape[1:], dtype=np.float32) - 0.5)
        canvas[top:bottom] = (np.clip(light, 0, 1) * 255 + 0.5).transpose(1, 2, 0)
    return canvas


def _middles(count: int) -> Floats:
    """The middles of so many pixels, counted from the middle of them all."""
    return np.arange(count, dtype=np.float32) + np.float32((1 - count) / 2)


def _png(canvas: npt.NDArray[np.uint8]) -> bytes:
    stream = BytesIO()
    # No searching for repeats, which grain has none of: both faster and a fifth smaller.
    Image.fromarray(canvas).save(stream, "PNG", compress_level=1, compress_type=HUFFMAN_ONLY)
    return stream.getvalue()


def _lit(ramp: Floats, tone: Floats) -> Floats:
    """The ramp's light of shape (3, rows, columns), for tones from 0, dark, to 1, bright."""
    light: Floats = ramp.take((np.clip(tone, 0, 1) * (SHADES - 1)).astype(np.intp), axis=1)
    return light


def _cover(light: Floats, colour: Floats | float, amount: Floats) -> None:
    light += (colour - light) * amount


def _step(value: Floats, soft: float) -> Floats:
    """0 below zero and 1 above, with an edge so soft."""
    step: Floats = np.clip(value / soft + 0.5, 0, 1)
    return step


def _smooth(value: Floats) -> Floats:
    value = np.clip(value, 0, 1)
    return value * value * (3 - 2 * value)


def _sharp(value: Floats, squarings: int) -> Floats:
    for _ in range(squarings):
        value = value * value
    return value


def _angles(dice: Dice, count: int) -> list[float]:
    return [dice.uniform(0, math.tau) for _ in range(count)]


def _hills(dice: Dice, frequency: float, count: int) -> Field:
    """Heights in -1..1 from warped waves, each finer and lower than the one before."""
    heading, p, q = _angles(dice, 3)
    bend, twist = dice.uniform(1.5, 3), dice.uniform(1.5, 3)
    waves = []
    for step in range(count):
        k = frequency * 1.35**step * dice.uniform(0.8, 1.2)
        angle = heading + dice.uniform(-1.3, 1.3)
        height = 0.2 * 0.8**step / (1 - 0.8**count)
        waves.append((k * math.cos(angle), k * math.sin(angle), *_angles(dice, 1), height))

    def height_at(x: Floats, y: Floats) -> Floats:
        u = x + 0.35 * np.sin(bend * y + p)
        v = y + 0.35 * np.sin(twist * u + q)
        total: Floats = np.zeros_like(v)
        for a, b, c, height in waves:
            total += height * np.sin(a * u + b * v + c)
        return total

    return height_at


def silk(dice: Dice, ramp: Floats, frame: Frame) -> Field:
    """Cloth in folds: the plane sheared by sines again and again, and lit along the folds."""
    turn, shift = _angles(dice, 2)
    scale, lean = dice.uniform(2.4, 3.4), dice.uniform(0.6, 1.2)
    cosine, sine = math.cos(turn) * scale, math.sin(turn) * scale
    waves = (1.0, 1.7, 2.6, 4.1, 6.3)
    folds = [(k, dice.uniform(0.85, 1.15) / k, *_angles(dice, 2)) for k in waves]

    def shade(x: Floats, y: Floats) -> Floats:
        u, v = cosine * x + sine * y, cosine * y - sine * x
        for k, depth, p, q in folds:
            u += depth * np.sin(k * v + p)
            v += depth * np.sin(k * u + q)
        slope = 0.5 + 0.5 * np.sin(3 * u + 0.8 * v + lean)
        tone = 0.55 + 0.27 * np.sin(u + shift) + 0.18 * np.sin(1.1 * v + shift)
        light = _lit(ramp, tone + 0.1 * slope) * (0.8 + 0.26 * slope)
        _cover(light, 1.05, 0.3 * _sharp(slope, 4))
        return light

    return shade


def ridges(dice: Dice, ramp: Floats, frame: Frame) -> Field:
    """Mountains behind mountains under a low sun, each range paler the farther away it is."""
    horizon, count = dice.uniform(-0.15, 0.08), int(dice.integers(5, 9))
    east, up, radius = dice.uniform(-0.3, 0.3), dice.uniform(0.02, 0.35), dice.uniform(0.04, 0.1)
    zenith, haze = (0.5, 0.97) if dice.random() < 0.6 else (0.12, 0.66)
    nears = [step / count for step in range(1, count + 1)]
    feet = [horizon - 0.1 + (0.52 * frame.high - horizon) * near**1.2 for near in nears]
    crests = [_crest(dice, near, foot) for near, foot in zip(nears, feet, strict=True)]

    def shade(x: Floats, y: Floats) -> Floats:
        away = (x - east) ** 2 + (y - horizon + up) ** 2
        glow = np.exp(-5 * away)
        glow = 0.5 * glow + 0.5 * _sharp(glow, 3)
        disc = _step(radius - np.sqrt(away), frame.pixel)
        sky = zenith + (haze - zenith) * _smooth((y / frame.high + 0.5) / (horizon + 0.6))
        light = _lit(ramp, sky + 0.25 * glow)
        _cover(light, 0.4 * ramp[:, -1, None, None] + 0.6, disc + 0.35 * glow * (1 - disc))
        for near, foot, crest in zip(nears, feet, crests, strict=True):
            mist = 0.45 * _smooth(2 * (y - foot) + 0.1) * (1 - near)
            tone = 0.03 + 0.93 * haze * (1 - near) ** 1.1
            land = _lit(ramp, tone + mist * (haze - tone) + 0.1 * glow * (1 - near))
            _cover(light, land, _step(y - crest(x), frame.pixel))
        return light

    return shade


def _crest(dice: Dice, near: float, foot: float) -> Callable[[Floats], Floats]:
    """The outline of a range of mountains, higher and steeper the nearer it is."""
    frequency, height = dice.uniform(1.6, 3), 0.03 + 0.05 * near
    waves = [(frequency * 1.9**n, height * 0.5**n, *_angles(dice, 2)) for n in range(6)]

    def outline(x: Floats) -> Floats:
        y: Floats = np.full_like(x, foot)
        for k, high, p, q in waves:
            y -= high * (1 - 1.6 * np.abs(np.sin(k * x + p + 0.4 * np.sin(2.3 * k * x + q))))
        return y

    return outline


def strata(dice: Dice, ramp: Floats, frame: Frame) -> Field:
    """Sheets of paper cut along the contours of hills, each throwing its shadow on the next."""
    hills = _hills(dice, dice.uniform(3.2, 5), 5)
    count, bright_below = int(dice.integers(7, 12)), dice.random() < 0.5

    def sheets(x: Floats, y: Floats) -> Floats:
        return (0.5 + 0.8 * hills(x, y)) * count

    def paper(sheet: Floats) -> Floats:
        tone = np.clip((sheet + 0.5) / count, 0.02, 0.98)
        return _lit(ramp, 1 - tone if bright_below else tone)

    def shade(x: Floats, y: Floats) -> Floats:
        here = sheets(x, y)
        sheet = np.floor(here)
        slope = np.hypot(*np.gradient(here)) + 1e-4  # sheets per pixel: keeps the edges crisp
        near, far = sheets(x - 0.014, y - 0.02) - sheet - 1, sheets(x - 0.042, y - 0.06) - sheet - 1
        shadow = 0.25 * np.clip(2.2 * near + 0.15, 0, 1) + 0.22 * np.clip(1.1 * far + 0.1, 0, 1)
        light: Floats = paper(sheet) * (1 - shadow)
        light += 0.1 * np.clip(1 - (here - sheet) / slope / 1.6, 0, 1)
        _cover(light, paper(sheet + 1) + 0.1, np.clip((here - sheet - 1) / slope + 1, 0, 1))
        return light

    return shade


def glass(dice: Dice, ramp: Floats, frame: Frame) -> Field:
    """Glass balls before a gentle gradient, the great ones behind, all lit from one side."""
    hills, night = _hills(dice, 2.2, 3), dice.random() < 0.5
    lean = dice.uniform(-0.7, 0.7)
    lamp = across, down = math.sin(lean), -math.cos(lean)
    count = int(dice.integers(9, 18) * frame.wide * frame.high)
    sizes = [0.014 + 0.36 * 0.09 ** (step / count) for step in range(count)]
    balls = [_ball(dice, ramp, frame, size=size, lamp=lamp, night=night) for size in sizes]

    def shade(x: Floats, y: Floats) -> Floats:
        slant = across * x / frame.wide + down * y / frame.high
        light = _lit(ramp, (0.2 if night else 0.74) + 0.13 * hills(x, y) + 0.28 * slant)
        for ball in balls:
            ball(x, y, light)
        return light

    return shade


def _ball(
    dice: Dice, ramp: Floats, frame: Frame, *, size: float, lamp: tuple[float, float], night: bool
) -> Callable[[Floats, Floats, Floats], None]:
    """Paints one ball over the light that is at x and y: its shadow, body, rim and highlight."""
    left, top = dice.uniform(-0.55, 0.55) * frame.wide, dice.uniform(-0.5, 0.5) * frame.high
    radius, body = size * dice.uniform(0.75, 1.2), dice.uniform(0.45, 0.95)
    tone = dice.uniform(0.45, 1) if night else dice.uniform(0.1, 0.9)
    across, down = lamp

    def ball(x: Floats, y: Floats, light: Floats) -> None:
        rows, columns = _reach(y[:, 0], top, radius), _reach(x[0], left, radius)
        part = light[:, rows, columns]
        if not part.size:
            return
        u, v = (x[:, columns] - left) / radius, (y[rows] - top) / radius
        away, facing = u * u + v * v, 0.5 + 0.5 * (across * u + down * v)
        disc = _step(1 - np.sqrt(away), frame.pixel / radius)
        part *= 1 - 0.25 * _smooth(3.2 - 2.5 * np.hypot(u + 0.12 * across, v + 0.12 * down))
        _cover(part, _lit(ramp, tone + 0.45 * (facing - 0.5)), disc * body * (0.35 + 0.65 * away))
        shine = np.exp(-9 * ((u - 0.42 * across) ** 2 + (v - 0.42 * down) ** 2))
        part += disc * (0.22 * shine + 0.32 * _sharp(away, 3) * facing * facing)

    return ball


def _reach(places: Floats, middle: float, radius: float) -> slice:
    """Which of the places a ball and its shadow touch."""
    ends = np.searchsorted(places, (middle - 1.4 * radius, middle + 1.4 * radius))
    return slice(*ends.tolist())


STYLES = (silk, ridges, strata, glass)
