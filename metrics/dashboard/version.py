"""Whether anything has changed that a block shows: known by one short query, before anything is read."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import condition

from hmm.replica.route import connection

# Everything that changes a figure or a state moves one of these: rows and prices leave dirty ranges, states changes, and
# a trigger moves the sequence of what miners are. Sequences are read without a scan; of what else people write, a hash
# says whether it is still the same.
VERSION = """
SELECT (SELECT last_value + is_called::int FROM hmm_dirtyrange_id_seq),
    (SELECT last_value + is_called::int FROM miners_statechange_id_seq),
    (SELECT last_value + is_called::int FROM energy_priceslot_id_seq),
    (SELECT max(timestamp) FROM miners_latestreading),
    (SELECT jsonb_object_agg(period, filled_to) FROM metrics_watermark),
    (SELECT last_value + is_called::int FROM miners_described),
    (SELECT bit_xor(hash_record_extended(model, 0)) FROM miners_minermodel model),
    (SELECT bit_xor(hash_record_extended(site, 0)) FROM miners_site site),
    (SELECT bit_xor(hash_record_extended(since, 0)) FROM miners_sitetariff since),
    (SELECT bit_xor(hash_record_extended((id, name, currency, active, fetch_error), 0)) FROM energy_tariff),
    (SELECT bit_xor(hash_record_extended(here, 0)) FROM hmm_installation here)
"""

View = Callable[..., HttpResponse]


def version(now: datetime) -> str:
    """Return what the state of everything shown comes to at the minute of `now`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(VERSION)
        found = cursor.fetchone()
    return f"{now:%Y-%m-%d %H:%M} {found}"


def unchanged_is_304(view: View) -> View:
    """Answer 304 when the block that the browser has is still what the view would say: one query, no figures."""

    def tag(request: HttpRequest, *args: Any, **kwargs: Any) -> str:
        who = getattr(request.user, "pk", None)
        told = f"{request.get_full_path()} {who} {version(timezone.now())}"
        return f'"{blake2b(told.encode(), digest_size=12).hexdigest()}"'

    return wraps(view)(condition(etag_func=tag)(view))
