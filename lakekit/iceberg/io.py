"""What pyiceberg reads and writes, held in memory: bytes come from lakekit's own store, and go there by its writer.

It must not reach a store by itself, so that there is no second client of S3: requests, retries and credentials are
lakekit's. It loads pyiceberg, and so is only imported where that is needed.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from pyiceberg.io import FileIO, InputFile, OutputFile


class MemoryIO(FileIO):
    """Files by their locations.

    Args:
        files: what can be read from the start.

    Attributes:
        files: these, and what was written since.

    Example:
        >>> memory = MemoryIO({"s3://b/a": b"one"})
        >>> with memory.new_output("s3://b/c").create() as stream:
        ...     _ = stream.write(b"two")
        >>> memory.new_input("s3://b/c").open().read(), len(memory.new_input("s3://b/a"))
        (b'two', 3)
    """

    def __init__(self, files: Mapping[str, bytes] | None = None):
        super().__init__({})
        self.files = dict(files or {})

    def new_input(self, location: str) -> InputFile:
        """A file to read."""
        return _MemoryInput(location, self)

    def new_output(self, location: str) -> OutputFile:
        """A file to write; it is there when its stream is closed."""
        return _MemoryOutput(location, self)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Forget a file."""
        del self.files[location if isinstance(location, str) else location.location]


class _MemoryInput(InputFile):
    def __init__(self, location: str, memory: MemoryIO):
        super().__init__(location)
        self._memory = memory

    def __len__(self) -> int:
        return len(self._read())

    def exists(self) -> bool:
        return self.location in self._memory.files

    def open(self, seekable: bool = True) -> io.BytesIO:
        return io.BytesIO(self._read())

    def _read(self) -> bytes:
        try:
            return self._memory.files[self.location]
        except KeyError:
            raise FileNotFoundError(self.location) from None


class _MemoryOutput(OutputFile):
    def __init__(self, location: str, memory: MemoryIO):
        super().__init__(location)
        self._memory = memory

    def __len__(self) -> int:
        return len(self._memory.files[self.location])

    def exists(self) -> bool:
        return self.location in self._memory.files

    def to_input_file(self) -> InputFile:
        return self._memory.new_input(self.location)

    def create(self, overwrite: bool = False) -> io.BytesIO:
        if self.exists() and not overwrite:
            raise FileExistsError(self.location)
        return _KeptStream(self.location, self._memory)


class _KeptStream(io.BytesIO):
    """A stream whose content is kept when it is closed."""

    def __init__(self, location: str, memory: MemoryIO):
        super().__init__()
        self._location, self._memory = location, memory

    def close(self) -> None:
        if not self.closed:
            self._memory.files[self._location] = self.getvalue()
        super().close()
