"""How much memory do the logits of PPO's log-probabilities take, whole and in parts?

    OMP_NUM_THREADS=1 python -m tests.benchmarks.ppo_memory

Forward and backward of a Llama's log-probabilities over a large vocabulary, each setting of `logits_at_once` in a
process of its own. What is told is by how much the process grew at its peak (resident memory), and its time. The last
line is one JSON object.
"""

import argparse
import json
import multiprocessing
import resource
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from trainer.groups import RankedGroup, unranked
from trainer.layout import rows_from_groups
from trainer.logprobs import completion_logprobs

MIB = 1024  # ru_maxrss is in KiB
SETTINGS = (0, 1024, 128)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--vocabulary", type=int, default=32_768)
    arguments.add_argument("--completions", type=int, default=16)
    arguments.add_argument("--tokens", type=int, default=128, help="of each completion")
    given = arguments.parse_args()
    shape = given.vocabulary, given.completions, given.tokens
    logits = given.vocabulary * given.completions * given.tokens * 4 / 2**20
    print(f"one tensor of all logits: {logits:.0f} MiB")
    rows = []
    for at_once in SETTINGS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            grown, seconds = pool.apply(measured, (*shape, at_once))
        print(f"logits_at_once {at_once:>5}: {grown:>6.0f} MiB more at the peak, {seconds:.2f} s", flush=True)
        rows.append({"logits_at_once": at_once, "peak_mib": round(grown), "seconds": round(seconds, 2)})
    print(json.dumps({"logits_mib": round(logits), "settings": rows}))


def measured(vocabulary: int, completions: int, tokens: int, at_once: int) -> tuple[float, float]:
    """MiB that the process grew by, and its CPU seconds. A first pass over one token pays for what stays."""
    torch.set_num_threads(1)
    sizes = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2}
    policy = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, **sizes))
    learn(policy, [group(2, 1)], 0)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    learn(policy, [group(16, tokens) for _ in range(completions)], at_once)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return grown / MIB, time.process_time() - began


def group(prompt: int, completion: int) -> RankedGroup:
    return unranked(range(prompt), [range(completion)])


def learn(policy: LlamaForCausalLM, groups: list[RankedGroup], at_once: int) -> None:
    completion_logprobs(policy, rows_from_groups(groups, 0), at_once=at_once).sum().backward()


if __name__ == "__main__":
    main()
