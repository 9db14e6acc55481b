"""What the README says is so."""

import re

import pytest

from app.cli import COMMANDS
from tests.readme_tree import CHECKOUT as ROOT
from tests.readme_tree import README, phrase, tree, written_tree


def test_the_tree_lists_every_module_as_it_describes_itself() -> None:
    assert written_tree() == tree(), "run: python -m tests.readme_tree --write"


def test_every_module_says_what_it_is() -> None:
    modules = [path for package in ("app", "trainer") for path in (ROOT / package).rglob("*.py")]
    assert [path for path in modules if path.name != "__init__.py" and not phrase(path)] == []


@pytest.mark.parametrize("command", sorted(set(re.findall(r"rondo ([a-z-]+)", README.read_text(encoding="utf-8")))))
def test_every_command_that_it_names_exists(command: str) -> None:
    assert command in COMMANDS


def test_every_benchmark_that_it_names_exists() -> None:
    named = set(re.findall(r"python -m tests\.benchmarks\.([a-z_]+)", README.read_text(encoding="utf-8")))
    assert named
    assert {path.stem for path in (ROOT / "tests/benchmarks").glob("*.py")} >= named
