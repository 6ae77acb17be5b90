"""Find out how a file is encoded, in one pass that also seals it with a checksum.

The rule: bytes that are all UTF-8 are UTF-8, with or without a byte order mark. A file with other
bytes is Latin-1 when those outnumber its well-formed UTF-8 letters, and Windows-1252 when it also
uses the bytes that Latin-1 leaves to control codes (curly quotes, the euro sign). A file that is
UTF-8 but for some lines stays UTF-8, and those lines are rejected one by one: reading it whole as
Latin-1 would spoil every good name in silence.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import BinaryIO, Final

from gifting.domain import refusals

BLOCK_BYTES: Final = 1 << 20
UTF_8: Final = "utf-8"
LATIN_1: Final = "latin-1"
WINDOWS_1252: Final = "cp1252"

_OTHER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BROKEN: Final = re.compile("[\udc80-\udcff]")
_LETTERS: Final = re.compile("[^\x00-\x7f\udc80-\udcff]")
_C1: Final = re.compile("[\udc80-\udc9f]")


class FileUnreadable(refusals.Invalid):
    code = "FILE_UNREADABLE"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one pass over a file found."""

    sha256: str
    byte_count: int
    encoding: str
    # Rows are searched for broken text only in files that have any.
    has_broken_text: bool


def inspect(stream: BinaryIO) -> Inspection:
    """Read a file once; raises FileUnreadable for an empty file and for UTF-16."""
    digest = hashlib.sha256()
    decode = codecs.getincrementaldecoder(UTF_8)(errors="surrogateescape").decode
    byte_count = 0
    has_null = False
    found = Counter[str]()
    while block := stream.read(BLOCK_BYTES):
        if byte_count == 0 and block.startswith(_OTHER_MARKS):
            raise FileUnreadable("The file is UTF-16. Save it as CSV UTF-8 and import it again.")
        digest.update(block)
        byte_count += len(block)
        has_null = has_null or b"\0" in block
        found += _odd_characters(decode(block))
    found += _odd_characters(decode(b"", final=True))
    if byte_count == 0:
        raise FileUnreadable("The file is empty. Export it again with its header and rows.")
    return Inspection(
        sha256=digest.hexdigest(),
        byte_count=byte_count,
        encoding=_encoding(found),
        has_broken_text=has_null or found["broken"] > 0,
    )


def _odd_characters(text: str) -> Counter[str]:
    if text.isascii():
        return Counter()
    return Counter(
        broken=len(_BROKEN.findall(text)),
        controls=len(_C1.findall(text)),
        letters=len(_LETTERS.findall(text)),
    )


def _encoding(found: Counter[str]) -> str:
    if found["broken"] <= found["letters"]:
        return UTF_8
    return WINDOWS_1252 if found["controls"] else LATIN_1
