"""Where real test data lies; it is not part of the project, and tests that need it skip where it is absent."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


def shared_data(name: str) -> Path:
    """The folder or file `name`, or a skip that says what to do."""
    path = Path(os.environ.get("RONDO_SHARED_DATA", CHECKOUT / "../shared/data")) / name
    if not path.exists():
        pytest.skip(f"{name} is not here: point RONDO_SHARED_DATA at a folder that has it")
    return path
