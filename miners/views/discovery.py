"""The page that looks for miners on the network and adds them on a click."""

from dataclasses import dataclass

from django import forms
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hmm.lib.units import format_hashrate
from miners.discovery.adopt import adopt, follow, known_miners
from miners.discovery.known import Standing, Verdict, verdict
from miners.discovery.networks import own_network, parse_network, refusal
from miners.discovery.run import Progress, progress, start
from miners.discovery.scan import Found
from miners.membership import MembershipRefused
from miners.models import Site

TONES = {
    Standing.NEW: "good",
    Standing.KNOWN: "muted",
    Standing.MOVED: "warn",
    Standing.STRANGER: "bad",
}


class NetworkForm(forms.Form):
    """Which network to look through."""

    network = forms.CharField(label="Network", max_length=18)

    def clean_network(self) -> str:
        """Return the network as text. Only private ones, of at most a /20: the command takes others."""
        try:
            network = parse_network(self.cleaned_data["network"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if reason := refusal(network):
            raise forms.ValidationError(f"{reason}; manage.py discover can be told to")
        return str(network)


class AddForm(forms.Form):
    """Which of the found miners to keep, and where."""

    address = forms.CharField(max_length=64)
    site = forms.ModelChoiceField(Site.objects.all(), required=False)


@dataclass(frozen=True)
class Row:
    """A found miner as a line of the table."""

    found: Found
    judged: Verdict

    @property
    def tone(self) -> str:
        return TONES[self.judged.standing]

    @property
    def action(self) -> str:
        """What a click does: add a new one, follow one that moved, nothing for the others."""
        return {Standing.NEW: "Add", Standing.MOVED: "Follow"}.get(self.judged.standing, "")

    @property
    def hashrate(self) -> str:
        return format_hashrate(self.found.reading.hashrate_ghs)


@never_cache
@permission_required("miners.add_miner", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def discovery(request: HttpRequest) -> HttpResponse:
    """The form, and the scan that `run` names."""
    own = own_network()
    form = NetworkForm(request.POST or None, initial={"network": str(own) if own else ""})
    if request.method == "POST" and form.is_valid():
        run_id = start(form.cleaned_data["network"])
        return redirect(f"{reverse('miners:discovery')}?run={run_id}")
    run_id = request.GET.get("run", "")
    return render(request, "miners/discovery.html", {"form": form, **_run(run_id)})


@never_cache
@permission_required("miners.add_miner", raise_exception=True)
@require_safe
def discovery_run(request: HttpRequest, run_id: str) -> HttpResponse:
    """How far a scan is, and what it found."""
    return render(request, "miners/_discovery_run.html", _run(run_id))


@permission_required("miners.add_miner", raise_exception=True)
@require_POST
def discovery_add(request: HttpRequest, run_id: str) -> HttpResponse:
    """Add one that was found, or follow one that moved."""
    reached, form = progress(run_id), AddForm(request.POST)
    found = _asked_for(reached, form.cleaned_data["address"]) if reached and form.is_valid() else None
    if found is None:
        raise Http404("that miner is not among those that were found")
    refused = _keep(found, form.cleaned_data["site"] or Site.objects.order_by("pk").first())
    if getattr(request, "htmx", False):
        return render(request, "miners/_discovery_run.html", {**_run(run_id), "refused": refused})
    return redirect(f"{reverse('miners:discovery')}?run={run_id}")


def _run(run_id: str) -> dict[str, object]:
    reached = progress(run_id) if run_id else None
    if reached is None:
        return {"run_id": run_id, "is_gone": bool(run_id)}
    miners = known_miners()
    rows = [Row(found, verdict(found, miners)) for found in reached.found]
    return {"run_id": run_id, "reached": reached, "rows": rows, "sites": list(Site.objects.order_by("pk"))}


def _asked_for(reached: Progress, address: str) -> Found | None:
    return next((found for found in reached.found if str(found.address) == address), None)


def _keep(found: Found, site: Site | None) -> str:
    """Add or follow what was found; return why it could not be, or "": also where a click before has done it."""
    if site is None:
        return "There is no site to add it to."
    try:
        judged = verdict(found, known_miners())
        if judged.standing is Standing.MOVED:
            follow(judged.identity, found.address)
        else:
            adopt(found, site)
    except MembershipRefused as refused:
        return "" if verdict(found, known_miners()).standing is Standing.KNOWN else str(refused)
    return ""
