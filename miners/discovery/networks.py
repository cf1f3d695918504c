"""Which addresses may be looked through. Pure, but for asking which network this machine is on."""

import socket
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError

MOST_ADDRESSES = 4096  # a /20
ROUTE_TO = ("192.0.2.1", 9)  # documentation's own network: nothing is sent, only a route is chosen


def parse_network(text: str) -> IPv4Network:
    """Return the network that "192.168.1.0/24", "192.168.1.7/24" or one address means. Raises ValueError."""
    try:
        return IPv4Network(text.strip(), strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise ValueError(f"{text!r} is not a network such as 192.168.1.0/24") from None


def refusal(network: IPv4Network, *, public_too: bool = False, large_too: bool = False) -> str | None:
    """Return why `network` is not looked through unless the user insists, or None when it is."""
    if not network.is_private and not public_too:
        return f"{network} is not a private network: other people's devices are not looked for"
    if network.num_addresses > MOST_ADDRESSES and not large_too:
        return f"{network} has {network.num_addresses:,} addresses, more than a /20"
    return None


def hosts(network: IPv4Network) -> list[str]:
    """Return the addresses of `network` that a device can have."""
    return [str(address) for address in network.hosts()]


def own_network() -> IPv4Network | None:
    """Return the /24 that this machine's own address is in; None where it is on none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(ROUTE_TO)
        except OSError:
            return None
        return IPv4Network(f"{route.getsockname()[0]}/24", strict=False)
