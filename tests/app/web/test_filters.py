"""What leaves as CSV."""

from app.web.filters import csv_text


def test_a_cell_that_a_spreadsheet_would_run_is_defused() -> None:
    rows = [{"name": "=1+1"}, {"name": "plain, with comma"}, {"name": None}, {}]
    assert csv_text(["name"], rows).splitlines() == ["name", "'=1+1", '"plain, with comma"', '""', '""']
