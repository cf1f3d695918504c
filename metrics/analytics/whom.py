"""Of whom figures are asked, as people write it: all, site Home, pool Braiins, or a miner's name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Model

from hmm.replica.route import connection
from metrics.query import Refused
from metrics.query.questions.whom import miner_id
from miners.models import Site
from pools.models import Pool

ALL = "all"
PREFIXES: Mapping[str, type[Model]] = {"site": Site, "pool": Pool}
OFFERED = 200
"""So many miners are offered by name; any other may be typed."""


NAMES = """
SELECT (SELECT json_agg(name ORDER BY name)::text FROM (SELECT name FROM miners_site ORDER BY name LIMIT %(most)s) found),
    (SELECT json_agg(name ORDER BY name)::text FROM (SELECT name FROM pools_pool ORDER BY name LIMIT %(most)s) found),
    (SELECT json_agg(name ORDER BY name_key)::text FROM (
        SELECT name, name_key FROM miners_miner WHERE retired_at IS NULL ORDER BY name_key LIMIT %(most)s) found)
"""


@dataclass(frozen=True, slots=True)
class Whom:
    """An entity, and how it is written in an address and called on a page."""

    entity_type: str
    entity_id: int | None
    text: str

    @property
    def name(self) -> str:
        """What a page calls it."""
        return "All miners" if self.entity_id is None else self.text

    @property
    def after(self) -> str:
        """What a page calls it in the middle of a title."""
        return "all miners" if self.entity_id is None else self.text


ALL_MINERS = Whom("system", None, ALL)


def whom_named(text: str) -> Whom:
    """Return whom `text` means. Raises Refused where there is no such one. At most two queries."""
    if text == ALL:
        return ALL_MINERS
    kind, _, name = text.partition(" ")
    if kind in PREFIXES and name:
        found = PREFIXES[kind]._default_manager.filter(name=name).values_list("pk", flat=True).first()
        if found is not None:
            return Whom(kind, found, text)
    try:
        return Whom("miner", miner_id(text), text)
    except Refused:
        raise Refused("of", f"there is no miner {text!r}, nor 'site NAME', 'pool NAME' or 'all'") from None


def offered() -> dict[str, list[str]]:
    """Return what may be asked of each kind, as suggestions in the order of names. One query."""
    with connection.cursor() as cursor:
        cursor.execute(NAMES, {"most": OFFERED})
        sites, pools, miners = (json.loads(names or "[]") for names in cursor.fetchone())
    return {
        "system": [ALL],
        "site": [f"site {name}" for name in sites],
        "pool": [f"pool {name}" for name in pools],
        "miner": miners,
    }
