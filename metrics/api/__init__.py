"""The HTTP API, for programs with a token and for pages."""

from ninja import NinjaAPI

from metrics.api import metrics, prices, telemetry
from metrics.api.errors import add_handlers
from metrics.api.readers import READERS, readers_only

api = NinjaAPI(
    title="HMM",
    description="What your miners use, cost and do. Make a token with `manage.py create_api_token NAME`.",
    urls_namespace="api",
    auth=READERS,
    docs_decorator=readers_only,
)
add_handlers(api)
api.add_router("", metrics.router)
api.add_router("", prices.router)
api.add_router("", telemetry.router)
