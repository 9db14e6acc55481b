"""`rondo worker`, as its options are read."""

from typer.testing import CliRunner

from app.commands.worker import LauncherMissing, app


def test_a_launcher_that_is_not_there_is_named() -> None:
    ended = CliRunner().invoke(app, ["--launch", "nosuchrun --nproc-per-node 8"])
    assert isinstance(ended.exception, LauncherMissing)
    assert "There is no program nosuchrun here" in str(ended.exception)
