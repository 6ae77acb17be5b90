"""Every format that a batch can be written in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Final

from gifting.domain.journals import batches, netsuite, neutral, plaintext, quickbooks, xero

RENDERERS: Final[Mapping[batches.Format, Callable[[batches.Batch], tuple[batches.File, ...]]]] = {
    batches.Format.XERO: xero.render,
    batches.Format.QBO: quickbooks.render,
    batches.Format.NETSUITE: netsuite.render,
    batches.Format.CSV: neutral.render_csv,
    batches.Format.JSON: neutral.render_json,
    batches.Format.HLEDGER: plaintext.render_hledger,
    batches.Format.BEANCOUNT: plaintext.render_beancount,
}


def render(batch: batches.Batch, written_as: batches.Format) -> tuple[batches.File, ...]:
    """Write the batch in a format; raises JournalUnusable and CellUnusable."""
    return RENDERERS[written_as](batch)


def content_sha256(batch: batches.Batch) -> str:
    """Return the fingerprint of what the batch says, in whatever format."""
    plain = json.dumps(neutral.as_plain(batch), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def sha256(content: bytes) -> str:
    """Return the fingerprint of a file."""
    return hashlib.sha256(content).hexdigest()
