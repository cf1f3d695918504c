"""The miner, site or pool that a question names: one there is not is refused, lest silence pass for an answer."""

from collections.abc import Mapping

from django.db.models import Model

from metrics.query.words import Refused
from miners.models import Miner, Site
from pools.models import Pool

KINDS: Mapping[str, type[Model]] = {"miner": Miner, "site": Site, "pool": Pool}


def check_entity(entity_type: str | None, entity_id: int | None) -> None:
    """Raise Refused where there is no such miner, site or pool, or, without `entity_type`, none of them."""
    if entity_id is None:
        return
    if entity_type == "system":
        raise Refused("entity_id", "the system has no id; leave it out")
    kinds = [entity_type] if entity_type else list(KINDS)
    models = [KINDS[kind] for kind in kinds if kind in KINDS]
    if models and not any(model._default_manager.filter(pk=entity_id).exists() for model in models):
        raise Refused("entity_id", f"there is no {' or '.join(kinds)} {entity_id}")


def miner_id(text: str) -> int:
    """Return the id of the miner of that name or id. Raises Refused."""
    found = Miner.objects.filter(name=text).first()
    if found is None and text.isdecimal() and len(text) < 10:
        found = Miner.objects.filter(pk=int(text)).first()
    if found is None:
        raise Refused("miner", f"there is no miner {text!r}, by name or id")
    return found.pk
