"""What every admin screen keeps: facts are looked at, decisions go through a service.

Rules kept here: nothing is ever deleted; who may look and who may write follows the actor's
permissions, not Django's; personal columns of an actor who may not read them are neither shown nor
searched, sorted or filtered by; a list counts and pages only as far as a person reads.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib.admin import display
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold import admin as unfold

from gifting.domain import access, money, refusals
from gifting.services import desk

ROWS_PER_PAGE = 50
# Beyond this a person searches instead of turning pages, and a count reads the whole table.
MOST_COUNTED = 10_000
MOST_FOUND = 1_000
# How a column is searched; one that names nothing is searched for the text anywhere in it.
SEARCHES = ("exact", "iexact", "istartswith")
HIDDEN = "hidden"
REFUSAL = "tribute_refusal"
# The title of the fields that a record has only once it was made.
RECORD = "Record"
# The hidden field that names what is asked for, from the page to the service.
KEY = "idempotency_key"

Shown = TypeVar("Shown")


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Count and page no further than a person reads."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())


class RefusableForm(ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Show the refusal of a service at the field that it names."""

    refusal: ClassVar[refusals.Refusal | None] = None
    # Where a service calls a field otherwise than its column is called.
    fields_named: ClassVar[Mapping[str, str]] = {}

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refusal is not None:
            named = self.refusal.field or ""
            field = self.fields_named.get(named, named)
            is_shown = field in self.fields and not self.fields[field].widget.is_hidden
            raise forms.ValidationError(
                {field: self.refusal.message} if is_shown else self.refusal.message
            )
        return cleaned

    def _post_clean(self) -> None:
        # Constraints are the database's to keep, and a service says beforehand what is wrong.
        checked = partial(self.instance.full_clean, validate_constraints=False)
        self.instance.full_clean = checked
        super()._post_clean()  # type: ignore[misc]  # the stubs leave this hook of Django out


class KeyedForm(RefusableForm):
    """Carry the key of what is asked for, so that a form that is sent twice acts once."""

    fields_named = {"period": "fiscal_period", "status": "to_status"}

    idempotency_key = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4)

    def clean(self) -> dict[str, Any] | None:
        if self.refusal is not None and self.refusal.field == KEY:
            raise forms.ValidationError(
                "This form was sent before with other values. Open it anew to ask for more."
            )
        return super().clean()


