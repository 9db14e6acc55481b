"""What does a training step of a reward model cost, TRL's `RewardTrainer` on all pairs over ours on rankings?

    OMP_NUM_THREADS=1 python -m tests.benchmarks.reward

Same token ids, initial weights, optimizer and dtype (fp32), no gradient checkpointing; before anything is measured loss
and gradient of the first step must agree. FLOPs are counted by torch, with attention in full. The last line is one JSON
object: FLOPs and process time (CPU seconds, the least of several steps), TRL over ours, and our `rows` over ours.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig

from tests.benchmarks.reward_cases import Case, all_cases
from tests.benchmarks.reward_sides import Ours, Side, Theirs
from tests.benchmarks.small_models import model_config
from trainer.groups import RankedGroup

LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4


class NotTheSame(AssertionError):
    """The two sides do not learn the same thing, so their times cannot be compared."""


@dataclass(frozen=True)
class Cost:
    gigaflops: float
    seconds: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--hidden", type=int, default=256, help="width of the Llama model")
    arguments.add_argument("--layers", type=int, default=4, help="its depth")
    arguments.add_argument("--steps", type=int, default=5, help="steps measured of ours; of TRL's a third")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    config = model_config(given.hidden, given.layers)
    print(f"{'K':>4}{'P':>5}{'R':>5}{'':>9}{'GFLOP':>10}{'CPU s':>9}")
    rows = [measured(case, config, given.steps) for case in all_cases()]
    print(json.dumps({"cases": rows}))


def measured(case: Case, config: LlamaConfig, steps: int) -> dict[str, float | int | str]:
    theirs, ours, rows = Theirs(config, case.groups), Ours(config), Ours(config, "rows")
    require_parity(theirs, ours, case.groups)
    costs = {
        "trl": cost_of(theirs, case.groups, max(1, steps // 3)),
        "rows": cost_of(rows, case.groups, steps),
        "ours": cost_of(ours, case.groups, steps),
    }
    for name, cost in costs.items():
        shape = f"{case.k:>4}{case.prompt:>5}{case.completion:>5}"
        print(f"{shape}{name:>9}{cost.gigaflops:>10.1f}{cost.seconds:>9.3f}", flush=True)
    return {
        "K": case.k,
        "P": case.prompt,
        "R": case.completion,
        "flop_ratio": round(costs["trl"].gigaflops / costs["ours"].gigaflops, 2),
        "time_ratio": round(costs["trl"].seconds / costs["ours"].seconds, 2),
        "rows_ratio": round(costs["rows"].seconds / costs["ours"].seconds, 2),
    }


def require_parity(theirs: Side, ours: Side, groups: Sequence[RankedGroup]) -> None:
    """Raises `NotTheSame` unless loss and gradient of the first step agree."""
    their_loss, our_loss = theirs.learn(groups), ours.learn(groups)
    if abs(their_loss - our_loss) > LOSS_TOLERANCE:
        raise NotTheSame(f"TRL's loss is {their_loss:.6f}, ours {our_loss:.6f}.")
    expected, found = theirs.gradients(), ours.gradients()
    if expected.keys() != found.keys():
        raise NotTheSame(f"Only one side has gradients of {sorted(expected.keys() ^ found.keys())}.")
    norm = torch.cat([gradient.flatten() for gradient in expected.values()]).norm()
    for name, gradient in expected.items():
        apart = float((gradient - found[name]).norm() / norm)
        if not apart < GRADIENT_TOLERANCE:
            raise NotTheSame(f"The gradients of {name} are {apart:.1e} of the whole gradient apart.")
    for side in (theirs, ours):
        side.learner.optimizer.zero_grad(set_to_none=True)


def cost_of(side: Side, groups: Sequence[RankedGroup], steps: int) -> Cost:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        side.learn(groups)
    side.learner.update(0)
    return Cost(counter.get_total_flops() / 1e9, min(seconds_of_step(side, groups) for _ in range(steps)))


def seconds_of_step(side: Side, groups: Sequence[RankedGroup]) -> float:
    """Of the process; forward, backward, clipping and the optimizer."""
    started = time.process_time()
    side.learn(groups)
    side.learner.update(0)
    return time.process_time() - started


if __name__ == "__main__":
    main()
