"""Orders to a plain cgminer: a restart, where it says that we may; and to LuxOS, which has more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from miners.drivers import luxos_orders
from miners.drivers.base import Address, Misread
from miners.drivers.cgminer import CgminerDriver
from miners.drivers.cgminer_api import CgminerApi
from miners.drivers.cgminer_orders import CgminerStep, send_cgminer
from miners.drivers.luxos_orders import LuxosStep, is_luxos, send_luxos
from miners.drivers.orders import About, Answer, Kind, Offers, Order, controls

NOTE = (
    "only a restart, and only where the miner's API lets this machine in (--api-allow W:…); Whatsminer, Braiins OS, "
    "VNish and Antminer take their orders through the driver farm (make setup-farm)"
)


class CgminerControls:
    """Restarts cgminer, BFGMiner and whatever answers like them and says that it may be restarted from here."""

    name = CgminerDriver.name

    def offers(self, about: About) -> Offers:
        if is_luxos(about):
            return luxos_orders.offers()
        may = about.options is None or "restart" in about.options
        return Offers(frozenset({Kind.RESTART}) if may else frozenset(), note=NOTE)

    def ask(self, address: Address, about: About, deadline: float) -> About:
        """Return `about` with whether the miner lets us restart it; one that does not say does not."""
        if is_luxos(about):
            return about
        api = CgminerApi(address, deadline)
        try:
            told = api.ask("check", "restart").first("CHECK")
        except Misread:
            told = {}
        may = (told.get("Exists"), told.get("Access")) == ("Y", "Y")
        return replace(about, options=frozenset({"restart"} if may else ()), speaks_text=api.speaks_text)

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[CgminerStep | LuxosStep]:
        if is_luxos(about):
            return luxos_orders.steps(order)
        return [CgminerStep("restart", in_text=about.speaks_text)]

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        if isinstance(step, LuxosStep):
            return send_luxos(address, step, deadline)
        return send_cgminer(address, step, deadline)


controls.register(CgminerControls.name, CgminerControls())
