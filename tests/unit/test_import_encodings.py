"""The encoding of a file is found out without spoiling a single name."""

from __future__ import annotations

import hashlib
import io

import pytest

from integrations.domain import encodings

NAMES = "Müller,Peña,Straße,Søren\n"


@pytest.mark.parametrize(
    ("content", "encoding", "has_broken_text"),
    [
        (b"plain\n", "utf-8", False),
        (NAMES.encode(), "utf-8", False),
        (NAMES.encode("utf-8-sig"), "utf-8", False),
        (NAMES.encode("latin-1"), "latin-1", True),
        ("“quoted” 5€ Müller\n".encode("cp1252"), "cp1252", True),
        (NAMES.encode() * 3 + b"M\xfcller\n", "utf-8", True),
        (b"nul \0 byte\n", "utf-8", True),
        ("ends in the middle of é".encode()[:-1], "latin-1", True),
    ],
)
def test_an_encoding_is_found(content: bytes, encoding: str, has_broken_text: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    inspection = encodings.inspect(io.BytesIO(content))

    assert inspection.encoding == encoding
    assert inspection.has_broken_text is has_broken_text
    assert inspection.byte_count == len(content)
    assert inspection.sha256 == hashlib.sha256(content).hexdigest()


def test_a_letter_across_two_blocks_is_one_letter() -> None:
    content = b"x" * (encodings.BLOCK_BYTES - 1) + "é".encode() + b"\n"

    inspection = encodings.inspect(io.BytesIO(content))

    assert (inspection.encoding, inspection.has_broken_text) == ("utf-8", False)
