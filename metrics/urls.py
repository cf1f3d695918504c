"""Pages of the top floor. URL name = view function = template name."""

from django.urls import URLPattern, path

from metrics.views import dashboard, pools, prometheus, retention, strategies, system

app_name = "metrics"
urlpatterns: list[URLPattern] = [
    path("", dashboard.dashboard, name="dashboard"),
    path("blocks/fleet-summary", dashboard.fleet_summary, name="fleet_summary"),
    path("blocks/price-bars", dashboard.price_bars, name="price_bars"),
    path("blocks/miner-table", dashboard.miner_table, name="miner_table"),
    path("strategies/ranking", strategies.strategy_ranking, name="strategy_ranking"),
    path("pools", pools.pools, name="pools"),
    path("blocks/pool-table", pools.pool_table, name="pool_table"),
    path("blocks/pools-now", pools.pools_now, name="pools_now"),
    path("system", system.system, name="system"),
    path("system/blocks/<slug:name>", system.system_block, name="system_block"),
    path("retention", retention.retention, name="retention"),
    path("metrics", prometheus.prometheus, name="prometheus"),
]
