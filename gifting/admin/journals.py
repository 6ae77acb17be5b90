"""Screens of journal batches, with the files to download. To look at alone."""

from __future__ import annotations

import base64
from typing import Final

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gifting import models
from gifting.admin import screens
from gifting.domain import money
from gifting.selectors import booked

READS: Final = booked.READERS
LONGEST_SHOWN: Final = 20_000
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


@admin.register(models.JournalBatch)
class JournalBatchScreen(screens.FactScreen):
    reads = READS
    list_display = ("__str__", "kind", "fiscal_period", "dated_on", "total", "voided_at")
    list_select_related = ("fiscal_period",)
    list_filter = ("kind", "currency", "voided_at")
    search_fields = ("content_sha256__istartswith",)
    fieldsets = (
        (None, {"fields": ("number", "kind", "fiscal_period", "dated_on", "total", "item_count")}),
        ("Files", {"fields": ("downloads", "content_sha256")}),
        ("Voided", {"fields": ("voided_at", "voided_by", "void_reason")}),
        ("Because of", {"fields": ("operation", "reverses", "created_by")}),
        _RECORD,
    )
    total = screens.amount("total_minor", "Total")

    @admin.display(description="Download")
    def downloads(self, row: models.JournalBatch) -> SafeString | str:
        """Offer the files that were written."""
        written = row.files.defer("content").order_by("written_as", "part")
        links = [(each.pk, each.name) for each in written]
        return (
            format_html_join(" ", '<a href="../../../journalfile/{}/change/">{}</a>', links)
            or "none written yet"
        )


@admin.register(models.JournalItem)
class JournalItemScreen(screens.FactScreen):
    reads = READS
    list_display = ("batch", "number", "debited", "credited", "amount", "memo", "is_voided")
    list_select_related = ("batch",)
    list_filter = ("kind", "is_voided")
    search_fields = ("tag__exact",)
    fieldsets = (
        (None, {"fields": ("batch", "number", "debited", "credited", "amount", "memo", "tag")}),
        ("Carries", {"fields": ("department", "class_name", "location", "subsidiary", "payee")}),
        ("Because of", {"fields": ("transfer", "is_voided")}),
    )

    @admin.display(description="Amount")
    def amount(self, row: models.JournalItem) -> str:
        """Show minor units in the currency of the batch."""
        return money.Money(row.amount_minor, row.batch.currency).format()

    @admin.display(description="Debit")
    def debited(self, row: models.JournalItem) -> str:
        """Name the debited account."""
        return f"{row.debit['code']} {row.debit['path']}"

    @admin.display(description="Credit")
    def credited(self, row: models.JournalItem) -> str:
        """Name the credited account."""
        return f"{row.credit['code']} {row.credit['path']}"


@admin.register(models.JournalFile)
class JournalFileScreen(screens.FactScreen):
    reads = READS
    list_display = ("name", "batch", "written_as", "sha256", "recorded_at")
    list_select_related = ("batch",)
    list_filter = ("written_as",)
    search_fields = ("name__istartswith", "sha256__istartswith")
    fieldsets = (
        (None, {"fields": ("name", "batch", "written_as", "part", "sha256", "text")}),
        _RECORD,
    )

    @admin.display(description="Content")
    def text(self, row: models.JournalFile) -> SafeString:
        """Show the file, and offer it under its name."""
        content = bytes(row.content).decode()
        return format_html(
            '<a download="{}" href="data:text/plain;charset=utf-8;base64,{}">Download</a>'
            "<pre>{}</pre>",
            row.name,
            base64.b64encode(bytes(row.content)).decode(),
            content[:LONGEST_SHOWN],
        )
