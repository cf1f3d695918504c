"""Questions about metrics."""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from metrics.query.aggregate import aggregate, average
from metrics.query.described import described_types
from metrics.query.entities import fleet_metrics, latest_metrics, miner_metrics
from metrics.query.merge import Figure
from metrics.query.percentile import percentile
from metrics.query.questions.base import (
    Answer,
    Options,
    Present,
    Question,
    Row,
    of_count,
    of_key,
    of_page,
    of_period,
    of_range,
    of_type,
    of_whom,
    page_size,
    paged,
    position_of,
    range_of,
)
from metrics.query.questions.whom import check_entity, miner_id
from metrics.query.ranges import metrics_in_range
from metrics.query.ranking import Ranked, bottom_miners, top_miners
from metrics.query.rows import MetricRow
from metrics.query.stretches import instant


def _range(options: Options, at: Present) -> Answer:
    span = range_of(options, at)
    found = metrics_in_range(
        **_whose(options), start=span.start, end=span.end, **_page(options, (str, int)), now=at.now
    )
    return paged(options, found, _metric, lambda row: row.position)


def _latest(options: Options, at: Present) -> Answer:
    found = latest_metrics(**_whose(options), **_page(options, (str, int)), now=at.now)
    return paged(options, found, _metric, lambda row: row.position)


def _fleet(options: Options, at: Present) -> Answer:
    moment = instant("at", options["at"], at.zone) if options["at"] is not None else None
    found = fleet_metrics(
        metric_type=options["type"],
        period=options["period"],
        at=moment,
        entity_type=options["entity_type"],
        **_page(options, (str, int)),
        now=at.now,
    )
    return paged(options, found, _metric, lambda row: row.position)


def _miner(options: Options, at: Present) -> Answer:
    span = range_of(options, at)
    found = miner_metrics(
        miner_id(options["miner"]),
        period=options["period"],
        start=span.start,
        end=span.end,
        **_page(options, (str,)),
        now=at.now,
    )
    return paged(options, found, _metric, lambda row: (row.timestamp, row.metric_type))


def _aggregate(options: Options, at: Present) -> Answer:
    span = range_of(options, at)
    found = aggregate(
        **_whose(options),
        start=span.start,
        end=span.end,
        into=options["into"],
        **_page(options, (int,)),
        now=at.now,
    )
    return paged(options, found, _figure, lambda figure: figure.position)


def _average(options: Options, at: Present) -> Answer:
    span = range_of(options, at)
    found = average(**_whose(options), key=options["key"], start=span.start, end=span.end, now=at.now)
    return Answer([asdict(found)] if found else [])


def _percentile(options: Options, at: Present) -> Answer:
    span = range_of(options, at)
    found = percentile(
        **_whose(options), percent=options["percent"], start=span.start, end=span.end, now=at.now
    )
    return Answer([asdict(found)] if found else [])


def _ranking(rank: Callable[..., list[Ranked]]) -> Callable[[Options, Present], Answer]:
    def answer(options: Options, at: Present) -> Answer:
        span = range_of(options, at)
        found = rank(
            metric_type=options["type"],
            key=options["key"],
            period=options["period"],
            start=span.start,
            end=span.end,
            n=options["n"],
            now=at.now,
        )
        return Answer([_ranked(place, options["key"]) for place in found])

    return answer


def _types(options: Options, at: Present) -> Answer:
    found = described_types()
    lines = [
        {
            "type": each.name,
            "unit": each.unit,
            "key": key.key,
            "kind": key.kind,
            "entities": tuple(key.formula),
        }
        for each in found
        for key in each.keys
    ]
    return Answer([asdict(described) for described in found], lines=lines)


def _whose(options: Options) -> dict[str, Any]:
    check_entity(options["entity_type"], options["entity_id"])
    return {
        "metric_type": options["type"],
        "period": options["period"],
        "entity_type": options["entity_type"],
        "entity_id": options["entity_id"],
    }


