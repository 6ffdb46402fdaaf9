"""Bytes made to do harm to whoever decodes them as a picture, or shows what lies in them besides."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable

from PIL import Image

HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, size: tuple[int, int] = (8, 8), pixels: bytes | None = None) -> bytes:
    """RGBA, with these chunks before the pixels."""
    width, height = size
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    rows = zlib.compress(bytes((4 * width + 1) * height)) if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zeros(megabytes: int) -> bytes:
    """As many, deflated to a thousandth."""
    squeezer = zlib.compressobj(9)
    return b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(megabytes)) + squeezer.flush()


def frames(count: int) -> Iterable[bytes]:
    """Of an animated PNG."""
    yield chunk(b"acTL", struct.pack(">II", count, 0))
    for number in range(count):
        yield chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 8, 8, 0, 0, 1, 1, 0, 0))


def encoded(form: str, **how: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(stream, form, **how)
    return stream.getvalue()


def jpeg_claiming(width: int, height: int) -> bytes:
    plain = encoded("JPEG")
    start = plain.index(b"\xff\xc0") + 5
    return plain[:start] + struct.pack(">HH", height, width) + plain[start + 4 :]


def webp_claiming(width: int, height: int) -> bytes:
    canvas = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + canvas + encoded("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        opened.writestr("Evil.class", "evil")
    return stream.getvalue()


def animation(form: str) -> bytes:
    more = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in range(200)]
    return encoded(form, save_all=True, append_images=more)


REFUSED = {
    "a PNG that claims 900 megapixels": png(size=(30_000, 30_000), pixels=zeros(1)),
    "a PNG that claims more than there is": png(size=(2**31 - 1, 2**31 - 1), pixels=zeros(1)),
    "a PNG of no size": png(size=(0, 0), pixels=zeros(1)),
    "a JPEG that claims 4 gigapixels": jpeg_claiming(65_500, 65_500),
    "a JPEG of no size": jpeg_claiming(0, 0),
    "a WebP that claims 256 megapixels": webp_claiming(16_384, 16_384),
    "a profile that swells to 200 MB": png(chunk(b"iCCP", b"x\0\0" + zeros(200))),
    "a text that swells to 200 MB": png(chunk(b"zTXt", b"x\0\0" + zeros(200))),
    "a translated text that swells": png(chunk(b"iTXt", b"x\0\1\0\0\0" + zeros(200))),
    "many texts that swell": png(*[chunk(b"zTXt", b"x\0\0" + zeros(1)[:-6]) for _ in range(100)]),
    "chunks of a length that is not there": png()[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(100),
    "SVG": SVG,
    "SVG behind a declaration": b'<?xml version="1.0"?>' + SVG,
    "SVG, deflated": zlib.compress(SVG),
    "SVG with a PNG's first bytes": b"\x89PNG\r\n\x1a\n" + SVG,
    "HTML": HTML,
    "HTML with a JPEG's first bytes": b"\xff\xd8\xff\xe0" + HTML,
    "HTML with a WebP's first bytes": b"RIFF\xff\xff\x00\x00WEBP" + HTML,
    "a GIF that is a script": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)",
    "an archive": archive(),
    "a PDF": b"%PDF-1.7\n" + encoded("JPEG"),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
    "a TIFF": encoded("TIFF"),
    "an icon": encoded("ICO"),
    "half a PNG": encoded("PNG")[:60],
    "half a JPEG": encoded("JPEG")[:400],
    "half a WebP": encoded("WEBP")[:50],
    "nothing": b"",
    "zeros": bytes(1_000_000),
}
ACCEPTED = {
    "a PNG with HTML behind it": (png() + HTML, "image/png"),
    "a PNG with a script as its text": (png(chunk(b"tEXt", b"x\0" + HTML)), "image/png"),
    "a PNG with an archive behind it": (png() + archive(), "image/png"),
    "a JPEG with an archive behind it": (encoded("JPEG") + archive(), "image/jpeg"),
    "a JPEG with a script as its comment": (encoded("JPEG", comment=HTML), "image/jpeg"),
    "a WebP with HTML behind it": (encoded("WEBP") + HTML, "image/webp"),
    "a PNG that announces 2,000 frames": (png(*frames(2_000)), "image/png"),
    "an animated PNG": (animation("PNG"), "image/png"),
    "an animated WebP": (animation("WEBP"), "image/webp"),
}
