"""A newcomer runs the demo: the table, its last line, the same as JSON, and the same again."""

from __future__ import annotations

import io
import re
from decimal import Decimal

import orjson
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db.models import Sum

from attribution import models as attribution
from gifting import models as gifting
from gifting.domain import access
from gifting.selectors import organizations
from gifting.services import access as access_services
from gifting.services import tenancy
from integrations import models as integrations
from integrations.domain.sandbox import parameters
from tests.factories import checksums
from tests.factories import organizations as cast

pytestmark = pytest.mark.usefixtures("committed_db")

LAST_LINE = re.compile(
    r"attributed (?P<attributed>[0-9,]+\.[0-9]{2})"
    r" \+ unattributed (?P<unattributed>[0-9,]+\.[0-9]{2})"
    r" = won revenue (?P<won>[0-9,]+\.[0-9]{2}) USD"
)


def run(*arguments: str, command: str = "demo") -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def amount(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def test_the_last_line_adds_up_and_the_table_says_what_it_is() -> None:
    lines = run("--no-serve").splitlines()

    found = LAST_LINE.fullmatch(lines[-1])
    assert found is not None, lines[-1]
    assert amount(found["attributed"]) + amount(found["unattributed"]) == amount(found["won"])
    assert amount(found["won"]) == Decimal("6518606.16")
    assert "Lumen & Oak (sandbox): what gifts cost and earned, synthetic data" in lines
    shown = {line.split("  ")[1].strip(): line.split() for line in lines if line.startswith("  ")}
    assert shown["Total"][1:] == ["28,120.15", "33,600.00", found["attributed"]]
    assert len([name for name in shown if name]) == 13  # heading, 10 campaigns, two sums


def test_the_figures_for_machines_keep_the_same_identities() -> None:
    run("--no-serve")
    found = orjson.loads(run("--json"))

    campaigns = found["campaigns"]
    assert found["is_synthetic"] is True
    assert found["currency"] == "USD"
    assert found["won_revenue_minor"] == 6_518_606_16
    assert found["attributed_minor"] + found["unattributed_minor"] == found["won_revenue_minor"]
    assert sum(row["credit_minor"] for row in campaigns) == found["attributed_minor"]
    assert sum(row["spend_minor"] for row in campaigns) == found["spend_minor"] == 28_120_15
    assert sum(row["budget_minor"] or 0 for row in campaigns) == found["budget_minor"]
    assert {row["roi"]["formula"] for row in campaigns} == {"ROI_ATTRIBUTED_NET"}
    for row in campaigns:
        assert row["roi"]["numerator_minor"] == row["credit_minor"] - row["spend_minor"]
        assert (row["roi"]["value"] is None) == (row["spend_minor"] == 0)


def test_running_it_twice_changes_nothing() -> None:
    first = run("--no-serve")
    organization = sandbox_organization()
    before = checksums.by_table(organization.id)

    second = run("--no-serve")

    assert second == first
    assert checksums.by_table(organization.id) == before


def test_it_leaves_rows_in_the_histories_that_everybody_shares() -> None:
    run("--no-serve")

    assert gifting.ReferenceFile.objects.count() == 1
    assert gifting.ReferenceRate.objects.count() > 1_000


def sandbox_organization() -> organizations.OrganizationRecord:
    with tenancy.door("slug:lumen-oak-sandbox"):
        found = organizations.find_by_slug(slug="lumen-oak-sandbox")
    assert found is not None
    return found


def test_the_token_and_the_password_that_it_prints_work() -> None:
    lines = run("--no-serve").splitlines()
    token = next(line.split()[1] for line in lines if line.startswith("token"))
    login = next(line.split() for line in lines if line.startswith("login  maya@"))

    actor = access_services.actor_for_token(secret=token, at=cast.NOON)

    assert actor.organization_id == sandbox_organization().id
    assert actor.may(access.Permission.READ_SPEND)
    assert not actor.may(access.Permission.MANAGE_ACCESS)
    assert login[3] == "(MARKETING)"


def test_it_makes_no_known_password_in_production(settings: LazySettings) -> None:
    settings.PRODUCTION = True

    with pytest.raises(CommandError) as refused:
        run("--no-serve")

    assert "does not run in production" in str(refused.value)
    assert refused.value.returncode == 2
    with tenancy.door("slug:lumen-oak-sandbox"):
        assert organizations.find_by_slug(slug="lumen-oak-sandbox") is None


def test_a_sandbox_of_any_truth_can_be_made_from_the_command_line() -> None:
    printed = orjson.loads(
        run("--name", "Null (sandbox)", "--effect", "0", "--seed", "3", command="create_sandbox")
    )

    assert printed["organization"] == "null-sandbox"
    assert printed["is_synthetic"] is True
    assert printed["truth"]["incremental_wins"] == 0
    assert printed["parameters"]["effect"] == 0
    with tenancy.door("slug:null-sandbox"):
        made = organizations.find_by_slug(slug="null-sandbox")
    assert made is not None
    with tenancy.organization(made.id):
        assert integrations.SandboxTruth.objects.get().truth == printed["truth"]


def test_a_company_of_several_blocks_is_written_by_several_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parameters, "BLOCK_SIZE", 100)

    printed = orjson.loads(run("--opportunities", "950", command="create_sandbox"))

    with tenancy.organization(sandbox_organization().id):
        assert attribution.Opportunity.objects.count() == 950
        assert attribution.StageChange.objects.count() == printed["truth"]["stage_changes"]
        assert gifting.SpendRollup.objects.aggregate(spend=Sum("amount_minor")) == {
            "spend": printed["truth"]["spend_minor"]
        }


def test_an_unknown_organization_is_refused_with_the_remedy() -> None:
    with pytest.raises(CommandError) as refused:
        run("--over", "nobody", command="create_sandbox")

    assert str(refused.value) == (
        "There is no organization 'nobody'. Create it first: manage.py create_organization."
    )
    assert refused.value.returncode == 2
