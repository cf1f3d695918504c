"""The map of the house, but for /healthz (hmm/middleware.py). Apps are named in strings only."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from hmm.login import Login
from hmm.outside import outside_sources
from hmm.system_metrics.page import system_metrics
from hmm.theme import theme

handler404 = "hmm.errors.page_not_found"
handler500 = "hmm.errors.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", Login.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("theme", theme, name="theme"),
    path("blocks/system-metrics", system_metrics, name="system_metrics"),
    path("blocks/outside-sources", outside_sources, name="outside_sources"),
    path("api/", include("metrics.api.urls")),
    path("", include("miners.urls")),
    path("", include("metrics.urls")),
]