def _page(options: Options, kinds: Sequence[Callable[[str], Any]]) -> dict[str, Any]:
    return {"limit": page_size(options), "after": position_of(options, kinds)}


def _metric(row: MetricRow) -> Row:
    return asdict(row)


def _figure(figure: Figure) -> Row:
    return asdict(figure)


def _ranked(place: Ranked, key: str) -> Row:
    return {
        "rank": place.rank,
        "miner_id": place.miner_id,
        "miner": place.miner_name,
        key: place.value,
        "coverage": place.figure.value_json["coverage"],
        "start": place.figure.start,
        "end": place.figure.end,
    }


def _of_miner(parser: ArgumentParser) -> None:
    parser.add_argument("miner", metavar="MINER", help="its name or id")


def _of_one(parser: ArgumentParser) -> None:
    parser.add_argument("--entity-type", default="system", help="miner, site or system; default system")
    parser.add_argument("--entity-id", type=int, metavar="ID", help="the id of the miner or site")


def _of_fleet(parser: ArgumentParser) -> None:
    parser.add_argument("--at", metavar="WHEN", help="the period that holds this; the open one when left out")
    parser.add_argument("--entity-type", default="miner", help="miner, site or system; default miner")


def _of_percent(parser: ArgumentParser) -> None:
    parser.add_argument("--percent", type=int, default=95, help="50, 95 or 99; default 95")


def _of_into(parser: ArgumentParser) -> None:
    parser.add_argument("--into", metavar="PERIOD", help="one figure for each of these longer periods")


QUESTIONS = (
    Question(
        "range",
        "one metric of a range of time, period by period",
        "manage.py query range --type energy_cost --period daily --entity-type system --days 7",
        (of_type, of_period, of_range, of_whom, of_page),
        _range,
    ),
    Question(
        "miner",
        "every metric of one miner",
        "manage.py query miner garage-1 --period hourly --days 1",
        (_of_miner, of_period, of_range, of_page),
        _miner,
    ),
    Question(
        "fleet",
        "one metric of every miner in one period",
        "manage.py query fleet --type hashrate --period daily --at 2025-03-30",
        (of_type, of_period, _of_fleet, of_page),
        _fleet,
    ),
    Question(
        "latest",
        "the last period that is over, and the open one",
        "manage.py query latest --type efficiency --period hourly --entity-type site",
        (of_type, of_period, of_whom, of_page),
        _latest,
    ),
    Question(
        "aggregate",
        "a range of periods merged into one figure, or into longer periods",
        "manage.py query aggregate --type energy_cost --from 2025-03-01 --to 2025-03-31 --into weekly",
        (of_type, of_period, of_range, _of_one, _of_into, of_page),
        _aggregate,
    ),
    Question(
        "average",
        "the average of one key over a range, rightly weighted",
        "manage.py query average --type hashrate --key avg --entity-type miner --entity-id 3 --days 7",
        (of_type, of_key, of_period, of_range, _of_one),
        _average,
    ),
    Question(
        "percentile",
        "what so many percent of the readings of a range do not exceed: hashrate or temperature",
        "manage.py query percentile --type temperature --percent 99 --days 7",
        (of_type, _of_percent, of_period, of_range, _of_one),
        _percentile,
    ),
    Question(
        "top",
        "the miners with the greatest figures of a range",
        "manage.py query top --type hashrate --key avg --days 7 -n 5",
        (of_type, of_key, of_period, of_range, of_count),
        _ranking(top_miners),
    ),
    Question(
        "bottom",
        "the miners with the least figures of a range",
        "manage.py query bottom --type uptime --key uptime --days 30",
        (of_type, of_key, of_period, of_range, of_count),
        _ranking(bottom_miners),
    ),
    Question("types", "the metric types: units, keys, formulas", "manage.py query types --json", (), _types),
)
