"""What a picture is, decided by decoding alone: never by its name, header or declared type.

Pure functions over bytes from strangers. Run them in a child process (`worker.children`): a decoder
is where hostile bytes do harm, and silencing the decoders' warnings is not safe between threads.
"""

import base64
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from fast_thumbhash import rgba_to_thumb_hash

# The plugins are imported by name: left to itself, Pillow imports all forty to find WebP.
from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

__all__ = ["MOST_PIXELS", "Picture", "PictureRefused", "Reason", "decode", "inspect", "shrink"]

MOST_PIXELS = 40_000_000
PLACEHOLDER_SIDE = 32  # of which ThumbHash keeps seven waves at most; its time goes with the pixels
THUMBNAIL_QUALITY = 80
FORMATS = (
    PngImagePlugin.PngImageFile.format,
    JpegImagePlugin.JpegImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
)
KINDS: dict[str | None, tuple[str, str]] = {
    "PNG": ("image/png", ".png"),
    "JPEG": ("image/jpeg", ".jpg"),
    "MPO": ("image/jpeg", ".jpg"),  # a JPEG with more behind it, as many telephones write them
    "WEBP": ("image/webp", ".webp"),
}
SIDEWAYS = {
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
} | SIDEWAYS

Reason = Literal["unreadable", "too large"]


class PictureRefused(Exception):  # noqa: N818
    """The bytes are no picture that may be stored; `reason` says why, and another try is no use."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not accepted as a picture: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What decoding found; sides in pixels as displayed, `placeholder` a ThumbHash in base64."""

    width: int
    height: int
    content_type: str
    suffix: str
    placeholder: str


def inspect(data: bytes) -> Picture:
    """What these bytes are, after decoding every pixel of the first frame.

    What follows a whole picture is not looked at: serve it with the type found and `nosniff`.
    Raises PictureRefused.
    """
    with _opened(data) as image:
        image.load()
        content_type, suffix = KINDS[image.format]
        orientation = _orientation(image)
        width, height = _displayed(image.size, orientation)
        small = _scaled(image, _within(image.size, PLACEHOLDER_SIDE, PLACEHOLDER_SIDE))
    return Picture(
        width=width,
        height=height,
        content_type=content_type,
        suffix=suffix,
        placeholder=_placeholder(_turned(small, orientation)),
    )


def shrink(data: bytes, width: int) -> bytes:
    """The same picture as a WebP at most `width` pixels wide: upright, never enlarged.

    Everything but the pixels is dropped, the colour profile too. Raises PictureRefused.
    """
    with _opened(data) as image:
        orientation = _orientation(image)
        shown = _displayed(image.size, orientation)
        size = _displayed(_within(shown, width, shown[1]), orientation)
        image.draft("RGB", size)  # a JPEG alone heeds it, and decodes at a half, quarter or eighth
        return _webp(_turned(_scaled(image, size), orientation))


def decode(data: bytes, *, side: int) -> Image.Image:
    """RGB or RGBA pixels, upright, at most `side` wide and high. Raises PictureRefused."""
    with _opened(data) as image:
        orientation = _orientation(image)
        size = _within(image.size, side, side)
        image.draft("RGB", size)
        return _turned(_scaled(image, size), orientation)


@contextmanager
def _opened(data: bytes) -> Iterator[ImageFile.ImageFile]:
    """The picture with only its header read; whatever goes wrong inside is a refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a blemish, such as broken EXIF, is no reason to refuse
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                _refuse_giants(image.size)
                yield image
        except PictureRefused:
            raise
        except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise PictureRefused("too large") from error
        # Decoders meet hostile bytes with nearly every error there is: OSError, SyntaxError,
        # ValueError, EOFError, struct.error, zlib.error, OverflowError and more.
        except Exception as error:
            raise PictureRefused("unreadable") from error


def _refuse_giants(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise PictureRefused("too large")


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG":
        image.load()  # getexif would do it, and a picture that does not decode would be taken for a blank one
    with suppress(Exception):  # unreadable EXIF: browsers show such a picture as it is
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    return 1


def _displayed(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return size[::-1] if orientation in SIDEWAYS else size


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def _within(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    ratio = min(1.0, width / size[0], height / size[1])
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return _plain(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _plain(image: Image.Image) -> Image.Image:
    """Pixels of 8 bits as RGB or RGBA, before scaling: palettes and colour keys do not scale."""
    if image.mode.startswith("I;16"):  # Pillow would clip to white instead of scaling down
        image = image.point(lambda value: value / 256).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)  # convert would copy regardless


def _placeholder(image: Image.Image) -> str:
    rgba = image.convert("RGBA").tobytes()
    thumb_hash = rgba_to_thumb_hash(image.width, image.height, rgba)
    return base64.b64encode(bytes(thumb_hash)).decode()


def _webp(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=THUMBNAIL_QUALITY)
    return stream.getvalue()
