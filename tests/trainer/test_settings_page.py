"""Nobody has to look for a setting: the page, `--help` and a model's card have all of them."""

from dataclasses import fields

import pytest

from tests.trainer.settings_page import PAGE, SHARED, page
from trainer.__main__ import main
from trainer.config import STAGES


def test_the_page_is_what_the_settings_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.trainer.settings_page --write"


def test_the_page_has_every_setting() -> None:
    declared = {kind: set(kind.__annotations__) for kind in (*STAGES.values(), *SHARED.values())}
    for kind in STAGES.values():
        told = set().union(*(declared[parent] for parent in kind.__mro__ if parent in declared))
        assert told == {item.name for item in fields(kind)}
        assert all(f"| `{name}` |" in page() for name in told)


@pytest.mark.parametrize("stage", STAGES)
def test_help_has_every_setting_with_its_default(
    stage: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit):
        main([stage, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for item in fields(STAGES[stage]):
        assert f"--{item.name.replace('_', '-')} {item.name.upper()}" in said
        told = "required" if item.metadata["required"] else f"default: {item.default!r}"
        assert f"{item.metadata['help']} ({told})" in said
