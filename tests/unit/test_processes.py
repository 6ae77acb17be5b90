"""The port of the product is claimed before anything starts."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from config import processes


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_cannot_exist_is_refused_in_one_sentence(port: int) -> None:
    with pytest.raises(CommandError) as refused:
        processes.claim_port(port)

    assert str(refused.value) == f"There is no port {port}. Give 0 to 65535; 0 picks a free one."
