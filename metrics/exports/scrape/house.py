"""The metric families of the fleet and of the house: money, jobs, queue, services. Pure."""

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from hmm.models import JobRun
from metrics.exports.scrape.miners import STATES, hashes, state_of
from metrics.exports.scrape.read import Picture
from metrics.query.fleet import totals

Values = Iterable[tuple[tuple[str, ...], float | None]]
"""Label values, and the number; null ones are left out."""


def house_families(picture: Picture) -> Iterator[Metric]:
    """Yield every family that is not of a single miner."""
    yield from _fleet(picture)
    yield from _money(picture)
    yield from _jobs(picture)
    yield from _services(picture)


def _fleet(picture: Picture) -> Iterator[Metric]:
    total = totals([device.miner for device in picture.devices], picture.now)
    counts = Counter(state_of(device, picture.now) for device in picture.devices)
    yield _gauge(
        "hmm_fleet_miners", "Miners by state.", "", ("state",), [((s,), counts[s]) for s in STATES.values()]
    )
    yield _gauge(
        "hmm_fleet_hashrate_hashes_per_second",
        "Hashrate of all miners that are known now.",
        "hashes_per_second",
        (),
        [((), hashes(total.hashrate_ghs))],
    )
    yield _gauge(
        "hmm_fleet_power_watts",
        "Power of all miners that are known now.",
        "watts",
        (),
        [((), total.power_w)],
    )


def _money(picture: Picture) -> Iterator[Metric]:
    today = picture.today
    yield _gauge(
        "hmm_price_per_kwh",
        "What a kWh costs a site at this moment, in the currency's main unit; may be negative.",
        "",
        ("site", "tariff", "currency"),
        [((p.site, p.tariff, p.currency), p.pence_per_kwh / 100) for p in picture.prices],
    )
    yield _gauge(
        "hmm_fleet_energy_today_kwh",
        "Energy since local midnight; begins anew each day.",
        "kwh",
        (),
        [((), today.kwh if today else None)],
    )
    yield _gauge(
        "hmm_fleet_cost_today",
        "What the energy since local midnight has cost, in the currency's main unit; may be negative.",
        "",
        ("currency",),
        [((picture.currency,), today.cost if today else None)],
    )


def _jobs(picture: Picture) -> Iterator[Metric]:
    yield _gauge(
        "hmm_job_last_success_timestamp_seconds",
        "When the job last ended well.",
        "seconds",
        ("name",),
        [((run.name,), _ended_at(run).timestamp()) for run in picture.last_successes],
    )
    yield _gauge(
        "hmm_job_last_duration_seconds",
        "How long the job's last run took, however it ended.",
        "seconds",
        ("name",),
        [((run.name,), run.duration_s) for run in picture.last_runs],
    )
    yield _gauge(
        "hmm_job_last_run_ok",
        "1 when the job's last run ended well, else 0.",
        "",
        ("name",),
        [((run.name,), float(run.success)) for run in picture.last_runs],
    )
    yield _gauge("hmm_queue_tasks", "Tasks waiting or at work.", "", (), [((), picture.queued)])


def _services(picture: Picture) -> Iterator[Metric]:
    yield _gauge(
        "hmm_service_last_beat_timestamp_seconds",
        "When the service last gave a sign of life.",
        "seconds",
        ("service",),
        _moments(picture.beats),
    )
    yield _gauge(
        "hmm_store_filled_timestamp_seconds",
        "Up to when figures of the period are stored.",
        "seconds",
        ("period",),
        _moments(picture.filled_to),
    )
    about = InfoMetricFamily("hmm_build", "Which HMM this is.")
    about.add_metric((), {"version": picture.version, "python": platform.python_version()})
    yield about


def _gauge(name: str, text: str, unit: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels, unit=unit)
    for label_values, value in values:
        if value is not None:
            family.add_metric(label_values, value)
    return family


def _ended_at(run: JobRun) -> datetime:
    return run.started_at + timedelta(seconds=run.duration_s)


def _moments(moments: Mapping[str, datetime]) -> Values:
    return [((name,), moment.timestamp()) for name, moment in sorted(moments.items())]
