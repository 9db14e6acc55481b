"""Files made while they are sent: what a writer writes is taken from it piece by piece."""

import zipfile
from collections.abc import Iterator

Exported = Iterator[tuple[str, Iterator[bytes]]]
"""Named files, each an iterator of chunks, so that nothing holds all rows."""


def zipped(parts: Exported, folder: str) -> Iterator[bytes]:
    """The files as one zip archive. Networks are slower than level 1 and faster than the higher ones."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, chunks in parts:
            with archive.open(f"{folder}/{name}", "w", force_zip64=True) as entry:
                for chunk in chunks:
                    entry.write(chunk)
                    if piece := sink.take():
                        yield piece
    yield sink.take()


class Sink:
    """A file to write to that only goes forward."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """What was written can still be taken."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken
