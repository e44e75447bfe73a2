"""Sizes and counts are written so that a person reads them at a glance, in binary units."""

import pytest

from lakekit.units import GIB, KIB, MIB, TIB, format_bytes, format_count, format_number_of


def test_units_are_powers_of_1024():
    assert (KIB, MIB, GIB, TIB) == (1024, 1_048_576, 1_073_741_824, 1_099_511_627_776)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),  # 1,536 / 1,024
        (26_000, "25.4 KiB"),  # 26,000 / 1,024 = 25.39
        (100 * KIB, "100 KiB"),
        (100 * KIB + 512, "100 KiB"),  # three digits at most
        (5 * MIB, "5 MiB"),
        (268_435_456, "256 MiB"),
        (3 * GIB // 2, "1.5 GiB"),
        (TIB, "1 TiB"),
        (2048 * TIB, "2048 TiB"),  # nothing above TiB
        (-1536, "-1.5 KiB"),  # what a compaction saves
    ],
)
def test_a_size_is_written_in_the_unit_that_fits(size_bytes, text):
    assert format_bytes(size_bytes) == text


def test_a_count_has_commas():
    assert [format_count(count) for count in (0, 999, 1000, 1_234_567)] == ["0", "999", "1,000", "1,234,567"]


@pytest.mark.parametrize(("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (2920, "2,920 files")])
def test_a_noun_is_in_the_plural_unless_there_is_one(count, text):
    assert format_number_of(count, "file") == text
