"""The pool a miner works for, as one URL."""

import re
from typing import Any

from miners.drivers.figures import clean_text, finite_number

VERSION_2 = ("SV2", "1")
"""AxeOS's and NerdQAxe's words for stratum v2; "SV1" and 0 are the first."""


def stratum_url(host: Any, port: Any, *, is_tls: bool = False, protocol: Any = None) -> str | None:
    """Return "stratum+tcp://HOST:PORT" from what a device says; its own scheme and port stand.

    `protocol` is its word for the version of stratum: "SV2" or 1 for the second, which is encrypted by itself.
    """
    name = clean_text(host, 240)
    if name is None:
        return None
    plain = (
        "stratum2+tcp://" if str(protocol) in VERSION_2 else "stratum+ssl://" if is_tls else "stratum+tcp://"
    )
    scheme = "" if "://" in name else plain
    has_port = re.search(r":\d+$", name) is not None
    return f"{scheme}{name}" if has_port else f"{scheme}{name}{_port(port)}"


def _port(told: Any) -> str:
    """Return ":3333"; nothing for what is no port."""
    number = finite_number(told)
    if number is None or not number.is_integer() or not 1 <= number <= 65535:
        return ""
    return f":{number:.0f}"
