"""Admin of pools, and their checks to look at."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q.tasks import async_task

from hmm.admin import LightListAdmin, NamedValues, ReadOnlyAdmin
from pools.clients import clients
from pools.models import CoinPrice, NetworkState, Pool, PoolReading
from pools.stratum import parse_endpoint

CHECK = "pools.tasks.check_pools"


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
class PoolAdmin(LightListAdmin):
    """Pools that are checked."""

    form = PoolForm
    list_display = ("name", "client", "url", "stratum_url", "user", "is_solo", "active")
    list_filter = ("active", "client", "is_solo")
    search_fields = ("name", "url", "stratum_url", "user")
    actions = ("check_now",)

    @admin.action(description="Check the active pools now", permissions=["change"])
    def check_now(self, request: HttpRequest, pools: QuerySet[Pool]) -> None:
        """Have the task queue check all that are active, as it does each minute."""
        async_task(CHECK, save=False)
        self.message_user(request, "The active pools are being checked; see Pool readings.")


@admin.register(PoolReading)
class PoolReadingAdmin(ReadOnlyAdmin):
    """Checks, the latest first."""

    list_display = (
        "pool", "timestamp", "reachable", "response_time_ms", "failed_step", "error", "hashrate_ghs", "workers", "age_s",
    )  # fmt: skip
    list_filter = ("reachable", ("failed_step", NamedValues), "pool")
    search_fields = ("pool__name", "error")
    list_select_related = ("pool",)
    ordering = ("-timestamp",)


@admin.register(CoinPrice)
class CoinPriceAdmin(ReadOnlyAdmin):
    """What coins cost, the latest first."""

    list_display = ("coin", "currency", "timestamp", "price", "source")
    list_filter = ("coin", "currency", "source")
    search_fields = ("coin", "source")
    ordering = ("-timestamp",)


@admin.register(NetworkState)
class NetworkStateAdmin(ReadOnlyAdmin):
    """Difficulties and subsidies, the latest first."""

    list_display = ("coin", "timestamp", "difficulty", "subsidy", "height")
    list_filter = ("coin",)
    search_fields = ("height",)
    ordering = ("-timestamp",)
