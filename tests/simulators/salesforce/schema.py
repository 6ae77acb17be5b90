"""The objects of the simulated Salesforce org and the fields that each has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SYSTEM: Final = {
    "Id": "id",
    "IsDeleted": "boolean",
    "CreatedDate": "datetime",
    "CreatedById": "reference",
    "LastModifiedDate": "datetime",
    "LastModifiedById": "reference",
    "SystemModstamp": "datetime",
}
# Salesforce has no row of its own time for what never changes.
FIXED: Final = {"Id": "id", "IsDeleted": "boolean", "CreatedDate": "datetime"}


@dataclass(frozen=True, slots=True)
class Object:
    """One kind of record: the start of its ids and its fields with their types."""

    prefix: str
    fields: Mapping[str, str]
    external_ids: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    unfilterable: frozenset[str] = frozenset()


def _object(
    prefix: str,
    fields: Mapping[str, str],
    *,
    system: Mapping[str, str] = SYSTEM,
    external_ids: tuple[str, ...] = (),
    references: Mapping[str, str] | None = None,
    unfilterable: frozenset[str] = frozenset(),
) -> Object:
    return Object(
        prefix=prefix,
        fields={**system, **fields},
        external_ids=external_ids,
        references=references or {},
        unfilterable=unfilterable,
    )


OBJECTS: Final[dict[str, Object]] = {
    "Organization": _object(
        "00D",
        {
            "Name": "string",
            "IsSandbox": "boolean",
            "FiscalYearStartMonth": "int",
            "UsesStartDateAsFiscalYearName": "boolean",
            "TimeZoneSidKey": "picklist",
            "OrganizationType": "picklist",
            "InstanceName": "string",
        },
    ),
    "User": _object("005", {"Name": "string", "Email": "email", "IsActive": "boolean"}),
    "Account": _object(
        "001",
        {
            "MasterRecordId": "reference",
            "Name": "string",
            "ParentId": "reference",
            "Type": "picklist",
            "Industry": "picklist",
            "Website": "url",
            "NumberOfEmployees": "int",
            "AnnualRevenue": "currency",
            "BillingCountry": "string",
            "OwnerId": "reference",
            "CurrencyIsoCode": "picklist",
            "IsPersonAccount": "boolean",
            "PersonContactId": "reference",
            "PersonEmail": "email",
        },
        references={"Parent": "ParentId", "Owner": "OwnerId"},
    ),
    "Contact": _object(
        "003",
        {
            "MasterRecordId": "reference",
            "AccountId": "reference",
            "FirstName": "string",
            "LastName": "string",
            "Email": "email",
            "Title": "string",
            "OwnerId": "reference",
            "CurrencyIsoCode": "picklist",
        },
        references={"Account": "AccountId", "Owner": "OwnerId"},
    ),
    "Lead": _object(
        "00Q",
        {
            "MasterRecordId": "reference",
            "FirstName": "string",
            "LastName": "string",
            "Email": "email",
            "Company": "string",
            "Status": "picklist",
            "OwnerId": "reference",
            "IsConverted": "boolean",
            "ConvertedDate": "date",
            "ConvertedAccountId": "reference",
            "ConvertedContactId": "reference",
            "ConvertedOpportunityId": "reference",
        },
        references={"Owner": "OwnerId"},
    ),
    "Opportunity": _object(
        "006",
        {
            "AccountId": "reference",
            "Name": "string",
            "StageName": "picklist",
            "Amount": "currency",
            "Probability": "percent",
            "CloseDate": "date",
            "Type": "picklist",
            "LeadSource": "picklist",
            "IsClosed": "boolean",
            "IsWon": "boolean",
            "ForecastCategory": "picklist",
            "CampaignId": "reference",
            "OwnerId": "reference",
            "LastStageChangeDate": "datetime",
            "CurrencyIsoCode": "picklist",
        },
        references={"Account": "AccountId", "Owner": "OwnerId", "Campaign": "CampaignId"},
    ),
    "OpportunityHistory": _object(
        "008",
        {
            "OpportunityId": "reference",
            "StageName": "picklist",
            "Amount": "currency",
            "Probability": "percent",
            "CloseDate": "date",
            "ForecastCategory": "picklist",
            "CreatedById": "reference",
            "SystemModstamp": "datetime",
            "PrevAmount": "currency",
            "PrevCloseDate": "date",
            "CurrencyIsoCode": "picklist",
        },
        system=FIXED,
        references={"Opportunity": "OpportunityId"},
    ),
    "OpportunityFieldHistory": _object(
        "017",
        {
            "OpportunityId": "reference",
            "Field": "picklist",
            "DataType": "picklist",
            "OldValue": "anyType",
            "NewValue": "anyType",
            "CreatedById": "reference",
        },
        system=FIXED,
        unfilterable=frozenset({"OldValue", "NewValue"}),
    ),
    "OpportunityContactRole": _object(
        "00K",
        {
            "OpportunityId": "reference",
            "ContactId": "reference",
            "Role": "picklist",
            "IsPrimary": "boolean",
        },
        references={"Opportunity": "OpportunityId", "Contact": "ContactId"},
    ),
    "Campaign": _object(
        "701",
        {
            "Name": "string",
            "Type": "picklist",
            "Status": "picklist",
            "StartDate": "date",
            "EndDate": "date",
            "ParentId": "reference",
            "IsActive": "boolean",
            "BudgetedCost": "currency",
            "ActualCost": "currency",
            "CurrencyIsoCode": "picklist",
        },
    ),
    "CampaignMember": _object(
        "00v",
        {
            "CampaignId": "reference",
            "ContactId": "reference",
            "LeadId": "reference",
            "Status": "picklist",
            "HasResponded": "boolean",
            "FirstRespondedDate": "date",
            "Tribute_Send_Id__c": "string",
        },
        external_ids=("Tribute_Send_Id__c",),
    ),
    "Task": _object(
        "00T",
        {
            "WhoId": "reference",
            "WhatId": "reference",
            "AccountId": "reference",
            "Subject": "string",
            "Description": "textarea",
            "ActivityDate": "date",
            "Status": "picklist",
            "Type": "picklist",
            "TaskSubtype": "picklist",
            "IsClosed": "boolean",
            "CompletedDateTime": "datetime",
            "OwnerId": "reference",
            "IsArchived": "boolean",
            "Tribute_Send_Id__c": "string",
        },
        external_ids=("Tribute_Send_Id__c",),
        references={"Account": "AccountId", "Owner": "OwnerId"},
    ),
    "Event": _object(
        "00U",
        {
            "WhoId": "reference",
            "WhatId": "reference",
            "AccountId": "reference",
            "Subject": "string",
            "StartDateTime": "datetime",
            "EndDateTime": "datetime",
            "Type": "picklist",
            "OwnerId": "reference",
            "IsArchived": "boolean",
        },
    ),
    "CurrencyType": _object(
        "01L",
        {
            "IsoCode": "picklist",
            "ConversionRate": "double",
            "DecimalPlaces": "int",
            "IsCorporate": "boolean",
            "IsActive": "boolean",
        },
    ),
    "DatedConversionRate": _object(
        "04w",
        {
            "IsoCode": "picklist",
            "StartDate": "date",
            "NextStartDate": "date",
            "ConversionRate": "double",
        },
    ),
    "Tribute_Gift__c": _object(
        "a00",
        {
            "Name": "string",
            "Send_Id__c": "string",
            "Status__c": "picklist",
            "Cost__c": "currency",
            "Url__c": "url",
            "Contact__c": "reference",
            "Account__c": "reference",
            "Opportunity__c": "reference",
            "CurrencyIsoCode": "picklist",
        },
        external_ids=("Send_Id__c",),
    ),
}

# Stage: probability in percent, forecast category, closed, won.
STAGES: Final[dict[str, tuple[int, str, bool, bool]]] = {
    "Prospecting": (10, "Pipeline", False, False),
    "Qualification": (20, "Pipeline", False, False),
    "Proposal": (50, "BestCase", False, False),
    "Negotiation": (75, "Forecast", False, False),
    "Closed Won": (100, "Closed", True, True),
    "Closed Lost": (0, "Omitted", True, False),
}


def describe(name: str, *, hidden: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Describe an object as the API does, without the fields that the user may not see."""
    kind = OBJECTS[name]
    return {
        "name": name,
        "label": name,
        "keyPrefix": kind.prefix,
        "custom": name.endswith("__c"),
        "queryable": True,
        "createable": name not in ("OpportunityHistory", "OpportunityFieldHistory"),
        "fields": [
            _describe_field(kind, field_name, field_type)
            for field_name, field_type in kind.fields.items()
            if field_name not in hidden
        ],
    }


def _describe_field(kind: Object, name: str, field_type: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "type": field_type,
        "custom": name.endswith("__c"),
        "filterable": name not in kind.unfilterable,
        "sortable": name not in kind.unfilterable,
        "nillable": name not in SYSTEM,
        "externalId": name in kind.external_ids,
        "createable": name not in SYSTEM,
        "updateable": name not in SYSTEM,
    }
