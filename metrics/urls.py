"""Pages of the top floor. URL name = view function = template name."""

from django.urls import URLPattern, path

from metrics.views import (
    analytics,
    dashboard,
    explain,
    fleet_blocks,
    ledger,
    miner,
    miners_together,
    pools,
    prices,
    prometheus,
    retention,
    strategies,
    system,
)

app_name = "metrics"
urlpatterns: list[URLPattern] = [
    path("", dashboard.dashboard, name="dashboard"),
    path("blocks/fleet-summary", dashboard.fleet_summary, name="fleet_summary"),
    path("blocks/price-bars", dashboard.price_bars, name="price_bars"),
    path("blocks/miner-table", dashboard.miner_table, name="miner_table"),
    path("blocks/fleet-attention", fleet_blocks.fleet_attention, name="fleet_attention"),
    path("blocks/fleet-yesterday", fleet_blocks.fleet_yesterday, name="fleet_yesterday"),
    path("blocks/fleet-vitals", fleet_blocks.fleet_vitals, name="fleet_vitals"),
    path("miners/together", miners_together.miners_together, name="miners_together"),
    path("miners/<int:miner_id>", miner.miner, name="miner"),
    path("miners/<int:miner_id>/reading", miner.miner_reading, name="miner_reading"),
    path("miners/<int:miner_id>/health", miner.miner_health, name="miner_health"),
    path("miners/<int:miner_id>/money", miner.miner_money, name="miner_money"),
    path("miners/<int:miner_id>/charts", miner.miner_charts, name="miner_charts"),
    path("miners/<int:miner_id>/series/<slug:quantity>", miner.miner_series, name="miner_series"),
    path("miners/<int:miner_id>/notes", miner.miner_notes, name="miner_notes"),
    path("strategies/ranking", strategies.strategy_ranking, name="strategy_ranking"),
    path("pools", pools.pools, name="pools"),
    path("blocks/pool-table", pools.pool_table, name="pool_table"),
    path("blocks/pools-now", pools.pools_now, name="pools_now"),
    path("system", system.system, name="system"),
    path("system/blocks/<slug:name>", system.system_block, name="system_block"),
    path("ledger", ledger.ledger, name="ledger"),
    path("ledger.csv", ledger.ledger_csv, name="ledger_csv"),
    path("prices", prices.prices, name="prices"),
    path("blocks/price-outlook", prices.price_outlook, name="price_outlook"),
    path("analytics", analytics.analytics, name="analytics"),
    path("analytics.csv", analytics.analytics_csv, name="analytics_csv"),
    path("analytics.json", analytics.analytics_json, name="analytics_json"),
    path("explain", explain.explain, name="explain"),
    path("retention", retention.retention, name="retention"),
    path("metrics", prometheus.prometheus, name="prometheus"),
]
