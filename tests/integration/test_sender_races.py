"""Whoever tells a cost and whoever corrects who sent it wait for each other."""

from __future__ import annotations

import threading

from django.db import connections

from gifting import models
from gifting.domain import access, cuts
from gifting.selectors import consolidated
from gifting.services import tenancy
from tests.factories import organizations, sends


def test_a_cost_and_a_correction_of_its_sender_at_once_leave_no_difference(
    committed_db: None,
) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        send = sends.make_send(sender_reference="before")
        sends.make_cost_line(send, 10_00)
    charged = threading.Event()

    def correct() -> None:
        charged.wait()
        with tenancy.organization(organization.id):
            models.Send.objects.filter(id=send.pk).update(sender_reference="after")
        connections.close_all()

    other = threading.Thread(target=correct)
    other.start()
    with tenancy.organization(organization.id):
        sends.make_cost_line(send, 25_00)
        # The other waits for this transaction, or its sum would miss the new line.
        charged.set()
        other.join(timeout=0.3)
    other.join()

    with tenancy.organization(organization.id):
        actor = access.Actor.system(organization_id=organization.id)
        assert consolidated.differences(actor=actor) == ()
        assert {
            row.keys[0].label: row.amount.amount_minor
            for row in consolidated.get(actor=actor, cut=cuts.Dimension.PERSON).slices
        } == {"after": 25_00, "before": 0, "(none)": 0}
