"""What a page says, for tests of its words."""

import re
from html import unescape
from typing import Any


def words_of(response: Any) -> str:
    """Return the text of a page or block as it is read: without its markup, with single spaces."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.text))).strip()
