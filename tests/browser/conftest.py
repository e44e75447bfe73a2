"""A JupyterLab of the tests' own on loopback, and Debian's or the system's Chromium to look at it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

from tests.browser.panels import PANELS

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SECONDS = 30_000  # milliseconds: what a page may take on a machine with much else to do
SETTINGS = {  # of JupyterLab: no news from outside, and all of a notebook in the page, not only what is in sight
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
RUN_ALL = """async () => {
    const app = window.jupyterapp; await app.restored;
    const panel = app.shell.currentWidget; await panel.context.ready; await panel.sessionContext.ready;
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error('still running')), 120000));
    await Promise.race([app.commands.execute('notebook:run-all-cells'), late]);
    return panel.content.widgets.flatMap(cell => cell.model.outputs ? cell.model.outputs.toJSON() : [])
        .filter(output => output.output_type == 'error').map(output => output.traceback.join('\\n'));
}"""
CHANGE_THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"


@dataclass
class Lab:
    """A notebook that has run in a browser.

    Attributes:
        page: Playwright's page.
        errors: what cells raised.
        complaints: errors of the page's console and scripts.
        offsite: requests to anything but the server.
    """

    page: object
    errors: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    offsite: list[str] = field(default_factory=list)

    def use_theme(self, theme):
        """Turn the page to "light" or "dark", and wait until JupyterLab has done so.

        It shows a splash meanwhile, which fades for 200 ms: turned once more within them, it takes away twice what is
        there once, and says so on the console.
        """
        self.page.evaluate(CHANGE_THEME, f"JupyterLab {theme.title()}")
        is_light = "true" if theme == "light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light={is_light}]", state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a JupyterLab that knows nobody's settings, with a notebook of all panels in its folder."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    home = tmp_path_factory.mktemp("jupyter")
    for name, values in SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    cells = [nbformat.v4.new_code_cell(panel.code) for panel in PANELS]
    (home / "work").mkdir()
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), home / "work" / "panels.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "spaces")}
    folders |= {"IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ['PYTHONPATH']}"}
    options = ["--no-browser", "--allow-root", "--expose-app-in-browser", "--ServerApp.port_retries=0"]
    options += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={home / 'work'}", "--IdentityProvider.token="]
    command = [sys.executable, "-m", "jupyterlab", *options, "--LanguageServerManager.autodetect=False"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | folders, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}", process, home / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def wait_for(address, process, log):
    """Until the server answers; says why where it ended."""
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not answer in a minute:\n{log.read_text()}")


@pytest.fixture(scope="session")
def lab(server):
    """The notebook of all panels, run once; tests turn it to the theme that they want."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install lakekit[dev]")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1120, "height": 900})
        page.set_default_timeout(SECONDS)
        lab = Lab(page)
        page.on("console", lambda line: line.type == "error" and lab.complaints.append(line.text))
        page.on("pageerror", lambda error: lab.complaints.append(error.stack or str(error)))
        page.on("request", lambda request: is_offsite(request.url, server) and lab.offsite.append(request.url))
        page.goto(f"{server}/doc/tree/panels.ipynb?reset")
        page.wait_for_function("() => window.jupyterapp && window.jupyterapp.shell.currentWidget")
        lab.errors = page.evaluate(RUN_ALL)
        yield lab
        browser.close()


def is_offsite(url, server):
    """Whether a request leaves this machine."""
    return not url.startswith((server, server.replace("http", "ws", 1), "data:", "blob:"))
