"""Imports a telemetry file: whole, or with `keep_going` all of it that is sound."""

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction

from miners.membership import add_miners
from miners.models import Miner, Site
from miners.telemetry.files import Chunk, FileRefused, reading
from miners.telemetry.lines import Line, LineRefused
from miners.telemetry.rows import WriteResult
from miners.telemetry.staging import DayDropped, Stage, StagedMiner, merge_stage, staging

NAMED_AT_MOST = 10
MOST_NEW_NAMES = 100_000
"""A file that names more miners than that has something else where their names should be."""

FEW_LINES = 250
"""Lines among which a bad one is looked for one by one."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    result: WriteResult
    refused_lines: int
    created: tuple[str, ...]


@dataclass
class _Names:
    """The keys that rows are staged under: the miner's id, or for a new name a negative number."""

    known: dict[str, int]
    create: bool
    new: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def key(self, name: str) -> int | None:
        """Return the key of the miner called `name`, None when there is none and none may be created."""
        key = self.known.get(name)
        if key is None and self.create:
            key = self.known[name] = self.new[name] = -1 - len(self.new)
            _refuse_too_many(self.new)
        return key

    def keys(self, names: Sequence[str]) -> list[int] | None:
        """Return the key of each of `names`, None when one has none."""
        found = {name: self.key(name) for name in dict.fromkeys(names)}
        keys = [key for key in map(found.get, names) if key is not None]
        return keys if len(keys) == len(names) else None

    def note_unknown(self, name: str, number: int) -> None:
        """Remember a miner that is not known, and the first line that names it."""
        self.unknown.setdefault(name, number)
        _refuse_too_many(self.unknown)


def import_file(
    path: Path,
    *,
    now: datetime,
    create_in: Site | None = None,
    keep_going: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Store the telemetry in the file at `path`, in one transaction.

    Miners it names that do not exist are created at the site `create_in`, or refused without one.
    Raises FileRefused, with nothing stored, at the first line that cannot be believed; with `keep_going`
    such lines are set aside instead.
    """
    known = dict(Miner.objects.values_list("name", "pk"))
    names = _Names(known, create=create_in is not None)
    with transaction.atomic():
        with staging() as stage, reading(path, now, on_progress) as chunks:
            for chunk in chunks:
                _stage_chunk(stage, names, chunk, keep_going)
        _refuse_unknown(names)
        new = created(names.new, create_in) if create_in else []
        staged = _staged_miners(stage, names, new)
        try:
            result = merge_stage(stage, staged, source="import", now=now, keep_going=keep_going)
        except DayDropped as dropped:
            raise FileRefused(str(dropped)) from dropped
    return Imported(result, stage.problems, tuple(names.new))


def created(names: Iterable[str], site: Site) -> list[Miner]:
    """Create the miners of these names at `site`. Raises FileRefused where somebody else has done so meanwhile."""
    try:
        return add_miners(names, site)
    except IntegrityError:
        raise FileRefused("names new miners that somebody else has just created; import it again") from None


def _stage_chunk(stage: Stage, names: _Names, chunk: Chunk, keep_going: bool) -> None:
    columns = chunk.columns()
    keys = columns and names.keys(columns.miners)
    if columns and keys:
        stage.add_columns(chunk.numbers, keys, columns)
    elif chunk.parse_columns and len(chunk.texts) > FEW_LINES:
        for half in chunk.halves():
            _stage_chunk(stage, names, half, keep_going)
    else:
        for number, found, text in chunk.lines():
            _stage(stage, names, number, found, text, keep_going)


def _stage(
    stage: Stage, names: _Names, number: int, found: Line | LineRefused, text: str, keep_going: bool
) -> None:
    if isinstance(found, Line):
        key = names.key(found.miner)
        if key is not None:
            stage.add(number, key, *found[1:])
        elif keep_going:
            stage.add_problem(number, f"no miner is called {found.miner!r}", text)
        else:
            names.note_unknown(found.miner, number)
    elif keep_going:
        stage.add_problem(number, str(found), text)
    else:
        raise FileRefused(f"line {number}: {found}")


def _refuse_too_many(names: Sized) -> None:
    if len(names) > MOST_NEW_NAMES:
        raise FileRefused(
            f"names more than {MOST_NEW_NAMES} miners that do not exist: is its column miner the right one?"
        )


def _refuse_unknown(names: _Names) -> None:
    if not names.unknown:
        return
    first = min(names.unknown.values())
    some = ", ".join(list(names.unknown)[:NAMED_AT_MOST])
    more = f" and {len(names.unknown) - NAMED_AT_MOST} more" if len(names.unknown) > NAMED_AT_MOST else ""
    raise FileRefused(
        f"names miners that do not exist, from line {first} on: {some}{more}; --create-miners creates them"
    )


def _staged_miners(stage: Stage, names: _Names, created: list[Miner]) -> list[StagedMiner]:
    old = Miner.objects.filter(pk__in=[key for key in stage.keys if key > 0]).select_related("site")
    return [StagedMiner(m.pk, m.pk, m.site.poll_interval_s) for m in old] + [
        StagedMiner(names.new[m.name], m.pk, m.site.poll_interval_s) for m in created
    ]
