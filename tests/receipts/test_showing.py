"""Receipts under results in notebooks, where they are asked for."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

import lakekit as lk


@pytest.fixture
def shown():
    """Receipts are shown until the test is over."""
    lk.show_receipts()
    yield
    lk.show_receipts(False)


def test_a_result_shows_no_receipt_unless_asked(lake):
    bundle = lake.sql("SELECT sum(x) FROM t WHERE n < 3")._repr_mimebundle_()
    assert "Receipt" not in bundle["text/plain"] + bundle["text/html"]


@pytest.mark.usefixtures("shown")
def test_a_result_shows_the_receipt_of_the_run_that_made_it(lake):
    bundle = lake.sql("SELECT sum(x) FROM t WHERE n < 3")._repr_mimebundle_()
    assert "44850" in bundle["text/plain"] and "3 of 6" in bundle["text/plain"]
    assert bundle["text/html"].index("44850") < bundle["text/html"].index("3 of 6")


@pytest.mark.usefixtures("shown")
def test_a_cell_that_keeps_a_frame_shows_the_receipt(lake):
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "lakekit")
    shell.user_ns["lake"] = lake
    done = shell.run_cell("%%sql frame <<\nSELECT sum(x) AS total FROM t WHERE n < 3", store_history=False)
    assert (done.result.files_scanned, shell.user_ns["frame"]["total"].item()) == (3, 44850)
