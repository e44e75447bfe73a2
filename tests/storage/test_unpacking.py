"""gzip is unpacked whole, or refused."""

import gzip
import zlib

import pytest

from lakekit.errors import CorruptFile
from lakekit.iceberg.snapshots import parse_metadata
from lakekit.storage.inventory_rows import read_rows
from lakekit.storage.unpacking import unpack_gzip
from lakekit.tiering.reads import iterate_logs
from lakekit.units import MIB


@pytest.fixture(scope="module")
def bomb():
    """257 MiB of spaces in 250 kB."""
    return gzip.compress(b" " * (257 * MIB), 9)


def test_all_members_are_unpacked_and_padding_is_none():
    packed = gzip.compress(b"one, ") + gzip.compress(b"") + gzip.compress(b"two") + bytes(10)
    assert unpack_gzip(packed) == unpack_gzip(memoryview(packed)) == b"one, two" == gzip.decompress(packed)


def test_what_is_cut_or_damaged_is_an_error():
    packed = gzip.compress(b"abc" * 1000)
    with pytest.raises(EOFError, match="ends early"):
        unpack_gzip(packed[:-9])
    with pytest.raises(zlib.error):
        unpack_gzip(packed + b"more")


def test_a_long_text_of_a_hundredth_of_its_size_is_unpacked(monkeypatch):
    monkeypatch.setattr("lakekit.storage.unpacking.MOST_BYTES", 1000)
    text = b"".join(b"%06d," % number for number in range(20_000))
    assert len(text) > 1000 and unpack_gzip(gzip.compress(text)) == text
    with pytest.raises(ValueError, match="holds more than"):
        unpack_gzip(gzip.compress(b" " * 1_000_000))


def test_what_unpacks_to_too_much_is_refused_wherever_gzip_is_read(bomb, tmp_path):
    assert len(bomb) < 300_000
    with pytest.raises(ValueError, match="it holds more than 256 MiB when unpacked"):
        unpack_gzip(bomb)
    with pytest.raises(CorruptFile, match="v1.gz.metadata.json is no metadata .* more than 256 MiB when unpacked"):
        parse_metadata(bomb, "v1.gz.metadata.json")
    with pytest.raises(ValueError, match="more than 256 MiB when unpacked"):
        read_rows(memoryview(bomb), "CSV", "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass", "")
    (tmp_path / "log.gz").write_bytes(bomb)
    assert list(iterate_logs(tmp_path)) == [("log.gz", "\n\ufffd gzip: it holds more than 256 MiB when unpacked")]
