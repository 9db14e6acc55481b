import io
import json

import pyarrow.parquet as pq
import pytest

from app.datasets.parquet_apart import ParquetFailed, parquet_made_apart


def lines(number):
    return (json.dumps({"annotation_id": str(each), "reason": "x" * 1000}).encode() + b"\n" for each in range(number))


def test_what_goes_in_comes_out():
    table = pq.read_table(io.BytesIO(b"".join(parquet_made_apart("skips", lines(5_001)))))
    assert table.column("annotation_id").to_pylist() == [str(number) for number in range(5_001)]


def test_an_error_while_reading_is_raised_where_the_file_is_read():
    def failing():
        yield from lines(3)
        raise LookupError("the database went away")

    with pytest.raises(LookupError):
        list(parquet_made_apart("skips", failing()))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_writer_that_fails_is_no_short_file(capfd):
    with pytest.raises(ParquetFailed):
        list(parquet_made_apart("nonsense", lines(3)))
    assert "KeyError" in capfd.readouterr().err


def test_a_reader_who_leaves_ends_the_writer():
    pieces = parquet_made_apart("skips", (line for _ in range(1000) for line in lines(1000)))
    assert next(pieces)
    pieces.close()
