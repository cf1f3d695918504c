"""Zone and currency: the same for the whole of a request, whoever changes them meanwhile."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from hmm import installation as module
from hmm.installation import change_installation, forget_installation, installation, one_installation
from hmm.middleware import InstallationTimeZoneMiddleware
from hmm.models import Installation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(module, "REMEMBER_S", -1.0)


def seen_around(change, path):
    seen = []

    def view(request):
        seen.append(installation().currency)
        change()
        seen.append(installation().currency)
        return HttpResponse()

    InstallationTimeZoneMiddleware(view)(RequestFactory().get(path))
    return [*seen, installation().currency]


@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_what_another_process_changes_holds_from_the_next_request_on(path):
    def by_another_process():
        Installation.objects.update(currency="EUR")

    assert seen_around(by_another_process, path) == ["GBP", "GBP", "EUR"]


def test_what_a_request_itself_changes_holds_at_once(django_capture_on_commit_callbacks):
    def by_itself():
        with django_capture_on_commit_callbacks(execute=True):
            change_installation("Europe/Berlin", "EUR")

    assert seen_around(by_itself, "/") == ["GBP", "EUR", "EUR"]


def test_who_must_know_what_holds_now_leaves_those_who_read_alone():
    with one_installation():
        began_with = installation().currency
        Installation.objects.update(currency="EUR")
        with one_installation():
            forget_installation()
            assert installation().currency == "EUR"
        assert installation().currency == began_with
