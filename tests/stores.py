"""A real S3 server on this machine, and stores on it."""

import importlib.util
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from app.files.store import Store

needs_s3 = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("moto", "s3fs"))), reason="needs moto and s3fs (the extra dev)"
)
StoreMaker = Callable[[str], Store]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[Any]:
    """moto's, over HTTP, in threads of this process."""
    from moto.server import ThreadedMotoServer

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # the same one when it is started again
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new one, by its address; the environment leads to its server, as for those who run Rondo."""
    from s3fs import S3FileSystem

    host, port = s3_server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "rondo",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    name = f"rondo-{token_hex(4)}"
    S3FileSystem().mkdir(name)
    yield f"s3://{name}"
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def machine(bucket: str, tmp_path: Path) -> StoreMaker:
    """The store as machines see it, each with a folder of its own."""
    return lambda name: Store(f"{bucket}/team", tmp_path / name)
