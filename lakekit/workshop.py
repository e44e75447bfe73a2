"""The workshop: notebooks, sample and the pages they link to, copied to a folder of yours, and JupyterLab there.

It must not write over what you changed, nor run notebooks where lakekit is installed.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from lakekit.errors import InvalidArgument, NoFilesFound
from lakekit.sample import sample_folder
from lakekit.units import format_number_of

FIRST = "notebooks/00-start-here.ipynb"
LAB_SETTINGS = Path(__file__).resolve().parent / "lab"  # no question about news at a first start, no look for updates


@dataclass(frozen=True, repr=False)
class Copied:
    """What a copy of the workshop did.

    Attributes:
        folder: where it is.
        copied: files that were new.
        kept: files there that differ from those of this lakekit, and were left alone.
    """

    folder: Path
    copied: list[str]
    kept: list[str]

    def __repr__(self) -> str:
        text = f"{format_number_of(len(self.copied), 'file')} copied to {self.folder}"
        if self.kept:
            text += f"; left as you changed them: {', '.join(self.kept)}"
        return text


def notebooks_folder() -> Path:
    """The folder of the notebooks that came with this lakekit.

    Raises:
        NoFilesFound: an installation without them.

    Example:
        >>> (notebooks_folder() / "00-start-here.ipynb").is_file()
        True
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "notebooks", here.parent / "notebooks"):
        if (folder / Path(FIRST).name).is_file():
            return folder
    raise NoFilesFound(f"No notebooks beside {here}.", hint="install lakekit from its wheel, or clone it.")


def copy_workshop(folder: str | Path) -> Copied:
    """Copy notebooks, sample and pages to a folder, which is made; what is there and differs stays as it is.

    Args:
        folder: where to; the notebooks go to ``notebooks/`` in it, the sample to ``data/sample/``, and the pages that
            notebooks link to, to ``docs/``.

    Raises:
        InvalidArgument: it is no folder, or cannot be written to.

    Example:
        >>> import tempfile
        >>> copied = copy_workshop(tempfile.mkdtemp())
        >>> (copied.folder / "notebooks" / "00-start-here.ipynb").is_file(), copied.kept
        (True, [])
    """
    target = Path(folder).expanduser().resolve()
    notebooks, sample = notebooks_folder(), sample_folder()
    files = {f"notebooks/{path.name}": path for path in sorted(notebooks.glob("*.ipynb"))}
    files |= {f"docs/{path.name}": path for path in sorted((notebooks.parent / "docs").glob("*.md"))}
    for path in sorted(sample.rglob("*")):
        if path.is_file() and path.suffix != ".py" and not path.name.startswith("."):
            files[f"data/sample/{path.relative_to(sample).as_posix()}"] = path
    copied, kept = [], []
    try:
        for name, source in files.items():
            path = target / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, path)
                copied.append(name)
            elif path.read_bytes() != source.read_bytes():
                kept.append(name)
    except OSError as error:
        raise InvalidArgument(f"The workshop cannot be written to {target}: {error}.", hint="name another.") from error
    return Copied(target, copied, kept)


def open_lab(folder: Path) -> None:
    """Become a JupyterLab in the folder, at the first notebook; this function does not return."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{FIRST}", f"--LabApp.app_settings_dir={LAB_SETTINGS}"]
    command += ["--LanguageServerManager.autodetect=False"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    sys.stdout.flush()
    os.execv(sys.executable, command)
