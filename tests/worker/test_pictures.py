import pickle
import struct
import zlib
from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image

from worker.pictures import Picture, PictureRefused, decode, inspect, shrink

SIDEWAYS = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


def encoded(form: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **how) -> bytes:
    left_to_right = Image.linear_gradient("L").rotate(90).resize(size)
    stream = BytesIO()
    left_to_right.convert(mode).save(stream, form, **how)
    return stream.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize(
    ("form", "content_type", "suffix"),
    [
        ("PNG", "image/png", ".png"),
        ("JPEG", "image/jpeg", ".jpg"),
        ("WEBP", "image/webp", ".webp"),
    ],
)
def test_the_type_is_what_the_bytes_decode_as(form: str, content_type: str, suffix: str) -> None:
    picture = inspect(encoded(form))
    assert (picture.content_type, picture.suffix) == (content_type, suffix)
    assert (picture.width, picture.height) == (60, 40)


def test_the_placeholder_is_a_short_thumbhash() -> None:
    assert 5 <= len(b64decode(inspect(encoded()).placeholder)) <= 25


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
def test_an_extreme_shape_is_a_picture_too(size: tuple[int, int]) -> None:
    assert inspect(encoded(size=size)).width == size[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_can_be_inspected_and_shrunk(mode: str) -> None:
    assert inspect(encoded(mode=mode)).content_type == "image/png"
    assert opened(shrink(encoded(mode=mode), 30)).size == (30, 20)


def test_a_jpeg_for_print_can_be_shrunk() -> None:
    assert opened(shrink(encoded("JPEG", mode="CMYK"), 30)).mode == "RGB"


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    grey = Image.new("I;16", (20, 20), 0x8000)
    stream = BytesIO()
    grey.save(stream, "PNG")
    assert decode(stream.getvalue(), side=20).getpixel((5, 5)) == (128, 128, 128)


def test_a_telephones_jpeg_with_more_pictures_behind_it_is_a_jpeg() -> None:
    several = encoded("MPO", save_all=True, append_images=[Image.new("RGB", (60, 40))])
    assert opened(several).format == "MPO"
    assert inspect(several).content_type == "image/jpeg"


def test_an_animation_is_its_first_frame() -> None:
    red, blue = Image.new("RGB", (60, 40), "red"), Image.new("RGB", (60, 40), "blue")
    stream = BytesIO()
    red.save(stream, "WEBP", save_all=True, append_images=[blue], lossless=True)
    assert decode(stream.getvalue(), side=60).convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert inspect(stream.getvalue()).content_type == "image/webp"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><title>404</title>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>",
        encoded("GIF"),
        encoded("BMP"),
        encoded("PNG", size=(300, 300))[:-100],
        encoded("JPEG", size=(300, 300))[:-100],
        encoded("WEBP", size=(300, 300))[:-100],
        png_claiming(1000, 1000),
    ],
)
def test_what_does_not_decode_is_refused(data: bytes) -> None:
    for look in (inspect, lambda data: shrink(data, 100)):
        with pytest.raises(PictureRefused, match="unreadable"):
            look(data)


@pytest.mark.parametrize("side", [6325, 10_000, 30_000])
def test_a_bomb_is_refused_by_its_header_and_without_a_warning(side: int) -> None:
    with pytest.raises(PictureRefused, match="too large"):
        inspect(png_claiming(side, side))


def test_a_refusal_survives_the_way_out_of_a_child() -> None:
    refusal = pickle.loads(pickle.dumps(PictureRefused("too large")))  # noqa: S301
    assert refusal.reason == "too large"


def test_a_picture_lying_on_its_side_is_measured_as_displayed() -> None:
    picture = inspect(encoded("JPEG", exif=SIDEWAYS))
    assert (picture.width, picture.height) == (40, 60)


def test_broken_exif_is_passed_over() -> None:
    assert isinstance(inspect(encoded("JPEG", exif=b"Exif\0\0nonsense")), Picture)


def test_a_thumbnail_is_an_upright_webp_without_metadata() -> None:
    small = opened(shrink(encoded("JPEG", exif=SIDEWAYS, icc_profile=b"profile"), 20))
    assert (small.format, small.size) == ("WEBP", (20, 30))
    assert not {"exif", "icc_profile", "xmp"} & small.info.keys()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_thumbnail_keeps_the_proportions_and_never_grows(form: str) -> None:
    assert opened(shrink(encoded(form, size=(600, 400)), 300)).size == (300, 200)
    assert opened(shrink(encoded(form, size=(600, 400)), 900)).size == (600, 400)


def test_a_thumbnail_keeps_transparency() -> None:
    stream = BytesIO()
    Image.new("RGBA", (60, 40), (200, 0, 0, 0)).save(stream, "PNG")
    assert opened(shrink(stream.getvalue(), 30)).getpixel((5, 5))[3] == 0


def test_a_thumbnail_higher_than_webp_allows_is_refused() -> None:
    with pytest.raises(PictureRefused):
        shrink(encoded(size=(10, 20_000)), 400)
