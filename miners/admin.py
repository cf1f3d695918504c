"""Sites, models, miners and strategies in the admin; states and rows set aside to look at.

What reaches into the past, a move or a tariff, goes through miners/membership.
"""

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Model, Q, QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from hmm.admin import LightListAdmin, NamedValues, ReadOnly, ReadOnlyAdmin
from hmm.installation import installation
from hmm.lib.units import UNKNOWN, format_hashrate
from miners.collector.fleet import POLLED
from miners.control.admin import order_action
from miners.discovery.anew import MOST, look_again
from miners.drivers.base import drivers, parse_address
from miners.drivers.orders import Kind
from miners.maintenance import set_maintenance
from miners.membership import (
    move_miner,
    place_miner,
    remove_site_tariff,
    retire_miner,
    set_site_tariff,
)
from miners.models import (
    CollectorPresence,
    CurtailmentStrategy,
    LatestReading,
    Miner,
    MinerModel,
    MinerSite,
    SetAside,
    Site,
    SiteLease,
    SiteTariff,
    StateChange,
)


class SiteTariffInline(admin.TabularInline):
    model = SiteTariff
    extra = 0
    ordering = ["start_date"]
    verbose_name_plural = "tariffs, each from the beginning of a day until the next"


@admin.register(Site)
class SiteAdmin(LightListAdmin):
    list_display = ["name", "poll_interval_s", "miners_now"]
    list_filter = ["tariffs__tariff", "poll_interval_s"]
    search_fields = ["name", "tariffs__tariff__name"]
    inlines = [SiteTariffInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """Count the miners along."""
        there = Count("miners", filter=Q(miners__retired_at=None), distinct=True)
        return super().get_queryset(request).annotate(miners_there=there)

    @admin.display(description="miners", ordering="miners_there")
    def miners_now(self, site: Site) -> int:
        return int(site.miners_there)  # type: ignore[attr-defined]

    def save_formset(self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool) -> None:
        """Store tariffs with the figures they make anew: a changed entry is the old one gone and a new one."""
        formset.save(commit=False)
        changed = [entry for entry, _ in formset.changed_objects]
        for entry in [*formset.deleted_objects, *SiteTariff.objects.filter(pk__in=[e.pk for e in changed])]:
            remove_site_tariff(entry)
        for entry in [*changed, *formset.new_objects]:
            set_site_tariff(entry.site, entry.tariff, entry.start_date)


@admin.register(MinerModel)
class MinerModelAdmin(LightListAdmin):
    list_display = [
        "name",
        "manufacturer",
        "driver",
        "reference_hashrate_ghs",
        "reference_power_w",
        "max_temperature_c",
    ]
    list_filter = [("manufacturer", NamedValues), ("driver", NamedValues)]
    search_fields = ["name", "manufacturer"]


class MovesInline(ReadOnly, admin.TabularInline):
    model = MinerSite
    extra = 0
    ordering = ["start_date"]
    verbose_name_plural = "sites it has belonged to, each from the beginning of a day until the next"


class MinerForm(ModelForm):
    """Refuses what could never be polled."""

    def clean_driver(self) -> str:
        name: str = self.cleaned_data["driver"]
        if name and name not in drivers:
            raise ValidationError(f"No driver is called {name!r}; there are: {', '.join(drivers.names())}.")
        return name

    def clean_host(self) -> str:
        host: str = self.cleaned_data["host"]
        if not host:
            return host
        try:
            address = parse_address(host)
            if address.port is not None:
                raise ValueError("the port has a field of its own")
        except ValueError as error:
            raise ValidationError(f"Not an address: {error}.") from error
        return address.host


@admin.register(Miner)
class MinerAdmin(LightListAdmin):
    form = MinerForm
    list_per_page = 20
    list_display = [
        "name",
        "state",
        "site",
        "customer",
        "model",
        "hashrate",
        "power",
        "enabled",
        "maintenance",
        "address",
    ]
    list_filter = [
        "state",
        "site",
        "model",
        "tier",
        "enabled",
        "maintenance",
        ("retired_at", admin.EmptyFieldListFilter),
    ]
    list_select_related = ["site", "model", "latest"]
    search_fields = ["name", "host", "identity", "customer"]
    readonly_fields = ["state", "state_reason", "state_since", "created_at"]
    actions = [
        "enable",
        "disable",
        "begin_maintenance",
        "end_maintenance",
        "retire",
        "look_again",
        *(order_action(kind) for kind in (Kind.RESTART, Kind.PAUSE, Kind.RESUME, Kind.IDENTIFY)),
    ]
    inlines = [MovesInline]

    def view_on_site(self, obj: Miner) -> str:
        return reverse("metrics:miner", args=[obj.pk])

    @admin.display(description="hashrate")
    def hashrate(self, miner: Miner) -> str:
        latest = _latest(miner)
        return format_hashrate(latest.hashrate_ghs if latest else None)

    @admin.display(description="power")
    def power(self, miner: Miner) -> str:
        latest = _latest(miner)
        return UNKNOWN if latest is None or latest.power_w is None else f"{latest.power_w:,.0f} W"

    @admin.display(description="address", ordering="host")
    def address(self, miner: Miner) -> str:
        return f"{miner.host}:{miner.port}" if miner.port else miner.host

    def has_command_permission(self, request: HttpRequest) -> bool:
        """Whether the user may give miners orders; the actions that do ask for it."""
        return request.user.has_perm("miners.add_command")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Miners are retired: what they did stays."""
        return False

    def save_model(self, request: HttpRequest, obj: Miner, form: ModelForm, change: bool) -> None:
        """Save it; another site is a move, from today on."""
        if not change:
            place_miner(obj)
            return
        # Only what was changed here: the collector writes of the same miner meanwhile.
        obj.save(update_fields=[name for name in form.changed_data if name not in ("site", "maintenance")])
        if "maintenance" in form.changed_data:
            set_maintenance([obj.pk], timezone.now(), begin=obj.maintenance)
        if "site" in form.changed_data:
            today = _today()
            move_miner(obj, obj.site, today, today=today)

    @admin.action(description="Poll the selected miners", permissions=["change"])
    def enable(self, request: HttpRequest, miners: QuerySet[Miner]) -> None:
        miners.update(enabled=True)

    @admin.action(description="Do not poll the selected miners", permissions=["change"])
    def disable(self, request: HttpRequest, miners: QuerySet[Miner]) -> None:
        miners.update(enabled=False)

    @admin.action(description="Begin maintenance of the selected miners", permissions=["change"])
    def begin_maintenance(self, request: HttpRequest, miners: QuerySet[Miner]) -> None:
        set_maintenance(miners.values_list("pk", flat=True), timezone.now(), begin=True)

    @admin.action(description="End maintenance of the selected miners", permissions=["change"])
    def end_maintenance(self, request: HttpRequest, miners: QuerySet[Miner]) -> None:
        set_maintenance(miners.values_list("pk", flat=True), timezone.now(), begin=False)

    @admin.action(description="Retire the selected miners", permissions=["change"])
    def retire(self, request: HttpRequest, miners: QuerySet[Miner]) -> None:
        now = timezone.now()
        for miner in miners.filter(retired_at=None):
            retire_miner(miner, now)

    @admin.action(description="Look again how the selected miners are read best", permissions=["change"])
    def look_again(self, request: HttpRequest, miners: QuerySet[Miner]) -> None:
        asked = list(miners.filter(POLLED)[: MOST + 1])
        if len(asked) > MOST:
            words = f"Select at most {MOST} miners, or run manage.py discover --learn."
            self.message_user(request, words, messages.WARNING)
            return
        looked = look_again(asked)
        for one in looked:
            level = messages.SUCCESS if one.driver else messages.INFO
            self.message_user(request, f"{one.miner} {one.words}", level)
        if not looked:
            self.message_user(request, "None of them is polled.", messages.WARNING)


@admin.register(CurtailmentStrategy)
class CurtailmentStrategyAdmin(LightListAdmin):
    """Strategies; the model refuses weights that do not sum to 1.00."""

    list_display = [
        "name",
        "site",
        "kind",
        "weight_performance",
        "weight_efficiency",
        "weight_uptime",
        "vip_protection",
        "minimum_uptime",
        "active",
        "seeded",
    ]
    list_filter = ["site", "kind", "active", "vip_protection", ("seed", admin.EmptyFieldListFilter)]
    list_select_related = ["site"]
    search_fields = ["name", "site__name"]
    readonly_fields = ["seeded"]
    actions = ["show_ranking"]

    @admin.display(description="seeded", boolean=True, ordering="seed")
    def seeded(self, strategy: CurtailmentStrategy) -> bool:
        return strategy.is_seeded

    def view_on_site(self, obj: CurtailmentStrategy) -> str:
        return _ranking_url(obj)

    @admin.action(
        description="Show which miners the selected strategy would cut, and why", permissions=["view"]
    )
    def show_ranking(
        self, request: HttpRequest, strategies: QuerySet[CurtailmentStrategy]
    ) -> HttpResponseRedirect | None:
        if len(strategies) != 1:
            self.message_user(request, "Select one strategy: each ranks its own site.", messages.WARNING)
            return None
        return HttpResponseRedirect(_ranking_url(strategies[0]))


@admin.register(StateChange)
class StateChangeAdmin(ReadOnlyAdmin):
    list_display = ["at", "miner", "state", "reason"]
    list_filter = ["state", "miner__site"]
    list_select_related = ["miner"]
    search_fields = ["miner__name", "reason"]
    ordering = ["-at"]


@admin.register(LatestReading)
class LatestReadingAdmin(ReadOnlyAdmin):
    """What each miner said last. Its telemetry of before is on its page, in the exports and in the API."""

    list_display = [
        "miner",
        "timestamp",
        "hashrate",
        "power_w",
        "temperature_c",
        "fan_rpm",
        "mode",
        "firmware",
        "pool_url",
    ]
    list_filter = [("mode", NamedValues), ("firmware", NamedValues), "miner__site"]
    list_select_related = ["miner"]
    search_fields = ["miner__name", "firmware", "pool_url", "pool_user"]
    ordering = ["miner__name"]

    @admin.display(description="hashrate", ordering="hashrate_ghs")
    def hashrate(self, latest: LatestReading) -> str:
        return format_hashrate(latest.hashrate_ghs)


@admin.register(SetAside)
class SetAsideAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "source", "miner_name", "reason"]
    list_filter = ["source"]
    search_fields = ["miner_name", "reason"]
    ordering = ["-pk"]


@admin.register(CollectorPresence)
class CollectorPresenceAdmin(ReadOnlyAdmin):
    """Collectors that run, or ran less than a day ago."""

    list_display = ["name", "since", "until"]
    search_fields = ["name"]
    ordering = ["name"]


@admin.register(SiteLease)
class SiteLeaseAdmin(ReadOnlyAdmin):
    """Which collector polls each site."""

    list_display = ["site", "holder", "since", "until"]
    search_fields = ["site__name", "holder"]
    list_filter = ["holder"]
    list_select_related = ["site"]
    ordering = ["site__name"]


def _latest(miner: Miner) -> LatestReading | None:
    return getattr(miner, "latest", None)


def _ranking_url(strategy: CurtailmentStrategy) -> str:
    return f"{reverse('metrics:strategy_ranking')}?{urlencode({'strategy': strategy.pk})}"


def _today() -> date:
    return timezone.now().astimezone(installation().zone).date()
