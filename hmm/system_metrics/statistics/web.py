"""What the web processes measure: requests, and how long they take."""

from hmm.system_metrics.instruments import counter, distribution

requests = counter("http_requests_per_s", "web", "requests/s", "Requests answered")
errors = counter("http_errors_per_s", "web", "requests/s", "Requests answered with a status of 500 or more")
duration_ms = distribution("http_request_duration_ms", "web", "ms", "requests are answered")
cache_hits = counter("cache_hits_per_s", "web", "look-ups/s", "Look-ups that found something in the cache")
cache_misses = counter("cache_misses_per_s", "web", "look-ups/s", "Look-ups that found nothing in the cache")
