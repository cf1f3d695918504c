"""What a pool's row of metrics_rollup holds: few of its columns, and sums of its checks in `extras`.

`records` are checks, `covered_s` the seconds that they stand for, `shares_s` those of checks that told of shares.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolSum:
    """A sum over checks that a pool's row keeps in its `extras`; `from_checks` is its aggregate."""

    name: str
    from_checks: str

    @property
    def of_row(self) -> str:
        """Return its SQL expression over a row `r`."""
        return f"(r.extras->>'{self.name}')::float8"


REACHED = PoolSum("reached", "count(*) FILTER (WHERE begins AND reachable)")
RESPONSES = PoolSum("responses", "count(response_time_ms) FILTER (WHERE begins)")
RESPONSE_MS = PoolSum("response_ms", "sum(response_time_ms) FILTER (WHERE begins)")
POOL_SUMS = (REACHED, RESPONSES, RESPONSE_MS)

PLAIN = {
    "records": "coalesce({}, 0)",
    "covered_s": "coalesce({}, 0)",
    "shares_s": "{}",
    "accepted": "{}",
    "rejected": "{}",
}
POOL_NAMES = ", ".join([*PLAIN, "extras"])


def _extras(value: str) -> str:
    pairs = ", ".join(f"'{each.name}', {value.format(each=each)}" for each in POOL_SUMS)
    return f"jsonb_strip_nulls(jsonb_build_object({pairs})) AS extras"


MADE_OF_CHECKS = {
    "records": "count(*) FILTER (WHERE begins)",
    "covered_s": "sum(sec)",
    "shares_s": "sum(sec) FILTER (WHERE accepted IS NOT NULL OR rejected IS NOT NULL)",
    "accepted": "sum(accepted) FILTER (WHERE begins)",
    "rejected": "sum(rejected) FILTER (WHERE begins)",
}
FROM_CHECKS = ", ".join(
    [
        *(f"({PLAIN[name].format(sql)})::bigint AS {name}" for name, sql in MADE_OF_CHECKS.items()),
        _extras("{each.from_checks}"),
    ]
)
MERGED_POOLS = ", ".join(
    [
        *(f"({sql.format(f'sum(part.{name})')})::bigint AS {name}" for name, sql in PLAIN.items()),
        _extras("sum((part.extras->>'{each.name}')::float8)"),
    ]
)
