"""What a new installation asks for."""

from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.forms.utils import flatatt
from django.utils.safestring import SafeString, mark_safe

from energy.points import MAX_PENCE_PER_KWH
from energy.regions import NAMES, RegionUnknown, region_of
from hmm.models import Currency

AGILE_PRODUCT = "AGILE-24-10-01"
AGILE, FIXED = "octopus_agile", "fixed"


@cache
def zone_choices() -> list[tuple[str, str]]:
    """Return every time zone that is a place, by name."""
    places = sorted(
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix"))
    )
    return [(name, name.replace("_", " ")) for name in [*places, "UTC"]]


class LongSelect(forms.Select):
    """A select of hundreds of options, written at once: Django has a template rendered for each."""

    def render(
        self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        """Return the select as HTML."""
        chosen = self.format_value(value)
        told = flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {})}))
        options = (
            f'<option value="{escape(key)}"{" selected" if key in chosen else ""}>{escape(words)}</option>'
            for key, words in cast(Iterable[tuple[str, str]], self.choices)
        )
        return mark_safe(f"<select{told}>{''.join(options)}</select>")


class PlaceForm(forms.Form):
    """Where days begin, and which money counts."""

    time_zone = forms.ChoiceField(label="Time zone", choices=zone_choices, widget=LongSelect)
    currency = forms.ChoiceField(label="Currency", choices=Currency.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = self.initial.get("time_zone")
        field = self.fields["time_zone"]
        if now and isinstance(field, forms.ChoiceField) and now not in dict(zone_choices()):
            field.choices = [(now, now), *zone_choices()]


class ElectricityForm(forms.Form):
    """What electricity costs: Octopus Agile of a region, or one price at all hours."""

    kind = forms.ChoiceField(
        label="Tariff",
        choices=[(AGILE, "Octopus Agile: another price each half hour"), (FIXED, "One price at all hours")],
        widget=forms.RadioSelect,
    )
    postcode = forms.CharField(
        label="Postcode",
        required=False,
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "postal-code", "placeholder": "SW1A 1AA"}),
    )
    region = forms.ChoiceField(
        label="or region",
        required=False,
        choices=[("", "by the postcode"), *((letter, f"{letter}: {name}") for letter, name in NAMES.items())],
    )
    product = forms.CharField(label="Product code", required=False, max_length=64)
    price = forms.FloatField(
        label="Price per kWh",
        required=False,
        min_value=-MAX_PENCE_PER_KWH,
        max_value=MAX_PENCE_PER_KWH,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal", "placeholder": "24.5"}),
    )

    def clean(self) -> dict[str, Any]:
        """Find the region of the postcode where none is chosen, and see that what is needed is there."""
        data = super().clean() or self.cleaned_data
        if data.get("kind") == FIXED:
            if data.get("price") is None and "price" not in self.errors:
                self.add_error("price", "Say what a kWh costs.")
        elif data.get("kind") == AGILE and not self.errors:
            data["product"] = (data.get("product") or AGILE_PRODUCT).strip().upper()
            data["region"] = self._region(data.get("postcode") or "", data.get("region") or "")
        return data

    def _region(self, postcode: str, chosen: str) -> str:
        """Return the region of the postcode where one is given, since it is the surer, else the chosen one."""
        if not postcode:
            if not chosen:
                self.add_error("postcode", "Give a postcode, or choose the region.")
            return chosen
        try:
            return region_of(postcode)
        except RegionUnknown as unknown:
            self.add_error("postcode", f"{unknown}. Leave it empty and choose the region yourself.")
            return ""
