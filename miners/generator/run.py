"""Generates telemetry: what is missing at the marks is made, stored in chunks, and checked as it is stored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from miners.generator.profile import Profile, has_own_baseline, least_working_ghs, limits_of, profile_of
from miners.generator.series import series
from miners.models import Miner
from miners.telemetry.bulk import store_histories
from miners.telemetry.partitions import ensure_partitions
from miners.telemetry.regular import (
    Found,
    Marks,
    count_outside,
    find_regular,
    recent_averages,
    stored_seconds,
)
from miners.telemetry.rows import WriteResult
from miners.telemetry.rules import MAX_COVERED_S
from miners.telemetry.staging import DayDropped

HOUR_S = 3600
MOST_HOURS = 366 * 24
MOST_ROWS = 1_000_000_000
ROWS_A_CHUNK = 200_000
"""So many rows at most are stored in a transaction."""


class GenerationRefused(ValueError):
    """Telemetry that cannot be generated, and why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to generate: the profiles of miners, those among them that have rows already, and who is left out."""

    marks: Marks
    profiles: list[Profile]
    found: dict[int, Found]
    left_out: list[str] = field(default_factory=list)

    def is_complete(self, profile: Profile) -> bool:
        """Return whether a miner has a row at every mark already."""
        found = self.found.get(profile.miner_id)
        return found is not None and found.at_marks == len(self.marks)

    def rows_there(self) -> int:
        """Return how many rows its miners have at the marks already."""
        return sum(self.found[p.miner_id].at_marks for p in self.profiles if p.miner_id in self.found)


@dataclass(frozen=True, slots=True)
class Written:
    """What a run stored, and from which second to which it wrote rows of a miner, by miner id."""

    result: WriteResult
    stretches: dict[int, tuple[int, int]]


def marks_before(now: datetime, hours: int, cadence_s: int) -> Marks:
    """Return the marks of the last `hours` hours, the newest the last multiple of `cadence_s` that has come.

    Raises GenerationRefused where there are none, or not a whole number of them.
    """
    if not 1 <= hours <= MOST_HOURS:
        raise GenerationRefused(f"--hours {hours} is not from 1 to {MOST_HOURS}, a leap year")
    if not 1 <= cadence_s <= MAX_COVERED_S:
        raise GenerationRefused(f"--cadence {cadence_s} is not from 1 to {MAX_COVERED_S} seconds, a week")
    if hours * HOUR_S % cadence_s:
        raise GenerationRefused(
            f"--cadence {cadence_s} does not divide {hours} hours ({hours * HOUR_S} s) into whole rows"
        )
    last = int(now.timestamp()) // cadence_s * cadence_s
    return Marks(last - hours * HOUR_S + cadence_s, last, cadence_s)


def refuse_too_many(miners: int, marks: Marks) -> None:
    """Raise GenerationRefused where so many miners would have more rows than a run may make."""
    rows = miners * len(marks)
    if rows > MOST_ROWS:
        raise GenerationRefused(f"{rows:,} rows are too many for one run, the most is {MOST_ROWS:,}")


def make_plan(miners: Sequence[Miner], marks: Marks) -> Plan:
    """Return what to generate for `miners`.

    Left out is a miner that has rows elsewhere than at the marks: generated ones would go among its own.
    """
    found = find_regular([miner.pk for miner in miners], marks)
    is_own = {miner_id for miner_id, rows in found.items() if rows.elsewhere}
    chosen = [miner for miner in miners if miner.pk not in is_own]
    left_out = [miner.name for miner in miners if miner.pk in is_own]
    return Plan(marks, _profiles(chosen, marks), found, left_out)


def write(
    plan: Plan, *, seed: int, now: datetime, on_rows: Callable[[int], None] = lambda _: None
) -> Written:
    """Store the rows of `plan` that are missing. `on_rows` is told after each transaction how many more are there.

    A run that is stopped has stored whole chunks; the next one goes on. Raises GenerationRefused where telemetry of these
    days has been dropped.
    """
    _ensure_partitions(plan.marks)
    incomplete = [profile for profile in plan.profiles if not plan.is_complete(profile)]
    on_rows((len(plan.profiles) - len(incomplete)) * len(plan.marks))
    result = WriteResult()
    stretches: dict[int, tuple[int, int]] = {}
    for part, chunk in _chunks(incomplete, plan.marks):
        missing = _missing(plan, chunk, part)
        histories = (
            (profile.miner_id, series(profile, seed, missing[profile.miner_id], part.cadence_s))
            for profile in chunk
        )
        try:
            result += store_histories(histories, source="generator", now=now)
        except DayDropped as dropped:
            raise GenerationRefused(f"{dropped.reason}; ask for fewer --hours") from dropped
        for miner_id, marks in missing.items():
            if marks:
                stretches[miner_id] = (stretches.get(miner_id, marks)[0], marks[-1])
        on_rows(len(chunk) * len(part))
    return Written(result, stretches)


def failures(plan: Plan, written: Written, on_rows: Callable[[int], None] = lambda _: None) -> list[str]:
    """Return what is wrong with the rows as they are stored, a line for each miner and fault.

    Every miner has one row at each mark and none elsewhere; those of the stretch that was written keep the limits
    of their miner's state. What was there before may be of another state.
    """
    faults: list[str] = []
    for chunk in _groups(plan.profiles, plan.marks):
        faults += _misplaced(plan.marks, chunk)
        faults += _outside(written, chunk)
        on_rows(len(chunk) * len(plan.marks))
    return faults


def _profiles(miners: Sequence[Miner], marks: Marks) -> list[Profile]:
    asked = {miner.pk: least_working_ghs(miner) for miner in miners if not has_own_baseline(miner)}
    recent = recent_averages(asked, marks.first - marks.cadence_s)
    return [profile_of(miner, recent.get(miner.pk, (None, None))) for miner in miners]


def _ensure_partitions(marks: Marks) -> None:
    first, last = (datetime.fromtimestamp(second, UTC) for second in (marks.first, marks.last))
    ensure_partitions(first, last + timedelta(seconds=1))


def _chunks(profiles: Sequence[Profile], marks: Marks) -> Iterator[tuple[Marks, Sequence[Profile]]]:
    """Cut what there is to store into pieces of ROWS_A_CHUNK rows at most: of many miners, or of a part of the marks."""
    step = ROWS_A_CHUNK * marks.cadence_s
    for first in range(marks.first, marks.last + 1, step):
        part = Marks(first, min(first + step - marks.cadence_s, marks.last), marks.cadence_s)
        for group in _groups(profiles, part):
            yield part, group


def _groups(profiles: Sequence[Profile], marks: Marks) -> Iterator[Sequence[Profile]]:
    size = max(1, ROWS_A_CHUNK // len(marks))
    for start in range(0, len(profiles), size):
        yield profiles[start : start + size]


def _missing(plan: Plan, chunk: Iterable[Profile], part: Marks) -> dict[int, Sequence[int]]:
    """Return at which marks of `part` each miner of `chunk` has no row, oldest first."""
    begun = stored_seconds([p.miner_id for p in chunk if p.miner_id in plan.found], part)
    return {
        profile.miner_id: _without(part.seconds(), begun.get(profile.miner_id, set())) for profile in chunk
    }


def _without(seconds: range, stored: set[int]) -> Sequence[int]:
    return [second for second in seconds if second not in stored] if stored else seconds


def _misplaced(marks: Marks, chunk: Sequence[Profile]) -> Iterator[str]:
    found = find_regular([profile.miner_id for profile in chunk], marks)
    for profile in chunk:
        at_marks, elsewhere = found.get(profile.miner_id, Found(0, 0))
        if at_marks != len(marks):
            yield f"{profile.name} has {at_marks} of {len(marks)} rows that last {marks.cadence_s} s each"
        if elsewhere:
            yield f"{profile.name} has {elsewhere} rows that are not at the marks or last otherwise"


def _outside(written: Written, chunk: Sequence[Profile]) -> Iterator[str]:
    made = [profile for profile in chunk if profile.miner_id in written.stretches]
    outside = count_outside([(limits_of(profile), *written.stretches[profile.miner_id]) for profile in made])
    for profile in made:
        if rows := outside.get(profile.miner_id):
            yield f"{profile.name} has {rows} rows outside what a miner shows that is {profile.status}"
