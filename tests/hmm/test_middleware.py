"""Middleware of the whole house; that of the time zone is in test_installation.py, /healthz in test_health.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from hmm.middleware import HeadMiddleware


def answered(method: str, response: HttpResponse | StreamingHttpResponse) -> bytes:
    request = RequestFactory().generic(method, "/")
    return b"".join(HeadMiddleware(lambda _: response)(request))  # type: ignore[arg-type]


def test_head_has_the_headers_of_get_and_no_body() -> None:
    response = HttpResponse("figures", headers={"Content-Length": "7", "ETag": "x"})
    assert answered("GET", response) == b"figures"
    assert answered("HEAD", response) == b""
    assert (response["Content-Length"], response["ETag"]) == ("7", "x")


@pytest.mark.django_db  # a response that is closed looks after the connections of its thread
def test_head_of_a_long_file_makes_none_of_it_and_closes_it(tmp_path: Path) -> None:
    made = []

    def lines() -> Iterator[str]:
        made.append("a line")
        yield "a line"

    assert answered("HEAD", StreamingHttpResponse(lines())) == b""
    assert made == []
    path = tmp_path / "file"
    path.write_bytes(b"some")
    file = path.open("rb")
    response = FileResponse(file)
    assert answered("HEAD", response) == b""
    response.close()
    assert file.closed