class Screen(unfold.ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """A screen of one kind of record of the chosen organization; read-only unless told otherwise.

    `reads` are alternatives. `cost_center` is the column that limits senders to their own branch.
    A screen with `writes` implements `add` and `change`, each one call to a service.
    """

    reads: ClassVar[tuple[access.Permission, ...]] = ()
    writes: ClassVar[access.Permission | None] = None
    cost_center: ClassVar[str | None] = None
    personal: ClassVar[frozenset[str]] = frozenset()
    # Fields of the form that are asked for only when a record is made, or only afterwards.
    add_only: ClassVar[tuple[str, ...]] = ()
    change_only: ClassVar[tuple[str, ...]] = ()

    form = RefusableForm
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = ROWS_PER_PAGE
    list_max_show_all = 0
    list_before_template: ClassVar[str | None] = "gifting/no_organization.html"
    list_filter_submit = False
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    actions: ClassVar[Sequence[Any]] = ()
    warn_unsaved_form = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in cls.personal:
            setattr(cls, _hidden_name(name), _hidden(name))

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        """Make the record by a service and return its id."""
        raise NotImplementedError

    def change(self, *, actor: access.Actor, row: Any, values: Mapping[str, Any]) -> None:
        """Change the record by a service."""
        raise NotImplementedError

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Without a chosen organization the list is there, and empty, and says what to do.
        return desk.of(request) is None or not self.reads or desk.may(request, *self.reads)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.writes is not None and desk.may(request, self.writes)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.writes is not None and desk.may(request, self.writes)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        at_desk = desk.of(request)
        limits = at_desk.actor.cost_center_ids if at_desk else None
        if self.cost_center is None or limits is None:
            return rows
        return rows.filter(**{f"{self.cost_center}__in": limits})

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return self._shown(request, super().get_list_display(request))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [
            (title, {**options, "fields": self._shown(request, options["fields"])})
            for title, options in super().get_fieldsets(request, obj)
            if obj is not None or title != RECORD
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *map(_hidden_name, self.personal)]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [
            path
            for path in super().get_search_fields(request)
            if not self._is_hidden(request, path)
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Ask column by column, as indexes can answer, and take no more than a person reads."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found: set[Any] = set()
        for path in self.get_search_fields(request):
            matching = queryset.filter(**{_lookup(path): term}).order_by()
            found.update(matching.values_list("pk", flat=True)[:MOST_FOUND])
        return queryset.filter(pk__in=found), False

    def get_sortable_by(self, request: HttpRequest) -> list[Any]:
        return [
            name
            for name in super().get_sortable_by(request)
            if not self._is_hidden(request, str(name))
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django lets an address filter by any column of the table, shown or not.
        if self._is_hidden(request, lookup):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def get_form(
        self,
        request: HttpRequest,
        obj: Model | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[ModelForm[Any]]:
        form: type[ModelForm[Any]] = super().get_form(request, obj, change, **kwargs)
        asked: Any = type(form.__name__, (form,), {"refusal": getattr(request, REFUSAL, None)})
        for name in self.add_only if obj else self.change_only:
            asked.base_fields.pop(name, None)
        made: type[ModelForm[Any]] = asked
        return made

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return self._changeform(request, object_id, form_url, extra_context)
        except refusals.Refusal as refusal:
            # Everything was rolled back; the form is shown again with what was typed.
            setattr(request, REFUSAL, refusal)
            return self._changeform(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = desk.actor(request)
        if change:
            self.change(actor=actor, row=obj, values=form.cleaned_data)
        else:
            obj.pk = self.add(actor=actor, values=form.cleaned_data)
            # What PostgreSQL filled in is what the row is called by.
            obj.refresh_from_db()

    def _changeform(
        self,
        request: HttpRequest,
        object_id: str | None,
        form_url: str,
        extra_context: dict[str, Any] | None,
    ) -> HttpResponse:
        shown: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return shown

    def _is_hidden(self, request: HttpRequest, path: str) -> bool:
        name = path.lstrip("-^=@").split("__")[0]
        return name in self.personal and not _reads_personal_data(request)

    def _shown(self, request: HttpRequest, names: Sequence[Any]) -> list[Any]:
        return [
            self._shown(request, name)
            if isinstance(name, list | tuple)
            else _hidden_name(name)
            if isinstance(name, str) and self._is_hidden(request, name)
            else name
            for name in names
        ]


class FactScreen(Screen):
    """A screen of rows that grow without bound: newest first, sorted only where an index helps."""

    sortable_by: ClassVar[tuple[str, ...]] = ()


class WrittenOnceScreen(Screen):
    """A screen of rows that are made and never changed."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OperatorScreen(Screen):
    """A screen of what no organization owns; only the server's operator looks at it."""

    list_before_template = None

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return desk.is_operator(request)


def key_of(values: Mapping[str, Any]) -> str:
    """Return the key that the form carried."""
    return f"admin:{values[KEY]}"


def amount(column: str, label: str) -> Callable[[Any, Any], str]:
    """Show minor units beside their currency as people write money."""

    @display(description=label, ordering=column)
    def shown(_screen: Any, row: Any) -> str:
        minor = getattr(row, column)
        return "not given" if minor is None else money.Money(minor, row.currency).format()

    return shown


def badge(
    column: str, label: str, text: str, color: str = "warning"
) -> Callable[[Any, Any], str | None]:
    """Mark the rows for which the column is true."""

    @display(description=label, ordering=column)
    def shown(_screen: Any, row: Any) -> str | None:
        return text if getattr(row, column) else None

    return colored(shown, {text: color})


def synthetic() -> Callable[[Any, Any], str | None]:
    """Say of generated rows that they are."""
    return badge("is_synthetic", "Origin", "Synthetic")


def state(column: str, label: str, colors: Mapping[str, str]) -> Callable[..., tuple[str, str]]:
    """Show a code in the color of its meaning."""

    @display(description=label, ordering=column)
    def shown(_screen: Any, row: Any) -> tuple[str, str]:
        return getattr(row, column), getattr(row, f"get_{column}_display")()

    return colored(shown, colors)


def colored(shown: Callable[..., Shown], colors: Mapping[str, str]) -> Callable[..., Shown]:
    """Draw each value as a label in its color."""
    shown.label = dict(colors)  # type: ignore[attr-defined]  # unfold reads it there
    return shown


def _lookup(path: str) -> str:
    return path if path.rsplit("__", 1)[-1] in SEARCHES else f"{path}__icontains"


def _reads_personal_data(request: HttpRequest) -> bool:
    return desk.may(request, access.Permission.READ_PERSONAL_DATA)


def _hidden_name(name: str) -> str:
    return f"hidden_{name}"


def _hidden(name: str) -> Callable[[Any, Any], str]:
    @display(description=name.replace("_", " ").capitalize())
    def hidden(_screen: Any, _row: Any) -> str:
        return HIDDEN

    return hidden
