"""Figures that explain themselves: `{% explained … %}£1.92{% endexplained %}` on any page (docs/pages.md)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from hmm.lib.times import local_midnight
from metrics.dashboard.miner_table import MinerRow
from metrics.explain.figure import OPENS, FigureRef, explain_address
from metrics.explain.figure import explained as link

register = template.Library()


@register.simple_block_tag
def explained(
    content: str,
    metric_type: str,
    key: str,
    entity_type: str = "system",
    entity_id: int | None = None,
    period: str = "daily",
    at: datetime | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    in_block: bool = False,
) -> SafeString:
    """The figure inside as a link to its explanation: of the `period` that begins `at`, or of all from `start` to `end`.

    Without a time it stays as it is. `in_block` where it stands once in a block that is refreshed.
    """
    text = mark_safe(content.strip())  # a block's content is escaped already
    begins = at or start
    if begins is None:
        return text
    ref = FigureRef(metric_type, key, entity_type, entity_id, period, begins, None if at else end)
    return link(text, ref, in_block=in_block)


@dataclass(frozen=True, slots=True)
class MinerHrefs:
    """How the addresses that explain a miner's figures of now and its rejects of today begin; its id ends them."""

    reading: str
    rejects: str


@register.simple_tag
def miner_hrefs(now: datetime) -> MinerHrefs:
    """The beginnings of the addresses that explain the figures of a table of miners at `now`."""
    today = local_midnight(timezone.localdate(now), timezone.get_current_timezone())
    rejects = FigureRef("reject_rate", "reject_rate", "miner", None, "daily", today).url
    return MinerHrefs(escape(f"{explain_address()}?reading={{}}&of="), escape(f"{rejects}&entity_id="))


@register.simple_tag
def strategy_hrefs(now: datetime) -> dict[str, str]:
    """How the addresses begin that explain what a strategy ranks a miner by, by the column; its id ends them.

    Its last reading, and the 24 hours that end with the last half-hour that is over.
    """
    until = datetime.fromtimestamp(int(now.timestamp()) // 1800 * 1800, UTC)
    ends = (until - timedelta(hours=24), until)
    past = {
        name: f"{FigureRef(*of, 'miner', None, 'slot', *ends).url}&entity_id="
        for name, of in (("Efficiency", ("efficiency", "j_per_th")), ("Uptime", ("uptime", "uptime")))
    }
    now_of = {
        name: f"{explain_address()}?reading={of}&of="
        for name, of in (("Power", "power"), ("Performance", "hashrate"))
    }
    return past | now_of


@register.filter
def of_column(hrefs: dict[str, str], column: str) -> str:
    """What explains the figures of that column."""
    return hrefs[column]


@register.simple_tag
def miner_figures(miner: MinerRow, hrefs: MinerHrefs) -> SafeString:
    """The cells of a miner's figures, each with its explanation; made here, since a template takes several times as long."""
    key, hot = miner.key, " is-hot" if miner.is_hot else ""
    cells = (
        ("hashrate", "Hashrate", "", miner.hashrate),
        ("power", "Power, W", "", miner.power_w),
        ("temperature", "Temp., °C", hot, f"{miner.temperature_c} hot" if hot else miner.temperature_c),
        ("efficiency", "J/TH", "", miner.efficiency_j_per_th),
        ("rejects", "Rejects, %", "", miner.rejects_percent),
    )
    return mark_safe(
        "".join(
            f'<td role="cell" class="num{css_class}" data-label="{label}"><a id="figure-{name}-{key}" class="explained" '
            f'href="{hrefs.rejects if name == "rejects" else hrefs.reading.format(name)}{key}">{said}</a></td>'
            for name, label, css_class, said in cells
        )
    )


@register.simple_tag
def opens_in_panel() -> SafeString:
    """The attributes of a table or list by which all links in it open in the panel."""
    return OPENS
