"""What the page of a ranking is asked: which strategy, how much less power, and which of its pages."""

from typing import Any

from django import forms

from miners.models import CurtailmentStrategy

MOST_KW = 1_000_000
LAST_PAGE = 1_000_000


class StrategyChoice(forms.ModelChoiceField):
    """A choice among strategies, each named with its site."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.site}: {obj.name}" + ("" if obj.active else " (not active)")


class RankingForm(forms.Form):
    """Which strategy, and the target in kW; without one there is only the order. `page` counts from 1."""

    strategy = StrategyChoice(
        CurtailmentStrategy.objects.select_related("site"),
        empty_label=None,
        error_messages={"invalid_choice": "There is no such strategy."},
    )
    target_kw = forms.FloatField(
        label="Draw less by, kW",
        required=False,
        min_value=0,
        max_value=MOST_KW,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE)
