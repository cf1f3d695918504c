"""The pool a miner works for, as one URL."""

import re
from typing import Any

from miners.drivers.figures import clean_text, finite_number


def stratum_url(host: Any, port: Any, *, is_tls: bool = False) -> str | None:
    """Return "stratum+tcp://HOST:PORT" from what a device says; its own scheme and port stand."""
    name = clean_text(host, 240)
    if name is None:
        return None
    scheme = "" if "://" in name else "stratum+ssl://" if is_tls else "stratum+tcp://"
    has_port = re.search(r":\d+$", name) is not None
    return f"{scheme}{name}" if has_port else f"{scheme}{name}{_port(port)}"


def _port(told: Any) -> str:
    """Return ":3333"; nothing for what is no port."""
    number = finite_number(told)
    if number is None or not number.is_integer() or not 1 <= number <= 65535:
        return ""
    return f":{number:.0f}"
