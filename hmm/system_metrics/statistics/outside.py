"""How services outside the house are doing, from the books of the door."""

from hmm.system_metrics.probes import probe

OF_SOURCE = "SELECT {value}, jsonb_build_object('source', name) FROM hmm_outsidesource GROUP BY name"

hits = probe(
    "outside_cache_hit_percent",
    "outside",
    "%",
    "Questions that the cache has answered, of those that it might have, since this database began; the tag source names the service",
    OF_SOURCE.format(
        value="CASE WHEN sum(hits + misses) > 0 THEN 100.0 * sum(hits) / sum(hits + misses + errors + unasked) END"
    ),
    "max",
)
asked = probe(
    "outside_asked_count",
    "outside",
    "questions",
    "Questions that a service outside was really asked, since this database began; the tag source names it",
    OF_SOURCE.format(value="sum(misses + uncached + errors + uncached_errors)"),
)
errors = probe(
    "outside_errors_count",
    "outside",
    "errors",
    "Questions that gave nothing usable, since this database began; the tag source names the service",
    OF_SOURCE.format(value="sum(errors + uncached_errors)"),
)
unasked = probe(
    "outside_unasked_count",
    "outside",
    "questions",
    "Questions answered with the failure of a moment ago, for which nobody was asked, since this database began; the tag source names the service",
    OF_SOURCE.format(value="sum(unasked)"),
)
stale = probe(
    "outside_stale_count",
    "outside",
    "answers",
    "Failures for which an older answer stood in, since this database began; the tag source names the service",
    OF_SOURCE.format(value="sum(stale)"),
)
