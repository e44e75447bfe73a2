"""The page of all public names says what the docstrings say, the same each time."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_api_page_is_current():
    command = [sys.executable, "tools/write_api.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docs/api.md is not what the docstrings say: run make docs\n{done.stderr}"


def test_the_api_page_names_no_machine():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert " at 0x" not in page and str(ROOT) not in page
    assert "### lk.open_lake" in page and "### lk.widgets.LakeExplorer" in page
