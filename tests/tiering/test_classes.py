"""What S3's storage classes allow and bill at least: the waterfall, minimum sizes, restore times.

Sources: S3 user guide (transitions; storage classes; restoring), read 2026-04-13; S3 FAQ, billing, 2025.
"""

import pytest

from lakekit.errors import InvalidArgument
from lakekit.tiering import get_billed_size, is_move_allowed, is_readable, list_moves
from lakekit.tiering.classes import CLASSES, WATERFALL, check_tier, find_restore_tiers

ALLOWED = [
    ("STANDARD", "STANDARD_IA"),
    ("STANDARD", "DEEP_ARCHIVE"),
    ("STANDARD_IA", "INTELLIGENT_TIERING"),
    ("STANDARD_IA", "ONEZONE_IA"),
    ("INTELLIGENT_TIERING", "ONEZONE_IA"),
    ("INTELLIGENT_TIERING.ARCHIVE_INSTANT", "GLACIER_IR"),
    ("INTELLIGENT_TIERING.DEEP_ARCHIVE_ACCESS", "DEEP_ARCHIVE"),
    ("ONEZONE_IA", "GLACIER"),
    ("GLACIER_IR", "GLACIER"),
    ("GLACIER", "DEEP_ARCHIVE"),
]
REFUSED = [
    ("INTELLIGENT_TIERING", "STANDARD_IA"),
    ("GLACIER", "STANDARD"),
    ("ONEZONE_IA", "GLACIER_IR"),
    ("ONEZONE_IA", "INTELLIGENT_TIERING"),
    ("INTELLIGENT_TIERING.ARCHIVE_INSTANT", "ONEZONE_IA"),
    ("INTELLIGENT_TIERING.DEEP_ARCHIVE_ACCESS", "GLACIER"),
    ("STANDARD_IA", "STANDARD"),
    ("STANDARD", "STANDARD"),
    ("DEEP_ARCHIVE", "GLACIER"),
    ("EXPRESS_ONEZONE", "STANDARD_IA"),
]


@pytest.mark.parametrize(("from_class", "to_class"), ALLOWED)
def test_moves_go_down_the_waterfall(from_class, to_class):
    assert is_move_allowed(from_class, to_class)
    assert to_class in list_moves(from_class)


@pytest.mark.parametrize(("from_class", "to_class"), REFUSED)
def test_no_move_goes_up_or_sideways(from_class, to_class):
    assert not is_move_allowed(from_class, to_class)


def test_the_waterfall_has_no_way_back():
    for name in CLASSES:
        for lower in WATERFALL[name]:
            assert name not in WATERFALL[lower]


def test_an_unknown_class_names_the_one_that_was_meant():
    with pytest.raises(InvalidArgument, match="'GLACIER-IR' is not a storage class.\nHint: did you mean GLACIER_IR"):
        is_move_allowed("STANDARD", "GLACIER-IR")


@pytest.mark.parametrize(
    ("storage_class", "size_bytes", "billed", "extra"),
    [
        ("ONEZONE_IA", 6 * 1024, 128 * 1024, 122 * 1024),  # FAQ: 6 KB are billed as 128 KB
        ("STANDARD_IA", 128 * 1024, 128 * 1024, 0),
        ("GLACIER_IR", 0, 128 * 1024, 128 * 1024),
        ("STANDARD", 6 * 1024, 6 * 1024, 0),
        ("INTELLIGENT_TIERING", 6 * 1024, 6 * 1024, 0),
        ("GLACIER", 10 * 1024, 42 * 1024, 40 * 1024),  # 32 KB more here, 8 KB at the STANDARD rate
        ("DEEP_ARCHIVE", 10 * 1024, 42 * 1024, 40 * 1024),
    ],
)
def test_small_objects_are_billed_as_larger_ones(storage_class, size_bytes, billed, extra):
    size = get_billed_size(storage_class, size_bytes)
    assert (size.billed_bytes, size.extra_bytes) == (billed, extra)


def test_a_negative_size_is_refused():
    with pytest.raises(InvalidArgument, match="-1 is not a size"):
        get_billed_size("STANDARD", -1)


def test_glacier_instant_answers_at_once_and_archives_do_not():
    assert [name for name in CLASSES if not is_readable(name)] == ["GLACIER", "DEEP_ARCHIVE"]


@pytest.mark.parametrize(
    ("storage_class", "hours", "tiers"),
    [
        ("GLACIER", 0.1, ["Expedited"]),  # 1-5 minutes
        ("GLACIER", 5, ["Expedited", "Standard"]),  # 3-5 hours
        ("GLACIER", 12, ["Expedited", "Standard", "Bulk"]),  # 5-12 hours
        ("DEEP_ARCHIVE", 11.9, []),
        ("DEEP_ARCHIVE", 12, ["Standard"]),
        ("DEEP_ARCHIVE", None, ["Standard", "Bulk"]),  # 48 hours
        ("GLACIER_IR", 12, []),
    ],
)
def test_restores_take_their_time(storage_class, hours, tiers):
    assert find_restore_tiers(storage_class, hours) == tiers


def test_a_restore_tier_must_be_one_of_the_class():
    with pytest.raises(
        InvalidArgument, match="DEEP_ARCHIVE has no restore tier 'Expedited'.\nHint: it has Standard, Bulk"
    ):
        check_tier("DEEP_ARCHIVE", "Expedited")
    with pytest.raises(InvalidArgument, match="GLACIER_IR is read without a restore"):
        check_tier("GLACIER_IR", "Standard")
