"""A picture made small, as a program of its own: pictures come from strangers, and Pillow reads them with C libraries.

``photo_reduction.py`` runs it: a picture on stdin, a JPEG on stdout, exit code 0; anything else went wrong. It imports
nothing of sharedbook, and gives itself little memory and time before it reads a byte.
"""

from __future__ import annotations

import resource
import sys
import warnings
from io import BytesIO

from PIL import Image, ImageOps

MEMORY_BYTES = 1 << 30
"""50 million pixels take 200 MB, twice that where transparency is blended."""

CPU_SECONDS = 15
FORMATS = ("JPEG", "PNG", "GIF")
LONGEST_SIDE = 1024
SHORTEST_SIDE = 32
QUALITY = 85
PROFILE_BYTES = 16 * 1024
"""A colour profile up to this size stays: without it, what a telephone took looks dull."""


def main() -> None:
    """Arguments: the most bytes that the JPEG may have, the most pixels that the picture may have."""
    most_bytes, most_pixels = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Image.MAX_IMAGE_PIXELS = most_pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    sys.stdout.buffer.write(small(sys.stdin.buffer.read(), most_bytes))


def small(data: bytes, most_bytes: int) -> bytes:
    """A JPEG of at most so many bytes: upright, on white where it is transparent, without EXIF and comments.

    Raises whatever Pillow does for what is no picture; ValueError when none is small enough.
    """
    with Image.open(BytesIO(data), formats=FORMATS) as opened:
        image, profile = _view(opened)
    side = LONGEST_SIDE
    while side >= SHORTEST_SIDE:
        output = BytesIO()
        image.save(output, "JPEG", quality=QUALITY, icc_profile=profile)
        if output.tell() <= most_bytes:
            return output.getvalue()
        side = side * 3 // 4
        image.thumbnail((side, side))
    raise ValueError("no picture is small enough")


def _view(opened: Image.Image) -> tuple[Image.Image, bytes | None]:
    """What a person sees of a picture, in RGB or grey, at most LONGEST_SIDE wide and high; and its colour profile."""
    profile = opened.info.get("icc_profile")
    image = opened
    if image.mode.startswith("I"):  # grey of 16 bits, which a mere convert() would cut off at 255
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGBA")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    elif image.mode == "CMYK":
        image, profile = image.convert("RGB"), None
    image.load()
    image.info = {}  # Pillow would write a comment that it has read
    return image, profile if profile and len(profile) <= PROFILE_BYTES else None


if __name__ == "__main__":
    main()
