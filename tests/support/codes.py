"""Reads QR codes back as a phone's camera does (terminal's text, PNG, SVG), and photographs business cards."""

from __future__ import annotations

import io
import re

import numpy
import segno
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

_PIXELS = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}


def with_code(text: str) -> bytes:
    """A card with a QR code, photographed a little askew: a JPEG."""
    drawn = io.BytesIO()
    segno.make(text).save(drawn, kind="png", scale=5)
    card = Image.new("L", (900, 700), 235)
    card.paste(Image.open(drawn), (150, 60))
    return _photographed(card)


def with_lines(*lines: tuple[int, str]) -> bytes:
    """A printed card, photographed a little askew: a JPEG. Each line has its size in pixels."""
    card = Image.new("L", (1000, 600), 245)
    for number, (size, text) in enumerate(lines):
        ImageDraw.Draw(card).text((80, 40 + 75 * number), text, fill=20, font=ImageFont.load_default(size))
    return _photographed(card)


def _photographed(card: Image.Image) -> bytes:
    output = io.BytesIO()
    card.rotate(1.5, fillcolor=235).save(output, "JPEG", quality=85)
    return output.getvalue()


def read_blocks(shown: str) -> str:
    """What the code in a terminal's text says: a block is light, a gap dark."""
    drawn = [line for line in shown.splitlines() if line.startswith("████")]
    return _decoded([[_PIXELS[each][half] for each in line] for line in drawn for half in (0, 1)])


def read_png(data: bytes) -> str:
    """What the code in a PNG says."""
    return _decoded(numpy.asarray(Image.open(io.BytesIO(data)).convert("L")) // 255)


def read_svg(text: str) -> str:
    """What the code in an SVG of one path of horizontal strokes says."""
    size = int(re.findall(r'width="(\d+)"', text)[0]) // int(re.findall(r"scale\((\d+)\)", text)[0])
    modules = numpy.ones((size, size), dtype=numpy.uint8)
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", re.findall(r' d="([^"]+)"', text)[0]):
        given = [float(each) for each in re.findall(r"-?\d*\.?\d+", numbers)]
        if command == "h":
            modules[int(y), int(x) : int(x + given[0])] = 0
            x += given[0]
        else:
            x, y = given if command == "M" else (x + given[0], y + given[1])
    return _decoded(modules)


def _decoded(rows: object) -> str:
    picture = numpy.kron(numpy.array(rows, dtype=numpy.uint8) * 255, numpy.ones((8, 8), dtype=numpy.uint8))
    [code] = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    return str(code.text)
