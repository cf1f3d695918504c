"""Orders to farm firmware through pyasic-rs, as far as it says that the firmware takes them."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hmm.lib.sockets import ConnectionFailed, Deadline
from miners.drivers.base import Address, DriverError, Misread, Unreachable
from miners.drivers.farm import PACKAGE, FarmDriver, miner_at
from miners.drivers.figures import finite_number
from miners.drivers.orders import About, Answer, Kind, Offers, Order, Range, controls

SUPPORTS = {
    Kind.RESTART: "supports_restart",
    Kind.PAUSE: "supports_pause",
    Kind.RESUME: "supports_resume",
    Kind.IDENTIFY: "supports_set_fault_light",
    Kind.POOL: "supports_pools_config",
}
"""The package's own word on what a miner's firmware takes."""

NOTE = (
    "through pyasic-rs, which says what this firmware takes once it is asked, with the password that firmware has when it "
    "is new, unless another is given; it takes pools as one list, and tells x for passwords that the firmware hides"
)
REFUSES = "Command returned with error status: "
# Who signs in where a password is given; firmware that is not named here takes no name beside it.
USERS = {"braiins": "root", "luxos": "root", "vnish": "", "antminer": "root", "whatsminer": "admin"}
POOL_SLOTS = {"primary": 0, "fallback": 1}


@dataclass(frozen=True)
class FarmStep:
    """One call of the package; `password` is the device's own where it was given."""

    kind: Kind
    arguments: Mapping[str, Any] = field(default_factory=dict)
    password: str = field(default="", repr=False)
    pool_password: str = field(default="", repr=False)

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"pyasic-rs {self.kind} {told}".strip()


class FarmControls:
    """Tells a miner what to do in whichever way its firmware wants it: encrypted, signed in, or plain."""

    name = FarmDriver.name

    def offers(self, about: About) -> Offers:
        kinds = frozenset(SUPPORTS if about.options is None else map(Kind, about.options))
        return Offers(kinds, power_w=about.power_w, takes_password=kinds, tells_pool_in_use=True, note=NOTE)

    def ask(self, address: Address, about: About, deadline: float) -> About:
        """Return `about` with what the package says that this firmware takes. Raises Unreachable or Misread."""
        return _run(_asked(address, about, Deadline.until(deadline)), deadline)

    def steps(self, order: Order, about: About, at: datetime) -> Sequence[FarmStep]:
        device, pool = order.secrets.get("device", ""), order.secrets.get("pool", "")
        return [FarmStep(order.kind, order.arguments, device, pool)]

    def send(self, address: Address, step: Any, deadline: float) -> Answer:
        """Have the package send it. Raises Unreachable where the miner is not there."""
        try:
            miner = _run(miner_at(address, Deadline.until(deadline)), deadline)
        except Misread as error:
            raise Unreachable(error.reason) from error
        try:
            return _answer(asyncio.run(_within(_call(miner, step), deadline)))
        except (TimeoutError, ConnectionFailed):
            return Answer(None, "no answer in the time there was")
        except Exception as error:  # noqa: BLE001 - the package has no exception of its own
            return answer_of(str(error))


async def _asked(address: Address, about: About, time_limit: Deadline) -> About:
    miner = await miner_at(address, time_limit)
    taken = {kind.value for kind, name in SUPPORTS.items() if getattr(miner, name)}
    limits = power_limits(await miner.get_data()) if miner.supports_set_power_limit else None
    if limits:
        taken.add(Kind.POWER.value)
    return replace(about, options=frozenset(taken), power_w=limits)


def power_limits(data: Any) -> Range | None:
    """Return the limits of power (W) that a miner takes, as pyasic-rs tells of them; None without both ends."""
    power = getattr(getattr(data, "tuning_capabilities", None), "power", None)
    least, most = (
        finite_number(getattr(getattr(power, end, None), "watts", None)) for end in ("minimum", "maximum")
    )
    return Range(round(least), round(most), "the firmware's own limits") if least and most else None


def _run(work: Awaitable[Any], deadline: float) -> Any:
    try:
        return asyncio.run(_within(work, deadline))
    except (TimeoutError, ConnectionFailed) as error:
        raise Unreachable("no answer in the time there was") from error
    except DriverError:
        raise
    except Exception as error:  # as above
        raise Misread(f"pyasic-rs: {error}") from error


async def _within(work: Awaitable[Any], deadline: float) -> Any:
    return await asyncio.wait_for(work, Deadline.until(deadline).left())


def answer_of(fault: str) -> Answer:
    """Return what a fault of the package says to an order: a refusal in the device's words, else nobody knows. Pure."""
    _, mark, words = fault.partition(REFUSES)
    if mark and "Invalid JSON" not in words:
        return Answer(False, words)
    return Answer(None, f"pyasic-rs: {fault}")


def _answer(is_taken: Any) -> Answer:
    words = "taken, says pyasic-rs" if is_taken else "not taken, says pyasic-rs, which gives no reason"
    return Answer(bool(is_taken), words)


async def _call(miner: Any, step: FarmStep) -> Any:
    if step.password:
        firmware = f"{miner.firmware} {miner.make}".lower()
        user = next((user for name, user in USERS.items() if name in firmware), "")
        miner.set_auth(user, step.password)
    calls: dict[Kind, Callable[[], Awaitable[Any]]] = {
        Kind.RESTART: miner.restart,
        Kind.PAUSE: miner.pause,
        Kind.RESUME: miner.resume,
        Kind.IDENTIFY: lambda: miner.set_fault_light(step.arguments["light"] == "on"),
        Kind.POWER: lambda: miner.set_power_limit(float(step.arguments["power_w"])),
        Kind.POOL: lambda: _set_pool(miner, step),
    }
    return await calls[step.kind]()


async def _set_pool(miner: Any, step: FarmStep) -> Any:
    package = importlib.import_module(PACKAGE)
    groups = await miner.get_pools_config() or []
    pools = list(groups[0].pools) if groups else []
    pool = package.Pool(
        url=step.arguments["url"], username=step.arguments["user"], password=step.pool_password or "x"
    )
    kept = pools_with(pools, POOL_SLOTS[step.arguments["slot"]], pool)
    name, quota = (groups[0].name, groups[0].quota) if groups else ("default", 1)
    first = package.PoolGroup(name=name, quota=quota, pools=kept)
    return await miner.set_pools_config([first, *groups[1:]])


def pools_with(pools: Sequence[Any], slot: int, pool: Any) -> list[Any]:
    """Return `pools` with `pool` at `slot`, after them where they are fewer. Pure."""
    return [*pools[:slot], pool, *pools[slot + 1 :]]


controls.register(FarmControls.name, FarmControls())
