"""Pages of the miners. URL name = view function = template name."""

from django.urls import URLPattern, path

from miners.views import commands, discovery, welcome

app_name = "miners"
urlpatterns: list[URLPattern] = [
    path("miners/<int:miner_id>/commands", commands.commands, name="commands"),
    path("welcome", welcome.welcome, name="welcome"),
    path("welcome/place", welcome.welcome_place, name="welcome_place"),
    path("welcome/electricity", welcome.welcome_electricity, name="welcome_electricity"),
    path("discovery", discovery.discovery, name="discovery"),
    path("blocks/discovery/<slug:run_id>", discovery.discovery_run, name="discovery_run"),
    path("discovery/<slug:run_id>/add", discovery.discovery_add, name="discovery_add"),
]
