"""Takes the pictures of this folder: starts a simulated fleet of its own, visits each page, stops it again.

Each page is taken on a desk in the light theme (`dashboard.png`) and on a phone in the dark one (`dashboard-phone.png`).
Arguments are the names of the pictures to take; without any, all are taken.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PASSWORD = "only-for-these-pictures"
PATIENCE_S = 300.0
PAGES = {
    "dashboard": "/",
    "miner": "/miners/2?span=7d",
    "prices": "/prices?hours=4&stretch=60",
    "ledger": "/ledger?of=together",
    "analytics": "/analytics?view=bands",
    "pools": "/pools",
    "set-up": "/welcome",
    "strategies": "/strategies/ranking?target_kw=1.5",
    "system": "/system",
}
SHOWS = {"pools": "reachable"}
"""What a page says once it is worth a picture: pools are checked each minute."""

DESK = {"width": 1280, "height": 1500}
PHONE = {"width": 375, "height": 1500}


@contextmanager
def simulated_house() -> Iterator[str]:
    """A house with a past, on a free port; its address, once its fleet is hashing."""
    with tempfile.TemporaryDirectory(prefix="hmm-screenshots-", ignore_cleanup_errors=True) as data_dir:
        Path(data_dir).chmod(0o755)
        port = _free_port()
        told = {"HMM_DATA_DIR": data_dir, "HMM_PORT": str(port), "HMM_ADMIN_PASSWORD": PASSWORD}
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | told
        house = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--demo"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_until_alive(house, f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            house.send_signal(signal.SIGTERM)
            house.wait(60)


def take(names: list[str]) -> None:
    """Take the pictures of these pages, or of all."""
    if unknown := sorted(set(names) - set(PAGES)):
        sys.exit(f"there is no picture {unknown[0]!r}; there are: {', '.join(PAGES)}")
    with simulated_house() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"])
        for size, theme, suffix in ((DESK, "light", ""), (PHONE, "dark", "-phone")):
            page = _signed_in(browser, address, size, theme)
            for name in names or PAGES:
                page.goto(address + PAGES[name], wait_until="networkidle")
                page.get_by_text(SHOWS.get(name, "HMM"), exact=True).first.wait_for(timeout=PATIENCE_S * 1000)
                page.screenshot(path=HERE / f"{name}{suffix}.png", full_page=False)


def _signed_in(browser: Browser, address: str, size: dict[str, int], theme: str) -> Page:
    context = browser.new_context(viewport=size, color_scheme=theme, locale="en-GB")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}/login/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("hashing ·").first.wait_for(timeout=PATIENCE_S * 1000)
    return page


def _wait_until_alive(house: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if house.poll() is not None:
            sys.exit("the simulated house did not start; manage.py up --demo says why")
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(1)
    sys.exit(f"the simulated house was not alive within {PATIENCE_S:.0f} s")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _chromium() -> str | None:
    """Return the Chromium of the system, None for Playwright's own."""
    return os.environ.get("HMM_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


if __name__ == "__main__":
    take(sys.argv[1:])
