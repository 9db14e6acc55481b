"""The README's tree: every module with the first words of its own docstring.

    python -m tests.readme_tree

prints it, and `python -m tests.readme_tree --write` puts it into README.md, between its two marks.
"""

import ast
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
README = CHECKOUT / "README.md"
BEGIN, END = "<!-- tree -->\n", "<!-- end of tree -->\n"
BESIDE = {
    "migrations/": "Alembic revisions, each with its way back",
    "templates/": "pages: layouts, components, a folder an area",
    "static/": "stylesheets by layer, one ES module a behaviour, the asset build",
    "tests/": "at the address of the code they test; benchmarks/ are run by hand",
}


def tree() -> str:
    modules = [path for package in ("app", "trainer") for path in sorted((CHECKOUT / package).rglob("*.py"))]
    named = [path for path in modules if path.name != "__init__.py"]
    by_folder = groupby(sorted(named, key=_place), key=lambda path: path.parent)
    lines = [line for folder, paths in by_folder for line in _folder(folder, list(paths))]
    lines += [f"{name:<26}{words}" for name, words in BESIDE.items()]
    return "\n".join(["```", *lines, "```", ""])


def _place(path: Path) -> tuple[str, str]:
    return str(path.parent), path.name


def _folder(folder: Path, paths: list[Path]) -> Iterator[str]:
    name = folder.relative_to(CHECKOUT).as_posix()
    indent = "  " * name.count("/")
    yield f"{indent}{name.rpartition('/')[2]}/"
    for path in paths:
        yield f"{indent}  {path.name:<{24 - len(indent)}}{phrase(path)}"


def phrase(path: Path) -> str:
    """The first sentence of the docstring."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.split(r"[.;] |[.;]$", " ".join(words.split("\n\n")[0].split()))[0]


def written_tree() -> str:
    """What stands between the marks in README.md."""
    text = README.read_text(encoding="utf-8")
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        print(tree())
        return
    text = README.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    README.write_text(text[:start] + tree() + text[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
