"""The pool a miner works for, as one URL."""

import re
from typing import Any

from miners.drivers.figures import clean_text


def stratum_url(host: Any, port: Any, *, is_tls: bool = False) -> str | None:
    """Return "stratum+tcp://HOST:PORT" from what a device says; its own scheme and port stand."""
    name, number = clean_text(host, 240), clean_text(port, 5)
    if name is None:
        return None
    scheme = "" if "://" in name else "stratum+ssl://" if is_tls else "stratum+tcp://"
    has_port = re.search(r":\d+$", name) is not None
    return f"{scheme}{name}" if number in (None, "0") or has_port else f"{scheme}{name}:{number}"
