"""What a refusal looks like: one JSON shape for every bad parameter, and one for everything else."""

from collections.abc import Sequence

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, ValidationError

from metrics.models.token import WrongScope
from metrics.query import BeingComputed, NotComputedYet, Refused


class Refusal(Schema):
    """Why there is no answer, and what to do about it."""

    detail: str


class Problem(Schema):
    """One thing that is wrong with a request: where it is, and what."""

    loc: list[str]
    msg: str


class Invalid(Schema):
    """Everything that is wrong with a request."""

    detail: list[Problem]


REFUSALS = {401: Refusal, 403: Refusal, 409: Refusal, 422: Invalid, 503: Refusal}
"""The answers that are not results, for the OpenAPI description."""


class BadParameter(Exception):
    """A query parameter that cannot be honoured. `field` is its name as the caller wrote it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def add_handlers(api: NinjaAPI) -> None:
    """Have `api` answer these errors: 401, 403, 409, 422 and 503."""

    @api.exception_handler(AuthenticationError)
    def unauthorised(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        response = api.create_response(request, {"detail": NO_TOKEN}, status=401)
        response["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(WrongScope)
    def wrong_scope(request: HttpRequest, error: WrongScope) -> HttpResponse:
        return api.create_response(request, {"detail": str(error)}, status=403)

    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    def away(request: HttpRequest, error: Exception) -> HttpResponse:
        response = api.create_response(request, {"detail": AWAY}, status=503)
        response["Retry-After"] = "10"
        return response

    @api.exception_handler(NotComputedYet)
    def not_computed_yet(request: HttpRequest, error: NotComputedYet) -> HttpResponse:
        if isinstance(error, BeingComputed):
            response = api.create_response(request, {"detail": str(error)}, status=503)
            response["Retry-After"] = "5"
            return response
        return api.create_response(request, {"detail": str(error)}, status=409)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        problems = [(str(found["loc"][-1]), found["msg"]) for found in error.errors]
        return _invalid(api, request, problems)

    @api.exception_handler(BadParameter)
    @api.exception_handler(Refused)
    def bad_parameter(request: HttpRequest, error: BadParameter | Refused) -> HttpResponse:
        return _invalid(api, request, [(error.field, str(error))])


NO_TOKEN = (
    "a valid token is needed: send Authorization: Bearer TOKEN (manage.py create_api_token NAME makes one)"
)


AWAY = "the database is away; nothing was stored: try again in a while"


def _invalid(api: NinjaAPI, request: HttpRequest, problems: Sequence[tuple[str, str]]) -> HttpResponse:
    detail = [{"loc": ["query", field], "msg": message} for field, message in problems]
    return api.create_response(request, {"detail": detail}, status=422)
