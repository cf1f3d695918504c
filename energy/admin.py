"""Admin of tariffs, standing charges, and the prices, which are only looked at."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_q.tasks import async_task

from energy.models import PriceSlot, StandingCharge, Tariff
from energy.points import PriceError
from energy.providers import providers
from energy.standing import check_charge, mark_changed_charges, stored_charges
from hmm.admin import LightListAdmin, ReadOnlyAdmin
from hmm.installation import installation
from hmm.lib.units import counted

TERMS = ("provider", "product", "region", "fixed_pence_per_kwh")
"""What decides a tariff's prices: when one changes, the coming prices are fetched anew at once."""

FETCH = "energy.tasks.fetch_prices"

OTHER_MONEY = (
    "This tariff is in {own}, and costs are told in {told}: its prices are not converted, only named so."
)

SLOT_LENGTHS = [(minutes * 60, f"{minutes} minutes") for minutes in (5, 10, 15, 20, 30, 60)]


class TariffForm(forms.ModelForm):
    """A tariff whose provider is known and has what it needs to find the prices."""

    provider = forms.ChoiceField(
        choices=lambda: [(name, name) for name in providers.names()], help_text="Where the prices come from."
    )
    slot_s = forms.TypedChoiceField(
        label="Slot length",
        coerce=int,
        choices=SLOT_LENGTHS,
        initial=1800,
        help_text="How often the price can change.",
    )

    class Meta:
        model = Tariff
        fields = ("name", *TERMS, "slot_s", "currency", "active")

    def clean_product(self) -> str:
        """Octopus writes its product codes in capitals."""
        return self.cleaned_data["product"].upper()

    def clean_region(self) -> str:
        """Take the region's letter in either case."""
        return self.cleaned_data["region"].upper()

    def clean(self) -> dict[str, Any]:
        """Ask the provider what is wrong with the tariff's terms."""
        data = super().clean() or self.cleaned_data
        if data.get("provider") in providers:
            tariff = Tariff(**{name: data[name] for name in TERMS if name in data})
            for field, problem in providers[data["provider"]].problems(tariff).items():
                if field not in self.errors:
                    self.add_error(field, problem)
        return data


@admin.register(Tariff)
class TariffAdmin(LightListAdmin):
    """Tariffs. Prices already past are kept when the terms change; give a site a new tariff to part the two."""

    form = TariffForm
    list_display = ("name", "provider", "product", "region", "active", "fetched_at", "fetch_error")
    list_filter = ("active", "provider", "currency")
    search_fields = ("name", "product", "fetch_error")
    actions = ("fetch_now",)
    readonly_fields = ("fetched_at", "fetch_error", "retry_at")
    fields = (*TariffForm.Meta.fields, *readonly_fields)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the currency that costs are told in."""
        return {"currency": installation().currency, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Tariff, form: Any, change: bool) -> None:
        """Have the next run fetch by the new terms, whatever came of the old ones; say where costs are told in other money."""
        told_in = installation().currency
        if obj.currency != told_in:
            self.message_user(request, OTHER_MONEY.format(own=obj.currency, told=told_in), messages.WARNING)
        if set(form.changed_data) & set(TERMS):
            obj.fetched_at, obj.retry_at, obj.fetch_error = None, None, ""
            obj.terms_since = timezone.now() if change else None
        super().save_model(request, obj, form, change)

    @admin.action(description="Fetch the prices of the selected tariffs now", permissions=["change"])
    def fetch_now(self, request: HttpRequest, tariffs: QuerySet[Tariff]) -> None:
        """Have the task queue fetch at once, whatever came of the last time. One that is not active is left alone."""
        due = tariffs.filter(active=True).update(fetched_at=None, retry_at=None)
        if due:
            async_task(FETCH, save=False)
        left = len(tariffs) - due
        told = f"Fetching the prices of {counted(due, 'tariff')}."
        self.message_user(request, f"{told} {left} not active." if left else told)


class BelowZero(admin.SimpleListFilter):
    """Prices that are paid to the customer, and the others."""

    title = "price"
    parameter_name = "below_zero"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "below zero"), ("no", "zero or more")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PriceSlot]) -> QuerySet[PriceSlot]:
        if self.value() == "yes":
            return queryset.filter(pence_per_kwh__lt=0)
        return queryset.filter(pence_per_kwh__gte=0) if self.value() == "no" else queryset


@admin.register(PriceSlot)
class PriceSlotAdmin(ReadOnlyAdmin):
    """Prices are fetched or imported, never typed: this list is to look at."""

    list_display = ("tariff", "start", "end", "pence_per_kwh")
    list_filter = ("tariff", BelowZero)
    list_select_related = ("tariff",)
    search_fields = ("tariff__name",)
    date_hierarchy = "start"
    ordering = ("-start",)


class StandingChargeForm(forms.ModelForm):
    """A standing charge that overlaps no other of its tariff."""

    class Meta:
        model = StandingCharge
        fields = ("tariff", "start", "end", "pence_per_day")

    def clean_pence_per_day(self) -> float:
        """Refuse what nobody means."""
        pence_per_day = float(self.cleaned_data["pence_per_day"])
        try:
            check_charge(pence_per_day)
        except PriceError as error:
            raise forms.ValidationError(str(error)) from None
        return pence_per_day

    def clean(self) -> dict[str, Any]:
        """Refuse an overlap, naming the other charge."""
        data = super().clean() or self.cleaned_data
        tariff = self.instance.tariff if self.instance.pk else data.get("tariff")
        if tariff and data.get("start"):
            found = _overlapping(tariff, data["start"], data.get("end"))
            other = found.exclude(pk=self.instance.pk).first()
            if other is not None:
                raise forms.ValidationError(f"This overlaps another standing charge: {other}.")
        return data


@admin.register(StandingCharge)
class StandingChargeAdmin(LightListAdmin):
    """Standing charges; whatever a change touches is computed anew."""

    form = StandingChargeForm
    list_display = ("tariff", "start", "end", "pence_per_day")
    list_filter = ("tariff",)
    list_select_related = ("tariff",)
    search_fields = ("tariff__name",)
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """A charge stays with its tariff."""
        return ("tariff",) if obj else ()

    def save_model(self, request: HttpRequest, obj: StandingCharge, form: Any, change: bool) -> None:
        """Save, and mark what changes."""
        before = stored_charges(obj.tariff)
        super().save_model(request, obj, form, change)
        mark_changed_charges(obj.tariff, before, stored_charges(obj.tariff), _horizon())

    def delete_model(self, request: HttpRequest, obj: StandingCharge) -> None:
        """Delete, and mark what changes."""
        before = stored_charges(obj.tariff)
        super().delete_model(request, obj)
        mark_changed_charges(obj.tariff, before, stored_charges(obj.tariff), _horizon())


def _overlapping(tariff: Tariff, start: datetime, end: datetime | None) -> QuerySet[StandingCharge]:
    found = tariff.standing_charges.filter(Q(end=None) | Q(end__gt=start))
    return found.filter(start__lt=end) if end else found


def _horizon() -> datetime:
    return timezone.now() + timedelta(days=2)
