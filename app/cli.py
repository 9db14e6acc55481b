"""The command `rondo`. Each of its commands is a module of `app.commands`, imported when it is called."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from app.errors import DomainError

# The module's name, which is the command's, and its line in `rondo --help`.
COMMANDS = {
    "demo": "Play full rounds with simulated labelers on a small model, and look at the result.",
    "serve": "Run the web application, and on the embedded database a worker beside it.",
    "worker": "Take runs from the queue: train, sample, and advance rounds.",
    "round": "Start a round, see how it goes, cancel or resume it.",
    "runs": "List and show runs, cancel them, try them again.",
    "cross-validate": "Measure a reward model on labelers whom it never learned from.",
    "checkpoints": "List models, follow their lineage, register, pin, archive, delete their files.",
    "users": "Invite, list, deactivate and reset accounts, and change their roles.",
    "projects": "Make a project, and list those there are.",
    "webhooks": "List the addresses that events are posted to, and try one.",
    "import": "Bring a file's prompts, demonstrations or comparisons into a project.",
    "export": "Write a frozen dataset into a folder, for our own tools or others'.",
    "report": "Print what is known of labels and policies, as tables or JSON.",
    "backup": "Write the database and all files to one archive.",
    "restore": "Fill an empty Rondo from an archive.",
    "db": "Upgrade, downgrade or show the schema of the database.",
}


class LateCommand(TyperCommand):
    """Stands for a module's `app` in the list of commands, so that `--help` imports none of them."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        import app.tables  # noqa: F401  (models name each other's tables)

        module = import_module(f"app.commands.{(self.name or '').replace('-', '_')}")
        return typer.main.get_command(module.app).make_context(info_name, args, parent=parent, **extra)


rondo = TyperGroup(
    name="rondo",
    help="Rondo: human preferences, and the trainer that learns from them.",
    no_args_is_help=True,
    commands=[LateCommand(name, help=line) for name, line in COMMANDS.items()],
)


def main() -> None:
    try:
        rondo(prog_name="rondo")
    except DomainError as error:
        sys.exit(error.localized())


if __name__ == "__main__":
    main()
