"""`GET /metrics`: how everything is at this moment, for Prometheus and what reads its formats."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from metrics.api.readers import readers_only
from metrics.exports.scrape import registry_of
from metrics.exports.scrape.read import take_picture

OPENMETRICS = "application/openmetrics-text"


@readers_only
@require_safe
@never_cache
def prometheus(request: HttpRequest) -> HttpResponse:
    """Current gauges and counters, for whoever may read the API: OpenMetrics when Accept asks for it."""
    registry = registry_of(take_picture(timezone.now()))
    if wants_openmetrics(request.headers.get("Accept", "")):
        return HttpResponse(
            openmetrics.generate_latest(registry), content_type=openmetrics.CONTENT_TYPE_LATEST
        )
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def wants_openmetrics(accept: str) -> bool:
    """Tell whether an Accept header names OpenMetrics, and does not refuse it with q=0."""
    for wanted in accept.lower().split(","):
        name, *parameters = (part.strip() for part in wanted.split(";"))
        if name == OPENMETRICS:
            return not any(_is_refusal(parameter) for parameter in parameters)
    return False


def _is_refusal(parameter: str) -> bool:
    key, _, value = parameter.partition("=")
    return key == "q" and value.strip("0.") == ""
