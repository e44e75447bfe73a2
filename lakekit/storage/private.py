"""Folders on this computer that nobody but the user may change, for what is kept there is believed later.

It must not change a folder that was there before.
"""

import functools
import os
import stat
import warnings
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private(folder: Path) -> Path:
    """The folder, made private to the user if it is not there, as are those above it that are not there either.

    Raises:
        PermissionError: another user owns it or may write into it; a warning says so, once.
        OSError: it cannot be made.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     oct(make_private(Path(parent, "a", "b")).stat().st_mode & 0o777)
        '0o700'
    """
    if not os.path.isdir(folder):
        if folder.parent != folder and not os.path.isdir(folder.parent):
            make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    if flaw := _find_flaw(folder):
        _warn(str(folder), flaw)
        raise PermissionError(f"{folder} {flaw}")
    return folder


def _find_flaw(folder: Path) -> str:
    """Why what is in a folder cannot be believed to be the user's own; "" if it can."""
    if not hasattr(os, "getuid"):  # Windows, where a folder's rights are those of the user's own
        return ""
    for status in (os.lstat(folder), os.stat(folder)):  # a link may be another user's, too
        if status.st_uid != os.getuid():
            return f"belongs to user {status.st_uid}, not to you ({os.getuid()})"
    return "can be written by other users" if status.st_mode & _OTHERS_WRITE else ""


@functools.cache
def _warn(folder: str, flaw: str) -> None:
    what = f"{folder} {flaw}: lakekit neither keeps nor reads anything there."
    hint = "set LAKEKIT_CACHE_DIR to a folder of your own; one that is not there yet is made so."
    warnings.warn(f"{what}\nHint: {hint}", stacklevel=4)
