"""What stands on a photographed business card, as a program of its own: pictures come from strangers.

``business_card.py`` runs it: a picture on stdin, JSON on stdout, exit code 0; anything else went wrong. It imports
nothing of sharedbook, and gives itself little memory and time before it reads a byte. A code is decoded
exactly; only where there is none that is a contact, and tesseract is there, the text is read.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import subprocess
import sys
import warnings
from itertools import groupby

import zxingcpp
from PIL import Image, ImageOps

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 30
FORMATS = ("JPEG", "PNG", "GIF")
LONGEST_SIDE = 2400
"""Letters of a card that fills the picture are then about 40 high, which is what tesseract reads best."""

CONTACT = ("BEGIN:VCARD", "MECARD:")
WORD = "5"
"""The level of a word in tesseract's table; the others are its page, blocks and lines."""


def main() -> None:
    """Arguments: the most pixels that the picture may have, the path of tesseract ("" for none), its languages."""
    most_pixels, tesseract, languages = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Image.MAX_IMAGE_PIXELS = int(most_pixels)
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=FORMATS) as opened:
        image = ImageOps.exif_transpose(opened).convert("L")
    codes = [each.text for each in zxingcpp.read_barcodes(image)]
    lines = []
    if tesseract and not any(code.lstrip().startswith(CONTACT) for code in codes):
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        lines = text_of(image, tesseract, languages)
    json.dump({"codes": codes, "lines": lines}, sys.stdout)


def text_of(image: Image.Image, tesseract: str, languages: str) -> list[dict[str, object]]:
    """The lines of a picture: text, the least confidence of its words in percent, and height in pixels."""
    picture = io.BytesIO()
    image.save(picture, "PNG")
    done = subprocess.run(
        [tesseract, "stdin", "stdout", "-l", languages, "--psm", "11", "tsv"],
        input=picture.getvalue(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"OMP_THREAD_LIMIT": "1"},
        check=True,
    )
    rows = csv.DictReader(io.StringIO(done.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = [row for row in rows if row["level"] == WORD and row["text"].strip()]
    found = []
    for _, group in groupby(words, lambda row: (row["block_num"], row["par_num"], row["line_num"])):
        line = list(group)
        found.append(
            {
                "text": " ".join(row["text"] for row in line),
                "confidence": min(int(float(row["conf"])) for row in line),
                "height": max(int(row["height"]) for row in line),
            }
        )
    return found


if __name__ == "__main__":
    main()
