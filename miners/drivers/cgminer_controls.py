"""The one order to a plain cgminer: restart, where it says that we may."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from miners.drivers.base import Address, Misread
from miners.drivers.cgminer import CgminerDriver
from miners.drivers.cgminer_api import CgminerApi
from miners.drivers.cgminer_orders import CgminerStep, send_cgminer
from miners.drivers.orders import About, Answer, Kind, Offers, Order, controls

NOTE = (
    "only a restart, and only where the miner's API lets this machine in (--api-allow W:…); Whatsminer and "
    "LuxOS take orders encrypted or in a session, which HMM does not speak"
)


class CgminerControls:
    """Restarts cgminer, BFGMiner and whatever answers like them and says that it may be restarted from here."""

    name = CgminerDriver.name

    def offers(self, about: About) -> Offers:
        may = about.options is None or "restart" in about.options
        return Offers(frozenset({Kind.RESTART}) if may else frozenset(), note=NOTE)

    def ask(self, address: Address, about: About, deadline: float) -> About:
        """Return `about` with whether the miner lets us restart it; one that does not say does not."""
        api = CgminerApi(address, deadline)
        try:
            told = api.ask("check", "restart").first("CHECK")
        except Misread:
            told = {}
        may = (told.get("Exists"), told.get("Access")) == ("Y", "Y")
        return replace(about, options=frozenset({"restart"} if may else ()), speaks_text=api.speaks_text)

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[CgminerStep]:
        return [CgminerStep("restart", in_text=about.speaks_text)]

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        return send_cgminer(address, step, deadline)


controls.register(CgminerControls.name, CgminerControls())
