"""The page as a team leader meets it: Voila, started here, and Debian's Chromium."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from planning.app.server import command, environment

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "reports" / "browser"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def started(centre: Path, demand: Path, cache: Path, log: Path):
    """Start the server and wait until it answers."""
    port = free_port()
    with log.open("w") as out:
        server = subprocess.Popen(
            command(port), env=os.environ | environment(centre, demand, cache), stdout=out, stderr=out
        )
    deadline = time.monotonic() + 120
    while True:
        try:
            # Any answer will do; the page itself would start a kernel.
            urllib.request.urlopen(f"http://127.0.0.1:{port}/voila/static/none", timeout=5)
        except urllib.error.HTTPError:
            return server, port
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)


def stopped(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait(timeout=60)


@pytest.fixture(scope="session")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("voila") / "voila.log"


@pytest.fixture(scope="session")
def port(tmp_path_factory, log):
    """The server of the default centre; its checks are kept in a folder of the session."""
    cache = tmp_path_factory.mktemp("cache")
    server, number = started(ROOT / "data" / "centre.toml", ROOT / "data" / "demand.parquet", cache, log)
    yield number
    stopped(server)


@pytest.fixture(scope="session")
def chromium():
    path = os.environ.get("BROWSER_PATH") or shutil.which("chromium")
    assert path, "no chromium: apt-get install chromium fonts-dejavu-core"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, port):
    """Open the page in a window of its own, and keep what it asks of the network."""
    contexts = []

    def visit(number: int = port):
        context = chromium.new_context(viewport={"width": 1360, "height": 900}, accept_downloads=True)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(120_000)
        tab.asked = []
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.goto(f"http://127.0.0.1:{number}/")
        return tab

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def shoot():
    """Keep a picture of the page, to be looked at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return lambda tab, name: tab.screenshot(path=SHOTS / f"{name}.png")
