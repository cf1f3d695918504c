"""What the page of prices is asked: how many hours, how long at a stretch, up to which price."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from energy.cheapest import Wish
from energy.models import Tariff

USUAL = {"hours": "4", "stretch": "30"}
MOST_HOURS = 48


class CheapestForm(forms.Form):
    """A wish for cheap hours, of one tariff."""

    tariff = forms.TypedChoiceField(coerce=int, error_messages={"invalid_choice": "There is no such tariff."})
    hours = forms.FloatField(
        label="Hours",
        min_value=0.25,
        max_value=MOST_HOURS,
        widget=forms.NumberInput(attrs={"step": "0.25", "inputmode": "decimal"}),
    )
    stretch = forms.IntegerField(
        label="At a stretch, min",
        min_value=0,
        max_value=MOST_HOURS * 60,
        widget=forms.NumberInput(attrs={"step": "5", "inputmode": "numeric"}),
    )
    ceiling = forms.FloatField(
        label="No dearer than",
        required=False,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal", "placeholder": "any price"}),
    )

    def __init__(self, asked: Mapping[str, str], tariffs: Sequence[Tariff]) -> None:
        super().__init__(asked)
        self.tariffs = {tariff.pk: tariff for tariff in tariffs}
        self.fields["tariff"].choices = [(tariff.pk, tariff.name) for tariff in tariffs]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> Tariff | None:
        """The tariff that is asked for, None where there is no such one. The rest may be wrong."""
        self.is_valid()
        return self.tariffs.get(self.cleaned_data.get("tariff", 0))

    def clean(self) -> dict[str, Any]:
        """Refuse a stretch that is longer than all of it."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        hours, stretch = found.get("hours"), found.get("stretch")
        if hours is not None and stretch is not None and stretch > hours * 60:
            self.add_error("stretch", f"cannot be longer than the {hours:g} hours together")
        return found

    @property
    def wish(self) -> Wish:
        """What is wished for, once the form is valid."""
        given = self.cleaned_data
        return Wish(round(given["hours"] * 3600), given["stretch"] * 60, given["ceiling"])
