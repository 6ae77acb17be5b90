"""How papers are entered by hand: a form, rows for its lines, and one call to a service.

Rules kept here: a shown form enters its paper once, however often it is sent, by a key that it
carries; lines go to the service together with their paper, all or none; amounts are typed as people
write money. Papers name each other by the vendor and the number that stand on them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import ForeignKey, Model
from django.forms import models as model_forms
from django.http import HttpRequest
from unfold import admin as unfold
from unfold import forms as unfold_forms
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import documents, money, refusals
from gifting.selectors import vendors
from gifting.services import desk, operations, orders

KEY: Final = "idempotency_key"
LONGEST_KEY: Final = 255
LONGEST_FIGURE: Final = 40
# Rows that a form shows at first, and at most: a longer paper comes through the API.
SPARE_ROWS: Final = 2
MOST_ROWS: Final = 50
USED: Final = (
    "This form was entered before, with other figures. Look at what it became; to enter another "
    "one, open the form anew."
)
KEYLESS: Final = "The form lost its key. Open it anew and enter it there."

_UNITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class KeyField(forms.CharField):
    """Carry, unseen, the key that makes a double click one request."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Say no: nobody typed it."""
        return False


def _new_key() -> str:
    return f"admin:{uuid.uuid4()}"


class KeyedForm(screens.RefusableForm):
    """Ask a service once; it says itself what is wrong, so the row is not checked here."""

    idempotency_key = KeyField(max_length=LONGEST_KEY, initial=_new_key)

    def read(self) -> None:
        """Put what the service wants to know in the place of what was typed."""

    def clean(self) -> dict[str, Any] | None:
        self.read()
        if KEY in self.errors:
            # Nobody sees the field that the error belongs to.
            self.add_error(None, KEYLESS)
        if isinstance(self.refusal, operations.IdempotencyKeyReused):
            raise forms.ValidationError(USED)
        return super().clean()

    def _post_clean(self) -> None:
        """Leave the row as it is."""


class PaperForm(KeyedForm):
    """Ask for a paper; its lines are read by what it says of vendor and currency."""

    def _post_clean(self) -> None:
        model_forms.construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)


class LineForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Ask for one line of a paper; `line` of what is cleaned is what the service wants."""

    def __init__(self, *args: Any, paper: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.paper = paper

    def read(self) -> object:
        """Return the line for the service; what cannot be read is said at its field."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self.cleaned_data["line"] = None if self.errors else self.read()
        return cleaned

    def _post_clean(self) -> None:
        """Leave the row as it is."""


class LineFormSet(unfold_forms.PaginationInlineFormSet):  # type: ignore[misc]  # ships no types
    """The lines of a paper that is not entered yet."""

    @property
    def lines(self) -> list[Any]:
        return [form.cleaned_data["line"] for form in self.forms if form.has_changed()]

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "paper": self.instance}

    def validate_unique(self) -> None:
        """Leave it to the service."""


class OptionalLinks:
    """Let links be left empty that a service can do without."""

    optional: ClassVar[tuple[str, ...]] = ()

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> Any:
        if db_field.name in self.optional:
            options["required"] = False
        parent: Any = super()
        return parent.formfield_for_foreignkey(db_field, request, **options)


class LineInline(OptionalLinks, unfold.TabularInline):  # type: ignore[misc]  # ships no types
    """Rows for the lines of a paper, one at least; whoever may enter the paper may fill them."""

    formset = LineFormSet
    min_num = 1
    extra = SPARE_ROWS
    max_num = MOST_ROWS
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **options: Any) -> Any:
        return super().get_formset(request, obj, validate_min=True, validate_max=True, **options)


