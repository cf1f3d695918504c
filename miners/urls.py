"""Pages of the miners. URL name = view function = template name."""

from django.urls import URLPattern, path

from miners.views import commands, discovery

app_name = "miners"
urlpatterns: list[URLPattern] = [
    path("miners/<int:miner_id>/commands", commands.commands, name="commands"),
    path("discovery", discovery.discovery, name="discovery"),
    path("blocks/discovery/<slug:run_id>", discovery.discovery_run, name="discovery_run"),
    path("discovery/<slug:run_id>/add", discovery.discovery_add, name="discovery_add"),
]
