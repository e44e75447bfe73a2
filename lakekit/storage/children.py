"""Servers that lakekit starts beside itself: each in a folder of its own, and gone when the process that started it is.

It must not know what they serve.
"""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG; prctl(2)


def start_child(
    command: Sequence[str], folder: Path, log_name: str, environment: Mapping[str, str]
) -> subprocess.Popen:
    """A new process in this folder, that reads nothing and whose words go to a file there.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        log_name: of the file with what it says, in the folder.
        environment: all variables that it sees.
    """
    with open(folder / log_name, "wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_make_die_with_parent(),
        )


def _make_die_with_parent() -> Callable[[], object] | None:
    """What the new process calls first, so that Linux kills it when its parent ends in whatever way."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(DIE_WITH_PARENT, signal.SIGKILL)
