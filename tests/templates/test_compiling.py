import re
from pathlib import Path

import pytest

from app.web.templating import environment, packed_folder

TEMPLATES: Path = packed_folder("templates")
ALONE = "rounds/report_file.html"  # a file to keep, which has its styles in it and a policy of its own
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("name", NAMES)
def test_every_template_compiles(name: str) -> None:
    assert environment().get_template(name).name == name


@pytest.mark.parametrize("name", [name for name in NAMES if name != ALONE])
def test_no_template_carries_inline_code(name: str) -> None:
    text = (TEMPLATES / name).read_text()
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert re.findall(r"<script\b(?![^>]*\bsrc=)", text) == []
