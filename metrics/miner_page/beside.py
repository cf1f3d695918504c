"""The miner of a page, read along with the engine's state: what its blocks take is one query less."""

import json

from hmm.lib.told_rows import instance_of
from metrics.query.reading import Beside, told_beside
from metrics.store.kept import KeptText
from miners.models import LatestReading, Miner, MinerModel, Site

MINER = KeptText(
    "miner",
    {"miner_id": "int"},
    (
        """
SELECT json_build_object(
    'miner', to_json(miner), 'site', to_json(site), 'model', to_json(model), 'latest', to_json(latest))
FROM miners_miner miner JOIN miners_site site ON site.id = miner.site_id
LEFT JOIN miners_minermodel model ON model.id = miner.model_id
LEFT JOIN miners_latestreading latest ON latest.miner_id = miner.id
WHERE miner.id = %(miner_id)s
""",
    ),
)
KEPT = (MINER,)


def miner_beside(miner_id: int) -> Beside:
    """Return the query of the miner, for `ask_beside`."""
    return Beside(MINER, {"miner_id": miner_id})


def told_miner(beside: Beside) -> Miner:
    """Return the miner with its site, model and latest reading. One query, or none. Raises Miner.DoesNotExist."""
    if (told := told_beside(beside)) is None:
        raise Miner.DoesNotExist
    rows = json.loads(told)
    miner = instance_of(Miner, rows["miner"])
    miner.site = instance_of(Site, rows["site"])
    miner.model = instance_of(MinerModel, rows["model"]) if rows["model"] else None
    latest = instance_of(LatestReading, rows["latest"]) if rows["latest"] else None
    Miner._meta.get_field("latest").set_cached_value(miner, latest)
    return miner
