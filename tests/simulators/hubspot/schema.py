"""The object types of the simulated portal, their properties, pipelines and association labels."""

from __future__ import annotations

from typing import Any, Final

_STAMPS: Final = ("createdate", "hs_lastmodifieddate", "hs_object_id", "hs_merged_object_ids")
_ENGAGEMENT: Final = (
    "hs_timestamp",
    "hs_createdate",
    "hs_lastmodifieddate",
    "hs_object_id",
    "hubspot_owner_id",
    "hs_body_preview",
)

PROPERTIES: Final[dict[str, tuple[str, ...]]] = {
    "companies": (
        *_STAMPS,
        "name",
        "domain",
        "industry",
        "country",
        "numberofemployees",
        "annualrevenue",
        "hs_parent_company_id",
        "hubspot_owner_id",
    ),
    "contacts": (
        "createdate",
        "lastmodifieddate",
        "hs_object_id",
        "hs_merged_object_ids",
        "hs_calculated_merged_vids",
        "email",
        "firstname",
        "lastname",
        "jobtitle",
        "lifecyclestage",
        "associatedcompanyid",
        "hubspot_owner_id",
    ),
    "deals": (
        *_STAMPS,
        "dealname",
        "dealstage",
        "pipeline",
        "amount",
        "deal_currency_code",
        "amount_in_home_currency",
        "closedate",
        "hs_is_closed",
        "hs_is_closed_won",
        "dealtype",
        "hubspot_owner_id",
        "hs_deal_stage_probability",
    ),
    "notes": (*_ENGAGEMENT, "hs_note_body", "tribute_send_id"),
    "emails": (*_ENGAGEMENT, "hs_email_subject", "hs_email_direction", "hs_email_status"),
    "meetings": (*_ENGAGEMENT, "hs_meeting_title", "hs_meeting_outcome"),
    "calls": (*_ENGAGEMENT, "hs_call_title", "hs_call_disposition"),
    "tasks": (*_ENGAGEMENT, "hs_task_subject", "hs_task_status"),
    "tribute_gifts": (*_STAMPS, "tribute_send_id", "status", "cost", "currency", "url"),
}
TYPE_IDS: Final = {
    "0-1": "contacts",
    "0-2": "companies",
    "0-3": "deals",
    "0-4": "notes",
    "0-49": "emails",
    "0-47": "meetings",
    "0-48": "calls",
    "0-27": "tasks",
    "2-1": "tribute_gifts",
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
    "note": "notes",
}
UNIQUE: Final = {
    "contacts": ("email",),
    "notes": ("tribute_send_id",),
    "tribute_gifts": ("tribute_send_id",),
}
SCOPES: Final = {
    "deals": "crm.objects.deals.read",
    "contacts": "crm.objects.contacts.read",
    "companies": "crm.objects.companies.read",
    "owners": "crm.objects.owners.read",
}

PIPELINES: Final[tuple[dict[str, Any], ...]] = (
    {
        "id": "default",
        "label": "Sales Pipeline",
        "displayOrder": 0,
        "archived": False,
        "stages": [
            {
                "id": of,
                "label": label,
                "displayOrder": order,
                "archived": False,
                "metadata": {"isClosed": closed, "probability": probability},
            }
            for order, (of, label, closed, probability) in enumerate(
                (
                    ("appointmentscheduled", "Appointment Scheduled", "false", "0.2"),
                    ("qualifiedtobuy", "Qualified To Buy", "false", "0.4"),
                    ("presentationscheduled", "Presentation Scheduled", "false", "0.6"),
                    ("contractsent", "Contract Sent", "false", "0.9"),
                    ("closedwon", "Closed Won", "true", "1.0"),
                    ("closedlost", "Closed Lost", "true", "0.0"),
                )
            )
        ],
    },
)


def stamp_name(kind: str) -> str:
    """Contacts alone call their stamp otherwise."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def created_name(kind: str) -> str:
    return "createdate" if "createdate" in PROPERTIES[kind] else "hs_createdate"


def plural(kind: str) -> str | None:
    """Return the name that a path's word stands for, or None for an unknown type."""
    kind = TYPE_IDS.get(kind, kind)
    return kind if kind in PROPERTIES else None
