"""How many rows came in a downloaded file, whatever it is: JSON lines, Parquet, or an archive with one of them."""

import tempfile
import zipfile
from shutil import copyfileobj
from typing import IO

import pyarrow.parquet as pq

PIECE = 1 << 20


def rows_in(file: IO[bytes]) -> int:
    head = file.read(4)
    file.seek(0)
    if head == b"PAR1":
        return int(pq.ParquetFile(file).metadata.num_rows)
    if head[:2] == b"PK":
        return _rows_in_archive(file)
    return sum(piece.count(b"\n") for piece in iter(lambda: file.read(PIECE), b""))


def _rows_in_archive(file: IO[bytes]) -> int:
    """Of its one file of rows; an entry whose bytes are damaged raises `BadZipFile`."""
    with zipfile.ZipFile(file) as archive:
        (name,) = (name for name in archive.namelist() if not name.endswith(".json"))
        with tempfile.TemporaryFile() as unpacked, archive.open(name) as entry:
            copyfileobj(entry, unpacked, PIECE)
            unpacked.seek(0)
            return rows_in(unpacked)
