"""Admin of pools, and their checks to look at."""

from typing import Any

from django import forms
from django.contrib import admin

from hmm.admin import ReadOnlyAdmin
from pools.clients import clients
from pools.models import CoinPrice, NetworkState, Pool, PoolReading
from pools.stratum import parse_endpoint


class PoolForm(forms.ModelForm):
    """A pool whose kind is known and which has an address; its token is never shown."""

    client = forms.ChoiceField(
        label="Kind",
        choices=lambda: [(name, name) for name in clients.names()],
        help_text="Which kind of pool it is.",
    )
    token = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Access token or API key, where the pool wants one. Empty: as it is.",
    )

    class Meta:
        model = Pool
        fields = ("name", "client", "url", "stratum_url", "user", "token", "is_solo", "active")

    def clean_token(self) -> str:
        """Keep the token where none is typed."""
        return self.cleaned_data["token"] or self.instance.token

    def clean_stratum_url(self) -> str:
        """Refuse what is no address."""
        if url := self.cleaned_data["stratum_url"].strip():
            try:
                parse_endpoint(url)
            except ValueError as error:
                raise forms.ValidationError(str(error)) from None
        return url

    def clean(self) -> dict[str, Any]:
        """Refuse a pool with no address at all."""
        data = super().clean() or self.cleaned_data
        kind = str(data.get("client"))
        if kind in clients and not (data.get("url") or data.get("stratum_url") or clients[kind].base_url):
            raise forms.ValidationError("This kind of pool has no usual address: give one.")
        return data


@admin.register(Pool)
class PoolAdmin(admin.ModelAdmin):
    """Pools that are checked."""

    form = PoolForm
    list_display = ("name", "client", "url", "stratum_url", "user", "is_solo", "active")
    list_filter = ("active", "client")


@admin.register(PoolReading)
class PoolReadingAdmin(ReadOnlyAdmin):
    """Checks, the latest first."""

    list_display = (
        "pool", "timestamp", "reachable", "response_time_ms", "failed_step", "error", "hashrate_ghs", "workers", "age_s",
    )  # fmt: skip
    list_filter = ("pool", "reachable")
    list_select_related = ("pool",)
    ordering = ("-timestamp",)


@admin.register(CoinPrice)
class CoinPriceAdmin(ReadOnlyAdmin):
    """What coins cost, the latest first."""

    list_display = ("coin", "currency", "timestamp", "price", "source")
    list_filter = ("coin", "currency", "source")
    ordering = ("-timestamp",)


@admin.register(NetworkState)
class NetworkStateAdmin(ReadOnlyAdmin):
    """Difficulties and subsidies, the latest first."""

    list_display = ("coin", "timestamp", "difficulty", "subsidy", "height")
    ordering = ("-timestamp",)
