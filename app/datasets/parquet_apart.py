"""Parquet made by a process of its own, because pyarrow takes more memory than everything else a web server does.

Lines go in at one end, a file comes out at the other; what it took goes when it is done.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from threading import Thread
from typing import IO

PIECE = 1 << 18


class ParquetFailed(Exception):
    """The process that writes it ended badly; its log has the reason."""


def parquet_made_apart(kind: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """As `app.datasets.parquet.parquet_chunks`, of lines that end in a newline, or of chunks of whole lines.

    `lines` are read in another thread. An error there is raised here; a reader who leaves ends the process.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "app.datasets.parquet", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        feeding = _Feeding(process.stdin, lines)
        feeding.start()
        try:
            while piece := os.read(process.stdout.fileno(), PIECE):
                yield piece
        except GeneratorExit:
            process.kill()
            raise
        finally:
            feeding.join()
    if feeding.error is not None:
        raise feeding.error
    if process.returncode:
        raise ParquetFailed(f"the writer of Parquet ended with {process.returncode}")


class _Feeding(Thread):
    def __init__(self, sink: IO[bytes], lines: Iterable[bytes]) -> None:
        super().__init__(name="feeding Parquet", daemon=True)
        self.error: Exception | None = None
        self._sink, self._lines = sink, lines

    def run(self) -> None:
        """A broken pipe is told by the process's own end."""
        try:
            with self._sink:
                self._sink.writelines(self._lines)
        except BrokenPipeError:
            pass
        except Exception as error:
            self.error = error
