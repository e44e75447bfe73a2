"""Runs the notebooks and stores them with their outputs, in one form, so that a rerun changes only what changed.

It must not store a notebook that failed, nor give an execution count to a cell that did not run, nor run a cell tagged
nbval-skip: such a cell needs an AWS account, and what it shows is nobody else's.

    python tools/refresh_notebooks.py                  # run and store all of notebooks/
    python tools/refresh_notebooks.py notebooks/00-*   # only some
    python tools/refresh_notebooks.py --check          # run nothing; say which are not stored as they should be
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"  # a random id; its text and picture are stored beside it
CELL_TIMEOUT_S = 120
NEEDS_AWS = "nbval-skip"


def execute_notebook(path: Path) -> NotebookNode:
    """The notebook run from its first cell to its last, in its own folder.

    Raises:
        CellExecutionError: a cell raised, and is not tagged raises-exception.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        skip_cells_with_tag=NEEDS_AWS,
    )
    with tempfile.TemporaryDirectory(prefix="lakekit-cache-") as cache:  # a first look, without bars
        return client.execute(env={**os.environ, "LAKEKIT_CACHE_DIR": cache, "LAKEKIT_PROGRESS": "off"})


def normalise_notebook(notebook: NotebookNode) -> NotebookNode:
    """A copy in the form we store: our kernel, cells named in order, no widget state, no paths of this machine.

    Execution counts run from 1 to n over the cells that did run; a cell that did not keeps none. What a cell that needs
    AWS has shown to somebody is left out.
    """
    cells, count = [], 0
    for position, cell in enumerate(notebook.cells):
        cell = nbformat.from_dict(cell)
        cell.id = f"cell-{position:02d}"
        cell.metadata = _keep_metadata(cell.metadata)
        if cell.cell_type == "code":
            if _needs_aws(cell):
                cell.execution_count, cell.outputs = None, []
            cell.outputs = [_normalise_output(output) for output in cell.outputs]
            if cell.execution_count is not None:
                count += 1
                cell.execution_count = count
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = cell.execution_count
        cells.append(cell)
    return nbformat.from_dict(
        {
            "cells": cells,
            "metadata": {"kernelspec": KERNEL, "language_info": LANGUAGE},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def _needs_aws(cell: NotebookNode) -> bool:
    return NEEDS_AWS in cell.metadata.get("tags", [])


def _keep_metadata(metadata: NotebookNode) -> NotebookNode:
    kept = {"tags": metadata["tags"]} if metadata.get("tags") else {}
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    return nbformat.from_dict(kept)


def _normalise_output(output: NotebookNode) -> NotebookNode:
    output = nbformat.from_dict(output)
    if "data" in output:
        output.data.pop(WIDGET_VIEW, None)
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]
    return output


def find_faults(path: Path) -> list[str]:
    """What is wrong with a notebook as it is stored, in words; nothing when it is as a refresh leaves it."""
    notebook = nbformat.read(path, as_version=4)
    faults = []
    code = [(position, cell) for position, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    for position, cell in code:
        if cell.execution_count is None and not _needs_aws(cell):
            faults.append(f"cell {position} was not run, so nothing would be compared")
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            faults.append(f"cell {position} is stored with an error, and is not tagged raises-exception")
    if not faults and path.read_text(encoding="utf-8") != _write_text(normalise_notebook(notebook)):
        faults.append("it is not in the form that a refresh stores: counts, cell ids, metadata or widget state")
    return faults


def _write_text(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def check_notebooks(paths: list[Path]) -> int:
    """1 when a notebook is not stored as it should be, else 0; prints which, and why."""
    faults = [f"{path.name}: {fault}" for path in paths for fault in find_faults(path)]
    if faults:
        print("\n".join(faults), file=sys.stderr)
        print("Hint: make notebooks", file=sys.stderr)
    return 1 if faults else 0


def refresh_notebooks(paths: list[Path]) -> int:
    """1 when a notebook failed, else 0; those that ran are stored."""
    failures = 0
    for path in paths:
        print(f"{path.name} …", flush=True)
        try:
            notebook = execute_notebook(path)
        except CellExecutionError as error:
            failures += 1
            print(f"{path.name} failed and stays as it was:\n{error}", file=sys.stderr)
            continue
        path.write_text(_write_text(normalise_notebook(notebook)), encoding="utf-8")
    return 1 if failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the notebooks and store their outputs in one form.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    parser.add_argument("--check", action="store_true", help="run nothing; fail when one is not stored as it should be")
    options = parser.parse_args()
    paths = options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    return check_notebooks(paths) if options.check else refresh_notebooks(paths)


if __name__ == "__main__":
    sys.exit(main())
