"""The colours of a picture: a harmony of its own, or those of a reference.

Mixed in Oklab, where equal steps look equal: https://bottosson.github.io/posts/oklab/
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from worker.pictures import decode

__all__ = ["SHADES", "borrowed", "harmony", "make_ramp"]

STOPS = 5
SHADES = 1024
Stops = npt.NDArray[np.float64]
"""STOPS colours in Oklab, dark to light."""

LMS = np.array([[0.41222, 0.53633, 0.05145], [0.2119, 0.6807, 0.1074], [0.0883, 0.28172, 0.62998]])
LAB = np.array([[0.21045, 0.79362, -0.00407], [1.978, -2.42859, 0.45059], [0.0259, 0.78277, -0.80867]])
FROM_LAB, FROM_LMS = np.linalg.inv(LAB).T, np.linalg.inv(LMS).T


def _oklab(rgb: Stops) -> Stops:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab: Stops = np.cbrt(linear @ LMS.T) @ LAB.T
    return lab


def _srgb(lab: Stops) -> Stops:
    linear = np.clip((lab @ FROM_LAB) ** 3 @ FROM_LMS, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def harmony(dice: np.random.Generator) -> Stops:
    """STOPS neighbouring hues, from teal, blue, violet or red in the dark: a dark yellow is only mud."""
    steps = np.linspace(0, 1, STOPS)
    spread = dice.uniform(60, 150) * dice.choice([-1, 1])
    hues = np.radians(dice.uniform(175, 390) + spread * steps)
    lightness = dice.uniform(0.17, 0.27) * (1 - steps) + dice.uniform(0.90, 0.96) * steps
    chroma = dice.uniform(0.11, 0.18) * np.array([0.6, 1.0, 1.0, 0.8, 0.4])
    return np.stack([lightness, chroma * np.cos(hues), chroma * np.sin(hues)], axis=1)


def borrowed(reference: bytes) -> Stops:
    """STOPS dominant colours of the reference, spread out in lightness where it has little contrast.

    Raises PictureRefused.
    """
    few = decode(reference, side=64).convert("RGB").quantize(STOPS, kmeans=2).convert("RGB")
    found = _oklab(np.unique(np.asarray(few).reshape(-1, 3), axis=0) / 255)
    stops = _resampled(found[np.argsort(found[:, 0])], STOPS)
    dark, light = stops[0, 0], stops[-1, 0]
    even = np.linspace(0, 1, STOPS)
    rise = (stops[:, 0] - dark) / (light - dark) if light - dark > 0.02 else even
    stops[:, 0] = min(dark, 0.25) * (1 - rise) + max(light, 0.88) * rise
    return stops


def make_ramp(stops: Stops) -> npt.NDArray[np.floating[Any]]:
    """SHADES colours of shape (3, SHADES), rounded off at the stops so that no kink shows."""
    soft = np.hanning(129) / np.hanning(129).sum()
    padded = np.pad(_resampled(stops, SHADES), ((64, 64), (0, 0)), mode="edge")
    lab = np.stack([np.convolve(channel, soft, "valid") for channel in padded.T], axis=1)
    return np.ascontiguousarray(_srgb(lab).T, dtype=np.float32)


def _resampled(stops: Stops, count: int) -> Stops:
    at = np.linspace(0, len(stops) - 1, count)
    return np.stack([np.interp(at, np.arange(len(stops)), channel) for channel in stops.T], axis=1)
