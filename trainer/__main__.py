"""`python -m trainer STAGE RUN_DIR [--setting value ...]`: one stage in one folder.

Exit codes: 0 finished, 1 failed, 2 misused, 3 stopped on request with a checkpoint.
"""

import argparse
import importlib
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, get_type_hints

from trainer.config import STAGES, Config, allowed_types, read_config, write_config
from trainer.errors import NotFinite, Stopped, TrainerError
from trainer.folder import RunFolder
from trainer.memory import NotEnoughMemory, ran_out_of_memory
from trainer.presets import PRESETS
from trainer.processes import leads, world_size

FAILED = 1
STOPPED = 3

# Stages that share one run among the processes of `torchrun`.
SHARED = ("sft", "reward", "ppo")


def main(arguments: Sequence[str] | None = None) -> int:
    given = vars(argument_parser().parse_args(arguments))
    stage, folder = given.pop("stage"), RunFolder(given.pop("run_dir"))
    if "preset" in given:
        given = {**PRESETS[given.pop("preset")].get(stage, {}), **given}
    folder.path.mkdir(parents=True, exist_ok=True)
    previous = signal.signal(signal.SIGTERM, _stop_now)
    try:
        config = read_config(STAGES[stage], folder.config, given)
        if world_size() > 1 and stage not in SHARED:
            raise TrainerError(f"Stage {stage} runs in one process; torchrun is for {', '.join(SHARED)}.")
        if leads():
            write_config(config, folder.config)
        return _run(stage, config, folder)
    except TrainerError as error:
        return _failed(folder, str(error))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(stage: str, config: Config, folder: RunFolder) -> int:
    folder.write_status("running", 0, 0)
    try:
        importlib.import_module(f"trainer.{stage}").main(config, folder)
    except Stopped as stop:
        folder.end_status("stopped")
        print(stop, file=sys.stderr)
        return STOPPED
    except NotFinite as error:
        raise TrainerError(f"{error} {folder.last_good_checkpoint}") from error
    except TrainerError:
        raise
    except FileNotFoundError as error:
        raise TrainerError(f"There is no file {error.filename}.") from error
    except Exception as error:
        if ran_out_of_memory(error):
            raise NotEnoughMemory(config) from error
        traceback.print_exc()
        return _failed(folder, f"{type(error).__name__}: {error}")
    folder.end_status("finished")
    return 0


def _failed(folder: RunFolder, sentence: str) -> int:
    folder.end_status("failed", sentence)
    print(sentence, file=sys.stderr)
    return FAILED


def _stop_now(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped("Stopped before the next checkpoint.")


def argument_parser() -> argparse.ArgumentParser:
    """One subcommand a stage, one flag a setting; what is not given is left to the run's `config.json`."""
    parser = argparse.ArgumentParser(prog="python -m trainer", description="Run one stage in RUN_DIR.")
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for stage, kind in STAGES.items():
        sentence = (kind.__doc__ or stage).strip()
        command = stages.add_parser(stage, help=sentence, description=sentence, argument_default=argparse.SUPPRESS)
        command.add_argument("run_dir", metavar="RUN_DIR", type=Path)
        command.add_argument("--preset", choices=PRESETS, help="settings that belong together; flags change them")
        for item in fields(kind):
            _add_flag(command, item, get_type_hints(kind)[item.name])
    return parser


def _add_flag(command: argparse.ArgumentParser, item: Any, hint: Any) -> None:
    default = "required" if item.metadata["required"] else f"default: {item.default!r}"
    command.add_argument(
        f"--{item.name.replace('_', '-')}",
        dest=item.name,
        metavar=item.name.upper(),
        type=_reader(allowed_types(hint)),
        help=f"{item.metadata['help']} ({default})".replace("%", "%%"),
    )


def _reader(allowed: tuple[type, ...]) -> Any:
    """From a word on the command line to a value; `none` where a setting may be absent."""
    kind = next(kind for kind in allowed if kind is not type(None))
    if type(None) not in allowed:
        return kind

    def number_or_none(word: str) -> Any:
        return None if word.lower() == "none" else kind(word)

    return number_or_none


if __name__ == "__main__":
    sys.exit(main())
