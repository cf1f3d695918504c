"""Answers as they go out: JSON with an entity tag, and 304 for whoever has it already."""

import json
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

NOT_SAID = object()


def answer(request: HttpRequest, body: dict[str, Any], *, next_cursor: Any = NOT_SAID) -> HttpResponse:
    """Return `body` as JSON, with `next` where the address has pages; 304 where the caller names its entity tag.

    The tag is weak and made of the content. Of the cursor only counts whether there is one: it is signed anew each
    time, and an older one goes on to the same rows. So an answer of closed periods keeps its tag until one of them
    is computed anew; one with an open period in it is new each time, as its figures and `computed_at` are.
    """
    content = json.dumps(body, ensure_ascii=False, allow_nan=False)
    tag = blake2b(content.encode(), digest_size=16)
    if next_cursor is not NOT_SAID:
        tag.update(b"more" if next_cursor else b"all")
        content = f'{content[:-1]}, "next": {json.dumps(next_cursor)}}}'
    response = HttpResponse(content, content_type="application/json; charset=utf-8")
    response["ETag"] = f'W/"{tag.hexdigest()}"'
    response["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request, etag=response["ETag"], response=response) or response
