"""POST /api/telemetry: rows that devices send by themselves."""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from metrics.api.errors import BadParameter, Invalid, Refusal
from metrics.api.readers import PUSHERS
from miners.push.accept import Judged, Verdict, accept
from miners.push.body import LINE_TYPES, MAX_BODY_BYTES, MAX_INFLATED_BYTES, MAX_ROWS, BodyRefused, read_rows
from miners.telemetry.lines import COLUMNS, KEYS, WHOLE

router = Router(tags=["telemetry"])


class RowVerdict(Schema):
    """What became of a row."""

    row: int = Field(description="Its number, from 1; in a line-delimited body that of its line.")
    verdict: Verdict
    reason: str = Field("", description="Why a row is conflicting or refused; both are kept aside.")


class PushAnswer(Schema):
    """How many rows met which fate, and each row's, in the order of the body."""

    stored: int
    repeated: int = Field(description="Rows that were stored before: nothing has changed.")
    conflicting: int = Field(
        description="Rows that differ from the one stored for that second; the first wins."
    )
    refused: int = Field(description="Rows that cannot be believed, or of no known miner.")
    rows: list[RowVerdict]


def _column(name: str) -> dict[str, Any]:
    if name == "miner":
        return {"type": "string", "description": "The miner's name."}
    if name == "timestamp":
        return {"type": "string", "format": "date-time", "description": "End of the interval, with offset."}
    return {"type": ["integer" if name in WHOLE else "number", "null"]}


ROW = {
    "type": "object",
    "properties": {name: _column(name) for name in COLUMNS},
    "required": list(KEYS),
    "minProperties": len(KEYS) + 1,
    "additionalProperties": False,
}

BODY = {
    "requestBody": {
        "required": True,
        "description": "One row, an array of rows, or a row a line; gzip by Content-Encoding.",
        "content": {
            "application/json": {
                "schema": {"oneOf": [ROW, {"type": "array", "items": ROW, "maxItems": MAX_ROWS}]}
            },
            LINE_TYPES[0]: {"schema": {"type": "string", "description": "A row, as JSON, a line."}},
        },
    }
}


@router.post(
    "/telemetry",
    operation_id="push_telemetry",
    auth=PUSHERS,
    response={
        200: PushAnswer,
        **dict.fromkeys((401, 403, 411, 413, 415, 503), Refusal),
        422: Invalid,
    },
    openapi_extra=BODY,
    summary="Push rows of telemetry",
    description=f"""Store rows of telemetry, each judged by itself, all in one transaction; the same rows again change nothing.

The answer is 200 whenever the body could be read, whatever became of its rows. At most {MAX_ROWS:,} rows and
{MAX_BODY_BYTES:,} bytes ({MAX_INFLATED_BYTES:,} inflated). The token is made with `manage.py create_api_token NAME --scope ingest`.""",
)
def push_telemetry(request: HttpRequest) -> HttpResponse:
    """Judge and store the rows of the body."""
    for name in request.GET:
        raise BadParameter(name, "is not a parameter here; there are none")
    try:
        body = _read(request)
        rows = read_rows(
            body, request.headers.get("Content-Type", ""), request.headers.get("Content-Encoding", "")
        )
    except BodyRefused as refusal:
        return _refusal(refusal)
    return JsonResponse(_answer(accept(rows, timezone.now())))


def _read(request: HttpRequest) -> bytes:
    if "Transfer-Encoding" in request.headers:
        raise BodyRefused(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length, not in chunks")
    # Not `request.body`, which refuses at another limit and with another status.
    return request.read(MAX_BODY_BYTES + 1)


def _answer(judged: Sequence[Judged]) -> dict[str, Any]:
    counts = Counter(one.verdict for one in judged)
    rows = [{"row": one.number, "verdict": one.verdict, "reason": one.reason} for one in judged]
    return {verdict.value: counts[verdict] for verdict in Verdict} | {"rows": rows}


def _refusal(refusal: BodyRefused) -> HttpResponse:
    if refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return JsonResponse({"detail": [{"loc": ["body"], "msg": str(refusal)}]}, status=refusal.status)
    response = JsonResponse({"detail": str(refusal)}, status=refusal.status)
    if refusal.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        response["Accept-Encoding"] = "gzip"
    return response
