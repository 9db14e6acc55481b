"""TRL's `PPOTrainer` on one case, in a process of its own: `python -m tests.benchmarks.ppo_peer FOLDER CASE OUT`.

FOLDER holds TRL 1.12, the last to have PPO; CASE and OUT are files of torch. Nothing of TRL is changed but where it
looks for the time: its random order is written down as it is drawn, its log, its whitening and its optimizer are heard.
"""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor

from tests.benchmarks.ppo_cases import KL_COEFFICIENT, LEARNING_RATE, NO_TOKEN, Case, Replay, Seconds, Told
from tests.benchmarks.ppo_models import make_models


def main() -> None:
    folder, given, out = map(Path, sys.argv[1:])
    sys.path.insert(0, str(folder))
    torch.set_num_threads(1)
    case, iterations = torch.load(given, weights_only=False)
    torch.save(run(case, iterations, out.parent), out)


def run(case: Case, iterations: int, folder: Path) -> tuple[Replay, Told, Seconds]:
    from trl.experimental.ppo import PPOTrainer, ppo_trainer

    policy, reference, reward, value = make_models(case)
    parameters = [*policy.parameters(), *value.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    trainer = PPOTrainer(
        args=settings(case, iterations, folder),
        processing_class=SimpleNamespace(pad_token_id=NO_TOKEN, eos_token_id=NO_TOKEN),
        model=policy,
        ref_model=reference,
        reward_model=reward,
        value_model=value,
        train_dataset=Dataset.from_list([{"input_ids": ids} for ids in case.prompt_ids for _ in range(case.k)]),
        data_collator=filled_left,
        optimizers=(optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)),
    )
    listener = Listener({"policy": policy, "value": value}, case.completion)
    listener.listen_to(ppo_trainer, trainer, optimizer)
    trainer.train()
    return listener.replay(), listener.told(), Seconds(listener.updates, listener.iterations)


def settings(case: Case, iterations: int, folder: Path) -> Any:
    from trl.experimental.ppo import PPOConfig

    return PPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=case.rollouts,
        num_mini_batches=case.minibatches,
        local_rollout_forward_batch_size=case.rollouts,
        total_episodes=case.rollouts * iterations,
        num_ppo_epochs=1,
        response_length=case.completion,
        temperature=1.0,
        kl_coef=KL_COEFFICIENT,
        vf_coef=1.0,
        learning_rate=LEARNING_RATE,
        num_sample_generations=0,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )


def filled_left(rows: list[dict[str, list[int]]]) -> dict[str, Tensor]:
    prompts = [row["input_ids"] for row in rows]
    width = max(map(len, prompts))
    return {"input_ids": torch.tensor([[NO_TOKEN] * (width - len(ids)) + list(ids) for ids in prompts])}


class Listener:
    """Hears of the first iteration what it learned from and what came of it, of all how long they took."""

    def __init__(self, models: dict[str, Any], completion: int) -> None:
        self.models, self.completion = models, completion
        self.updates, self.iterations = list[float](), list[float]()
        self.rows: Tensor | None = None
        self.heard: dict[str, Any] = {}

    def listen_to(self, module: Any, trainer: Any, optimizer: torch.optim.Optimizer) -> None:
        permute, generate, whiten = module.np.random.permutation, module.batch_generation, module.masked_whiten

        def permutation(count: int) -> Any:
            order = permute(count)
            self.heard.setdefault("order", order.tolist())
            self.update_began = time.process_time()
            return order

        def batch_generation(*given: Any) -> Any:
            drawn = generate(*given)
            self.rows = drawn[0].clone() if self.rows is None else self.rows
            return drawn

        def masked_whiten(values: Tensor, *given: Any) -> Any:
            self.heard.setdefault("advantages", values.clone())
            return whiten(values, *given)

        module.np = SimpleNamespace(random=SimpleNamespace(permutation=permutation))
        module.batch_generation, module.masked_whiten = batch_generation, masked_whiten
        trainer.log = self.hear_of_iteration
        optimizer.register_step_pre_hook(self.hear_of_gradients)
        self.iteration_began = time.process_time()

    def hear_of_gradients(self, *_: Any) -> None:
        if "gradients" not in self.heard:
            self.heard["gradients"] = self.gradients()

    def hear_of_iteration(self, metrics: dict[str, float]) -> None:
        now = time.process_time()
        self.updates.append(now - self.update_began)
        self.iterations.append(now - self.iteration_began)
        if "metrics" not in self.heard:
            self.heard |= {"metrics": metrics, "weights": self.weights()}
        self.iteration_began = time.process_time()

    def weights(self) -> dict[str, Tensor]:
        return {
            f"{kind}.{name}": parameter.detach().clone()
            for kind, model in self.models.items()
            for name, parameter in model.named_parameters()
        }

    def gradients(self) -> dict[str, Tensor]:
        return {
            f"{kind}.{name}": parameter.grad.clone()
            for kind, model in self.models.items()
            for name, parameter in model.named_parameters()
            if parameter.grad is not None
        }

    def replay(self) -> Replay:
        assert self.rows is not None
        rows = self.rows.tolist()
        prompts = [[token for token in row[: -self.completion] if token != NO_TOKEN] for row in rows]
        return Replay(prompts, [row[-self.completion :] for row in rows], self.heard["order"])

    def told(self) -> Told:
        metrics = self.heard["metrics"]
        return Told(
            advantages=self.heard["advantages"],
            policy_loss=metrics["loss/policy_avg"],
            value_loss=metrics["loss/value_avg"],
            ratio=metrics["val/ratio"],
            gradients=self.heard["gradients"],
            weights=self.heard["weights"],
        )


if __name__ == "__main__":
    main()
