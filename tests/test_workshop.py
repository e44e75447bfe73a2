"""The workshop is copied, never over what was changed, and an installed wheel brings all of it."""

import html
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

from lakekit.errors import InvalidArgument
from lakekit.workshop import FIRST, copy_workshop

ROOT = Path(__file__).parents[1]
OPEN_LAB = "import pathlib, lakekit.workshop; lakekit.workshop.open_lab(pathlib.Path.cwd())"
PAGE_CONFIG = re.compile(r'id="jupyter-config-data"[^>]*>(.*?)</script>', re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+\.(?:md|ipynb|png))\)")


def find_broken_links(folder):
    """Links of the notebooks and pages in a folder to files that are not there."""
    pages = [*folder.glob("notebooks/*.ipynb"), *folder.glob("docs/*.md")]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text(encoding="utf-8"))]
    assert len(links) >= 20  # each of 8 notebooks links to another one and to the sample, more or less
    return [(page.name, link) for page, link in links if "://" not in link and not (page.parent / link).is_file()]


def test_notebooks_and_sample_are_copied(tmp_path):
    copied = copy_workshop(tmp_path / "new" / "folder")
    notebooks = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in (copied.folder / "notebooks").iterdir()) == notebooks
    assert len(list((copied.folder / "data/sample/lake/flights").rglob("*.parquet"))) == 31
    assert copied.kept == []


def test_every_link_of_the_notebooks_leads_somewhere_in_the_copy_too(tmp_path):
    copied = copy_workshop(tmp_path)
    assert "docs/consumers.md" in copied.copied
    assert find_broken_links(tmp_path) == []
    (tmp_path / "docs" / "consumers.md").unlink()
    assert ("06-the-right-tool.ipynb", "../docs/consumers.md") in find_broken_links(tmp_path)


def test_a_changed_notebook_is_never_written_over(tmp_path):
    copy_workshop(tmp_path)
    (tmp_path / FIRST).write_text("mine")
    (tmp_path / "notebooks" / "01-schema-on-read.ipynb").unlink()
    again = copy_workshop(tmp_path)
    assert (tmp_path / FIRST).read_text() == "mine"
    assert (again.copied, again.kept) == (["notebooks/01-schema-on-read.ipynb"], [FIRST])
    assert repr(again) == f"1 file copied to {tmp_path}; left as you changed them: {FIRST}"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgument, match=r"cannot be written to .*file.*\nHint: name another"):
        copy_workshop(tmp_path / "file")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from the sdist as `python -m build` does, without fetching anything."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_notebooks_and_sample_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"lakekit/docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= set(names)
    assert f"lakekit/{FIRST}" in names
    assert sum(name.startswith("lakekit/sample_data/lake/flights/") for name in names) == 31
    assert not [name for name in names if "conftest" in name or name.startswith("tests/")]
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"lakekit"}


def test_an_installed_wheel_has_the_command_and_copies_the_workshop(wheel, tmp_path):
    place, target = tmp_path / "site", tmp_path / "w"
    install = [sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps", "--target", str(place)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    environment = os.environ | {"PYTHONPATH": str(place)}
    command = [sys.executable, str(place / "bin" / "lakekit"), "workshop", str(target), "--no-lab"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "copied to" in done.stdout, done.stderr
    assert (target / FIRST).is_file()
    assert find_broken_links(target) == []
    code = "import lakekit; print(lakekit.__file__); print(lakekit.open_lake('data/sample/lake'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=target, env=environment, capture_output=True, text=True)
    assert done.stdout.startswith(str(place)) and "turbines_hourly" in done.stdout, done.stderr


def test_jupyterlab_opens_at_the_first_notebook_and_asks_nothing_about_news(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | places | {"JUPYTER_PORT": str(port), "JUPYTER_TOKEN": "t", "BROWSER": "true"}
    (tmp_path / "class").mkdir()
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-c", OPEN_LAB]
        lab = subprocess.Popen(command, cwd=tmp_path / "class", env=environment, stdout=log, stderr=log)
    try:
        page = read_page(f"http://127.0.0.1:{port}/lab?token=t", lab, tmp_path / "log")
    finally:
        lab.terminate()
        lab.wait(20)
    config = json.loads(html.unescape(PAGE_CONFIG.search(page)[1]))
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
    assert f"/lab/tree/{FIRST}" in (tmp_path / "log").read_text()


def read_page(address, process, log):
    """What a server answers, once it does; says why where it ended."""
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not answer in a minute:\n{log.read_text()}")
