"""Screens of journal batches: made and voided here, and downloaded in every format."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money, refusals
from gifting.domain.journals import batches
from gifting.selectors import booked
from gifting.services import desk, journals

READS: Final = booked.READERS
_FORMATS: Final = tuple(each.value for each in batches.Format)
_KEPT: Final = (
    "number",
    "kind",
    "fiscal_period",
    "dated_on",
    "item_count",
    "content_sha256",
    "voided_at",
    "voided_by",
    "void_reason",
    "operation",
    "reverses",
    "created_by",
    "public_id",
    "recorded_at",
)
LONGEST_SHOWN: Final = 20_000
VOID: Final = "Void it"
FILE_PAGE: Final = "gifting_journalbatch_file"
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


class BatchForm(screens.KeyedForm):
    """Ask what is told, or why it is taken back."""

    void_because = forms.CharField(
        widget=widgets.UnfoldAdminTextareaWidget(),
        help_text="The number stays, and what the batch told may be told again",
    )


@admin.register(models.JournalBatch)
class JournalBatchScreen(screens.FactScreen):
    """What the accounting system was told; a batch is made, downloaded and voided, never edited."""

    reads = READS
    writes = access.Permission.CLOSE_PERIODS
    form = BatchForm
    change_only = ("void_because",)
    autocomplete_fields = ("fiscal_period",)
    add_fieldsets = (
        (
            "Tell what was not told yet",
            {"fields": ("fiscal_period", "kind", "currency", screens.KEY)},
        ),
    )
    list_display = ("__str__", "kind", "fiscal_period", "dated_on", "total", "voided_at")
    list_select_related = ("fiscal_period",)
    list_filter = ("kind", "currency", "voided_at")
    search_fields = ("content_sha256__istartswith",)
    fieldsets = (
        (None, {"fields": ("number", "kind", "fiscal_period", "dated_on", "total", "item_count")}),
        ("Files", {"fields": ("downloads", "content_sha256")}),
        ("Voided", {"fields": ("voided_at", "voided_by", "void_reason")}),
        (VOID, {"fields": ("void_because", screens.KEY)}),
        ("Because of", {"fields": ("operation", "reverses", "created_by")}),
        _RECORD,
    )
    total = screens.amount("total_minor", "Total")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Offer to void what is in force; a form that comes again is answered by the service."""
        is_offered = obj is None or not (obj.is_voided or obj.kind == batches.Kind.REVERSAL)
        return (is_offered or request.method == "POST") and super().has_change_permission(
            request, obj
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        shown = [*super().get_readonly_fields(request, obj), "total", "downloads"]
        return [*shown, *_KEPT] if obj else shown

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        shown = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return shown
        return [each for each in shown if each[0] != VOID]

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.download)
        return [
            path("<int:batch_id>/files/<str:written_as>/", page, name=FILE_PAGE),
            *super().get_urls(),
        ]

    def formfield_for_choice_field(
        self, db_field: CharField[Any, Any], request: HttpRequest, **options: Any
    ) -> Any:
        if db_field.name == "kind":
            # A reversal is made with its accrual.
            options["choices"] = models.tenancy.labels((batches.Kind.SPEND, batches.Kind.ACCRUAL))
        return super().formfield_for_choice_field(db_field, request, **options)

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        answer = journals.create(
            actor=actor,
            key=screens.key_of(values),
            period_id=values["fiscal_period"].pk,
            kind=batches.Kind(values["kind"]),
            currency=values["currency"],
        )
        made = UUID(answer.response["batch"])
        return int(models.JournalBatch.objects.get(public_id=made).pk)

    def change(
        self, *, actor: access.Actor, row: models.JournalBatch, values: Mapping[str, Any]
    ) -> None:
        journals.void(
            actor=actor,
            key=screens.key_of(values),
            batch=row.public_id,
            reason=values["void_because"],
            at=timezone.now(),
        )

    def download(self, request: HttpRequest, batch_id: int, written_as: str) -> HttpResponse:
        """Send a batch in a format, written now if it never was; several files come in a ZIP."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        batch = self.get_object(request, str(batch_id))
        if batch is None or written_as not in set(batches.Format):
            raise Http404
        try:
            files = journals.files(
                actor=desk.actor(request),
                batch=batch.public_id,
                written_as=batches.Format(written_as),
            )
        except refusals.Refusal as refusal:
            messages.error(request, refusal.message)
            return HttpResponseRedirect(
                reverse("admin:gifting_journalbatch_change", args=[batch.pk])
            )
        return _sent(files[0] if len(files) == 1 else _packed(f"{batch}-{written_as}", files))

    @admin.display(description="Download")
    def downloads(self, row: models.JournalBatch) -> SafeString:
        """Offer each format; what was written once is the same bytes ever after."""
        links = ((reverse(f"admin:{FILE_PAGE}", args=[row.pk, each]), each) for each in _FORMATS)
        return format_html_join(", ", '<a href="{}">{}</a>', links)


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


def _sent(file: batches.File) -> HttpResponse:
    named = content_disposition_header(as_attachment=True, filename=file.name)
    return HttpResponse(
        file.content,
        content_type="application/octet-stream",
        headers={"Content-Disposition": named or "attachment"},
    )


def _packed(name: str, files: Sequence[batches.File]) -> batches.File:
    """Put the files into one; without times, so that it too is the same bytes ever after."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.content)
    return batches.File(f"{name}.zip", written.getvalue())