class PaperScreen(OptionalLinks, screens.Screen):
    """A screen of papers that are entered whole and never changed.

    `add` finds the lines for the service beside the values of the form.
    """

    def enter(self, request: HttpRequest, values: Mapping[str, Any]) -> int:
        """Enter the paper and return its id."""
        return self.add(actor=desk.actor(request), values=values)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        return [] if obj else list(super().get_inlines(request, obj))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        at_desk = desk.of(request)
        currency = {"currency": at_desk.organization.currency} if at_desk else {}
        return {**currency, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Wait for the lines."""

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], change: bool
    ) -> None:
        lines = [line for formset in formsets for line in formset.lines]
        form.instance.pk = self.enter(request, {**form.cleaned_data, "lines": lines})
        form.instance.refresh_from_db()

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], add: bool = False
    ) -> Any:
        # The lines were not saved by their rows, and belong to the paper.
        return super().construct_change_message(request, form, [], add)


def amount(column: str, label: str, currency_of: Callable[[Any], str]) -> Any:
    """Show minor units in the currency of the paper that they stand on."""

    @admin.display(description=label)
    def shown(_screen: Any, row: Any) -> str:
        return money.Money(getattr(row, column), currency_of(row)).format()

    return shown


def figure(label: str, help_text: str = "", *, required: bool = False) -> forms.CharField:
    """Ask for an amount or for units as people write them."""
    return forms.CharField(
        label=label,
        max_length=LONGEST_FIGURE,
        required=required,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text=help_text,
    )


def number(label: str, help_text: str = "", *, required: bool = False) -> forms.CharField:
    """Ask for the number of another paper, as it stands there."""
    return forms.CharField(
        label=label,
        max_length=models.orders.NUMBER_LENGTH,
        required=required,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text=help_text,
    )


def position(label: str, *, required: bool = False) -> forms.IntegerField:
    """Ask for the number of a line on its paper."""
    return forms.IntegerField(
        label=label,
        min_value=1,
        max_value=orders.MOST_LINES,
        required=required,
        widget=widgets.UnfoldAdminIntegerFieldWidget(),
        help_text="1, 2, 3 … as on the paper",
    )


def minor(form: Any, name: str, currency: str) -> int:
    """Return a typed amount in minor units, 0 of an empty one; or say at its field what is off."""
    text = form.cleaned_data.get(name)
    if not text:
        return 0
    try:
        return money.Money.parse(text, currency).amount_minor
    except money.UnknownCurrency:
        # The paper's own field says so.
        return 0
    except refusals.Refusal as refusal:
        form.add_error(name, refusal.message)
        return 0


def units(form: Any, name: str, *, called_off_in: str | None) -> int:
    """Return typed units; of a blanket order the amount, in minor units, that is called off."""
    if called_off_in is not None:
        return minor(form, name, called_off_in)
    text = form.cleaned_data.get(name)
    if not text:
        return 0
    if _UNITS.fullmatch(text) is None:
        form.add_error(name, "Write whole units, for example 25.")
        return 0
    return int(text)


def order_line(form: Any, vendor_id: int | None) -> models.PurchaseOrderLine | None:
    """Return the line that `order` and `order_line` name, if they do; or say that there is none."""
    asked = (form.cleaned_data.get("order"), form.cleaned_data.get("order_line"))
    if not any(asked):
        return None
    lines = models.PurchaseOrderLine.objects.select_related("order").filter(
        order__vendor_id__in=_entity(vendor_id),
        order__number_key=documents.number_key(asked[0] or ""),
        number=asked[1] or 0,
    )
    found = min(lines, key=lambda line: line.order.vendor_id != vendor_id, default=None)
    if found is None:
        form.add_error(
            "order", "The vendor has no order with this number and line. Look both of them up."
        )
    return found


def invoice(form: Any, vendor_id: int | None) -> models.VendorInvoice | None:
    """Return the invoice that `invoice` names; or say that there is none."""
    asked = form.cleaned_data.get("invoice")
    if not asked:
        return None
    invoices = models.VendorInvoice.objects.filter(
        vendor_id__in=_entity(vendor_id), number_key=documents.number_key(asked)
    )
    found = min(invoices, key=lambda each: each.vendor_id != vendor_id, default=None)
    if found is None:
        form.add_error("invoice", "The vendor has no invoice with this number. Look it up.")
    return found


def blanket_currency(line: models.PurchaseOrderLine | None) -> str | None:
    """Return the currency that is called off from a line of a blanket order; None of units."""
    if line is None or not line.order.is_blanket:
        return None
    currency: str = line.order.currency
    return currency


def id_of(model: type[Model], public_id: UUID) -> int:
    """Return the internal key of what a service has just written."""
    return int(model._default_manager.get(public_id=public_id).pk)  # noqa: SLF001 - Django's own door


def _entity(vendor_id: int | None) -> frozenset[int]:
    return frozenset() if vendor_id is None else vendors.same_entity(vendor_id=vendor_id)
