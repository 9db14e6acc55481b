from pathlib import Path

import pytest

from app.simulation.corpus import from_written
from app.simulation.e2e import Written, read_e2e
from app.simulation.facts import parse_facts
from tests.shared_data import shared_data


def test_pairs_are_read_from_all_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('mr,ref\n"name[Aromi], area[riverside]","By the river, Aromi. "\n', "utf-8")
    (tmp_path / "b.csv").write_text('MR,REF\nname[Zizi],"Zizi, ""the"" café"\n', "utf-8-sig")
    assert read_e2e(tmp_path) == [
        Written(parse_facts("name[Aromi], area[riverside]"), "By the river, Aromi."),
        Written(parse_facts("name[Zizi]"), 'Zizi, "the" café'),
    ]


def test_a_folder_without_csv_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No CSV files"):
        read_e2e(tmp_path)


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("facts,ref\nx,y\n", "utf-8")
    with pytest.raises(ValueError, match="no column mr"):
        read_e2e(tmp_path)


def test_the_real_data_is_read_whole() -> None:
    written = read_e2e(shared_data("e2e"))
    corpus = from_written(written, seed=1)
    assert len(written) == 9365
    assert (len(corpus.held_out), len(corpus.validation), len(corpus.train)) == (150, 100, 1177 - 250)
