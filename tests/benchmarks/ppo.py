"""What does an iteration of PPO cost, TRL 1.12's over ours, and what do the updates in it?

    OMP_NUM_THREADS=1 python -m tests.benchmarks.ppo

Same models, token ids, batch, length of completions, optimizer and dtype (fp32), one thread. TRL had PPO until 1.12,
which is installed without its dependencies into a folder of its own and runs in a process of its own. Its first
rollouts are replayed on our side; before anything is compared, advantages, first gradients, losses and what the updates
changed must agree. TRL whitens by the deviation of a sample, and its value model has no offset: for this comparison
ours do as TRL does. Completions are all of one length, for the two reward one that ends early on different tokens.

Seconds are of the process, the least of several. The last line is one JSON object, TRL over ours: for each case, and by
themselves for InstructGPT's mix of lengths (`update_ratio`, `iteration_ratio`).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from tests.benchmarks.ppo_cases import Case, Replay, Seconds, Told, all_cases
from tests.benchmarks.ppo_models import make_models
from tests.benchmarks.ppo_ours import Ours, our_seconds

PEER = "trl==1.12.0"
ADVANTAGES_APART = 1e-3
LOSSES_APART = 1e-4
GRADIENTS_APART = 1e-3
CHANGES_APART = 0.05  # Adam makes a whole step of a gradient that is all rounding


class NotTheSame(AssertionError):
    """The two sides do not learn the same thing, so their times cannot be compared."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--hidden", type=int, default=256, help="width of the Llama models")
    arguments.add_argument("--layers", type=int, default=4, help="their depth")
    arguments.add_argument("--iterations", type=int, default=3, help="measured of each side")
    arguments.add_argument("--cache", type=Path, default=peer_folder(), help="where TRL 1.12 is, or shall be")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    install_peer(given.cache)
    print(f"{'case':<9}{'rollouts':>9}{'prompts':>9}{'tokens':>8}{'':>6}{'update s':>10}{'iteration s':>13}")
    rows = [measured(case, given.cache, given.iterations) for case in all_cases(given.hidden, given.layers)]
    headline = {name: rows[0][name] for name in ("update_ratio", "iteration_ratio")}
    print(json.dumps({"cases": rows, **headline}))


def measured(case: Case, cache: Path, iterations: int) -> dict[str, float | str]:
    replay, told, theirs = ask_peer(case, cache, iterations)
    require_parity(case, told, Ours(case).learn(replay))
    ours = our_seconds(case, replay, iterations)
    for name, seconds in (("trl", theirs), ("ours", ours)):
        shape = f"{case.name:<9}{case.rollouts:>9}{sum(case.prompts):>9}{case.rollouts * case.completion:>8}"
        print(f"{shape}{name:>6}{min(seconds.updates):>10.2f}{min(seconds.iterations):>13.2f}", flush=True)
    return {
        "case": case.name,
        "update_ratio": round(min(theirs.updates) / min(ours.updates), 2),
        "iteration_ratio": round(min(theirs.iterations) / min(ours.iterations), 2),
    }


def require_parity(case: Case, theirs: Told, ours: Told) -> None:
    """Raises `NotTheSame` unless advantages, first gradients, losses and what the updates changed agree."""
    apart = float((theirs.advantages - ours.advantages).abs().max())
    if not apart < ADVANTAGES_APART:
        raise NotTheSame(f"Advantages are {apart:.1e} apart.")
    for name in ("policy_loss", "value_loss", "ratio"):
        one, other = getattr(theirs, name), getattr(ours, name)
        if not abs(one - other) < LOSSES_APART:
            raise NotTheSame(f"TRL's {name} is {one:.6f}, ours {other:.6f}.")
    require_near("gradients", theirs.gradients, ours.gradients, GRADIENTS_APART)
    before = starting_weights(case)
    require_near("changes", changes(theirs.weights, before), changes(ours.weights, before), CHANGES_APART)


def require_near(what: str, theirs: Mapping[str, Tensor], ours: Mapping[str, Tensor], tolerance: float) -> None:
    """The policy's as a whole and the value model's: distance over length."""
    if theirs.keys() != ours.keys():
        raise NotTheSame(f"Only one side has {what} of {sorted(theirs.keys() ^ ours.keys())}.")
    for kind in ("policy.", "value."):
        names = [name for name in theirs if name.startswith(kind)]
        expected, found = (torch.cat([side[name].flatten() for name in names]) for side in (theirs, ours))
        apart = float((expected - found).norm() / expected.norm())
        if not apart < tolerance:
            raise NotTheSame(f"The {what} of {kind[:-1]} are {apart:.1e} of their size apart.")


def starting_weights(case: Case) -> dict[str, Tensor]:
    policy, _, _, value = make_models(case)
    return {
        f"{kind}.{name}": parameter.detach()
        for kind, model in (("policy", policy), ("value", value))
        for name, parameter in model.named_parameters()
    }


def changes(weights: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor - before[name] for name, tensor in weights.items()}


def ask_peer(case: Case, cache: Path, iterations: int) -> tuple[Replay, Told, Seconds]:
    """TRL on the case, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="rondo-ppo-") as folder:
        given, out = Path(folder) / "case.pt", Path(folder) / "told.pt"
        torch.save((case, iterations), given)
        command = [sys.executable, "-m", "tests.benchmarks.ppo_peer", str(cache), str(given), str(out)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"TRL's side failed:\n{done.stderr[-4000:]}")
        result: tuple[Replay, Told, Seconds] = torch.load(out, weights_only=False)
        return result


def peer_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rondo" / PEER.replace("==", "-")


def install_peer(folder: Path) -> None:
    if not (folder / f"{PEER.replace('==', '-')}.dist-info").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PEER]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
