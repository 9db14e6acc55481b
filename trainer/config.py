"""Settings of each stage: one frozen dataclass, whose field descriptions become `--help`. No torch here."""

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from trainer.errors import TrainerError
from trainer.folder import write_atomically


class BadSetting(TrainerError):
    """`name` is the field that is at fault; `reason` says why, with fields that `details` fill in."""

    def __init__(self, name: str, reason: str, **details: object) -> None:
        self.name = name
        self.reason = reason
        self.details = details
        super().__init__(f"Setting `{name}` {reason.format(**details) if details else reason}.")


def setting(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field with its `--help` text and its bounds, which are inclusive."""
    bounds = {"minimum": minimum, "maximum": maximum, "choices": choices}
    return field(default=default, metadata={"help": description, "required": False, **bounds})


def layout_setting() -> Any:
    described = "a row for each completion, its prompt shared by all, or that in blocks on a GPU; auto: the cheapest"
    return setting("auto", described, choices=("auto", "rows", "shared", "blocks"))


def required(description: str) -> Any:
    """A text field that must be given. It has an empty default so that settings can be collected step by step."""
    bounds = {"minimum": None, "maximum": None, "choices": ()}
    return field(default="", metadata={"help": description, "required": True, **bounds})


@dataclass(frozen=True)
class RunSettings:
    seed: int = setting(0, "seed of everything that is drawn", minimum=0)
    threads: int = setting(0, "CPU threads; 0 leaves the choice to OMP_NUM_THREADS", minimum=0)
    device: str = setting("auto", "where to compute; auto takes a GPU if there is one", choices=("auto", "cpu", "cuda"))
    max_prompt_tokens: int = setting(1024, "longer prompts lose their beginning", minimum=1)
    max_completion_tokens: int = setting(1024, "longer completions lose their end", minimum=1)


@dataclass(frozen=True)
class CheckpointSettings(RunSettings):
    checkpoint_every: int = setting(100, "steps between checkpoints; 0 writes one at the end only", minimum=0)
    keep_checkpoints: int = setting(2, "checkpoints kept, newest first", minimum=1)


@dataclass(frozen=True)
class OptimizerSettings(CheckpointSettings):
    learning_rate: float = setting(1e-5, "peak learning rate of AdamW (0.9, 0.95)", minimum=0)
    schedule: str = setting("cosine", "cosine falls to a tenth", choices=("cosine", "constant"))
    warmup_steps: int = setting(0, "steps of linear warm-up from a tenth", minimum=0)
    weight_decay: float = setting(0.0, "decoupled weight decay of matrices", minimum=0)
    clip_norm: float = setting(1.0, "gradients are clipped to this norm; 0 leaves them", minimum=0)
    batch: int = setting(32, "examples per step", minimum=1)
    micro_batch: int = setting(0, "examples per forward pass, gradients being accumulated; 0 takes all", minimum=0)


@dataclass(frozen=True)
class TrainingSettings(OptimizerSettings):
    residual_dropout: float = setting(0.0, "dropout on what attention and MLP add", minimum=0, maximum=0.9)


@dataclass(frozen=True)
class ModelSettings:
    """Of a model that is given: what of it is learned, and in which numbers."""

    precision: str = setting(
        "fp32", "numbers that layers multiply in; weights, heads and losses stay fp32", choices=("fp32", "bf16")
    )
    lora_rank: int = setting(0, "rank of adapters that are learned in place of all weights; 0: no adapters", minimum=0)
    lora_alpha: int = setting(32, "adapters weigh this over their rank", minimum=1)
    lora_targets: str = setting("all-linear", "modules that adapters are put beside, with commas between")
    gradient_checkpointing: str = setting(
        "off", "layers run again in the backward pass instead of keeping what they computed", choices=("off", "on")
    )


@dataclass(frozen=True)
class PretrainConfig(TrainingSettings):
    """A small causal language model from nothing, with its own tokenizer."""

    texts: str = required("texts.jsonl to learn from")
    architecture: str = setting("llama", "family of the model", choices=("llama", "gpt2"))
    vocabulary: int = setting(4000, "entries of the byte-level BPE at most", minimum=300, maximum=200_000)
    hidden: int = setting(96, "width", minimum=8)
    layers: int = setting(3, "depth", minimum=1)
    heads: int = setting(4, "attention heads", minimum=1)
    feed_forward: int = setting(256, "width of the MLP", minimum=8)
    context: int = setting(512, "positions the model knows", minimum=16)
    block: int = setting(128, "texts are packed into rows of this many tokens", minimum=8)
    epochs: int = setting(2, "passes over the texts", minimum=1)
    learning_rate: float = setting(3e-3, "peak learning rate of AdamW (0.9, 0.95)", minimum=0)
    batch: int = setting(32, "rows per step", minimum=1)


@dataclass(frozen=True)
class SFTConfig(ModelSettings, TrainingSettings):
    """Supervised fine-tuning on demonstrations; only the completion is learned."""

    model: str = required("model to start from: a folder or a hub id")
    demonstrations: str = required("demonstrations.jsonl")
    texts: str = setting("", "texts.jsonl of pretraining to mix in; none where it is empty")
    texts_share: float = setting(0.1, "share of a step's examples that are texts", minimum=0, maximum=0.9)
    epochs: int = setting(16, "passes over the demonstrations", minimum=1)
    keep: str = setting("best", "model kept: the best on validation, or the last", choices=("best", "last"))
    reward_model: str = setting("", "folder of a reward model whose score says which epoch is best; else the loss does")
    max_new_tokens: int = setting(128, "tokens sampled at most, for the reward model", minimum=1)
    sample_batch: int = setting(256, "completions sampled or judged at once, for the reward model", minimum=1)
    layout: str = layout_setting()
    residual_dropout: float = setting(0.2, "dropout on what attention and MLP add", minimum=0, maximum=0.9)


@dataclass(frozen=True)
class RewardConfig(ModelSettings, TrainingSettings):
    """A reward model from whole rankings."""

    model: str = required("SFT model to start from: a folder or a hub id")
    comparisons: str = required("comparisons.jsonl")
    demonstrations: str = setting("", "demonstrations.jsonl that score 0 on average; else all ranked completions do")
    epochs: int = setting(1, "passes over the rankings; more than one overfits [InstructGPT C.2]", minimum=1)
    batch: int = setting(64, "rankings per step", minimum=1)
    micro_tokens: int = setting(0, "tokens per forward pass instead of micro_batch rankings; 0: micro_batch", minimum=0)
    loss: str = setting(
        "pairwise", "of all pairs, or of the whole ranking as choices in turn", choices=("pairwise", "plackett_luce")
    )
    ties: str = setting(
        "drop",
        "what a tie teaches: nothing, half a win each, or that it is a third outcome [Davidson 1970]",
        choices=("drop", "half", "davidson"),
    )
    tie_strength: float | None = setting(
        None, "davidson: how likely ties are; none learns it, beginning with their share", minimum=1e-6
    )
    margin: float = setting(
        0.0, "score by which the best must be ahead of the worst, others in proportion; drop and half", minimum=0
    )
    ratings: str = setting("", "ratings to learn beside the ranking, with commas between; all: every flag and number")
    ratings_weight: float = setting(0.1, "weight of the ratings' loss beside that of the ranking", minimum=0)
    keep: str = setting(
        "last", "model kept: the last, the best on validation, an average", choices=("last", "best", "average")
    )
    ema: float = setting(0.98, "decay of the average", minimum=0, maximum=1)
    layout: str = layout_setting()


@dataclass(frozen=True)
class PPOConfig(ModelSettings, CheckpointSettings):
    """Proximal policy optimisation against a reward model, held near the SFT policy."""

    model: str = required("SFT policy to start from, also the KL reference")
    reward_model: str = required("folder of the reward model")
    prompts: str = required("prompts.jsonl")
    texts: str = setting("", "texts.jsonl for PPO-ptx")
    steps: int = setting(100, "batches of rollouts", minimum=1)
    batch_prompts: int = setting(64, "prompts per batch", minimum=1)
    samples_per_prompt: int = setting(1, "completions per prompt", minimum=1)
    minibatch: int = setting(64, "completions per update", minimum=1)
    micro_batch: int = setting(0, "completions per forward pass, gradients being accumulated; 0 takes all", minimum=0)
    epochs: int = setting(1, "passes over each batch of rollouts", minimum=1)
    learning_rate: float = setting(1e-5, "learning rate of the policy", minimum=0)
    value_learning_rate: float = setting(9e-6, "learning rate of the value model", minimum=0)
    schedule: str = setting("constant", "cosine falls to a tenth", choices=("cosine", "constant"))
    warmup_steps: int = setting(10, "steps of linear warm-up from a tenth", minimum=0)
    clip_norm: float = setting(1.0, "gradients are clipped to this norm; 0 leaves them", minimum=0)
    kl_coefficient: float = setting(0.02, "price of one nat of KL against the SFT policy", minimum=0)
    kl_estimator: str = setting("k1", "estimate of the KL that is penalised", choices=("k1", "k2", "k3"))
    kl_target: float | None = setting(None, "nats per completion that an adaptive coefficient aims at", minimum=1e-6)
    kl_horizon: int = setting(10_000, "completions over which the adaptive coefficient answers", minimum=1)
    clip: float = setting(0.2, "range of the policy ratio", minimum=0)
    value_clip: float = setting(0.2, "range of a value's move per batch of rollouts", minimum=0)
    gamma: float = setting(1.0, "discount", minimum=0, maximum=1)
    gae_lambda: float = setting(0.95, "generalised advantage estimation", minimum=0, maximum=1)
    temperature: float = setting(1.0, "of sampler, policy and reference alike", minimum=0.01)
    max_new_tokens: int = setting(128, "tokens sampled at most", minimum=1)
    sample_batch: int = setting(256, "completions sampled at once", minimum=1)
    missing_eos_penalty: float = setting(1.0, "taken from the score of a completion that does not end", minimum=0)
    whiten: str = setting("advantages", "what is whitened", choices=("advantages", "nothing"))
    ema: float = setting(0.992, "decay of the averaged policy, which is kept; 0 keeps the last", minimum=0, maximum=1)
    ptx_coefficient: float = setting(0.0, "weight of the language-model gradient on texts", minimum=0)
    ptx_batch: int = setting(8, "texts per episode", minimum=1)
    held_out_reward_model: str = setting("", "folder of a reward model that is only watched, to see over-optimisation")
    kl_stop: float | None = setting(None, "nats per completion at which the run ends early", minimum=1e-6)
    layout: str = layout_setting()
    logits_at_once: int = setting(0, "tokens whose logits are in memory at once; 0 holds all of a pass", minimum=0)


ALIGNMENT_METHODS = (
    *("dpo", "dpo_ranking", "ipo", "slic", "rrhf", "pro"),
    *("conditional", "rso", "expert_iteration"),
)


@dataclass(frozen=True)
class AlignConfig(ModelSettings, OptimizerSettings):
    """Alignment with rankings without reinforcement learning, by one of nine methods."""

    model: str = required("SFT policy to start from, also the reference")
    method: str = setting("dpo", "how rankings become a policy", choices=ALIGNMENT_METHODS)
    comparisons: str = setting("", "comparisons.jsonl; for all but rso and expert_iteration")
    prompts: str = setting("", "prompts.jsonl; for rso and expert_iteration, which complete them")
    reward_model: str = setting("", "folder of the reward model; for rso and expert_iteration")
    epochs: int = setting(1, "passes over the prompts", minimum=1)
    learning_rate: float = setting(1e-6, "peak learning rate of AdamW (0.9, 0.95)", minimum=0)
    batch: int = setting(64, "prompts per step, each with all its completions", minimum=1)
    micro_batch: int = setting(0, "prompts per forward pass, gradients being accumulated; 0 takes all", minimum=0)
    beta: float = setting(0.1, "hold of the start policy: dpo, dpo_ranking, rso; tau of ipo", minimum=1e-6)
    margin: float = setting(1.0, "slic: nats by which the better must be likelier", minimum=0)
    best_weight: float = setting(1.0, "slic, rrhf, pro: weight of the best completion's likelihood", minimum=0)
    pair_loss: str = setting("sigmoid", "rso: loss of a pair, DPO's or SLiC's hinge", choices=("sigmoid", "hinge"))
    grades: int = setting(2, "conditional: control tokens, from the best rank to the worst", minimum=2, maximum=9)
    candidates: int = setting(16, "rso, expert_iteration: completions drawn for a prompt", minimum=2)
    accepted: int = setting(8, "rso: of those, the number kept and ranked", minimum=2)
    acceptance: float = setting(0.5, "rso: score below the best at which 1 of e is accepted", minimum=1e-6)
    rounds: int = setting(1, "expert_iteration: times that the policy draws anew", minimum=1)
    max_new_tokens: int = setting(128, "tokens sampled at most", minimum=1)
    sample_batch: int = setting(256, "completions sampled or judged at once", minimum=1)
    kl_prompts: int = setting(64, "prompts completed to measure the KL against the start; 0 measures none", minimum=0)


@dataclass(frozen=True)
class SampleConfig(RunSettings):
    """Completions of one or several policies for each prompt."""

    model: str = required("policy: a folder or a hub id; several with commas between")
    prompts: str = required("prompts.jsonl")
    split: str = setting("all", "which prompts", choices=("all", "train", "validation", "test"))
    reward_model: str = setting("", "folder of a reward model that scores what was sampled")
    k_min: int = setting(4, "completions per prompt and policy at least", minimum=1)
    k_max: int = setting(4, "completions per prompt and policy at most", minimum=1)
    best_of: int = setting(1, "drawn for each completion kept, which scores highest; needs a reward model", minimum=1)
    temperature: float = setting(1.0, "0 takes the likeliest token", minimum=0)
    temperatures: str = setting("", "instead of one several, with commas between: a prompt's completions take turns")
    top_p: float = setting(1.0, "nucleus sampled from", minimum=0.01, maximum=1)
    top_k: int = setting(0, "likeliest tokens sampled from; 0 takes all", minimum=0)
    max_new_tokens: int = setting(128, "tokens sampled at most", minimum=1)
    batch: int = setting(256, "completions sampled at once", minimum=1)
    sampler: str = setting("built-in", "who samples; vllm needs that package", choices=("built-in", "vllm"))
    vllm_memory: float = setting(
        0.9, "share of the GPU that vllm takes; less where a reward model scores", minimum=0.05, maximum=1
    )


@dataclass(frozen=True)
class ScoreConfig(RunSettings):
    """Scores of reward models for samples or for compared completions."""

    reward_model: str = required("folder of the reward model; of several, with commas between, mean and spread")
    samples: str = setting("", "samples.jsonl; needs the prompts")
    prompts: str = setting("", "prompts.jsonl that the samples belong to")
    comparisons: str = setting("", "comparisons.jsonl")
    batch: int = setting(64, "completions per forward pass", minimum=1)
    layout: str = layout_setting()


Config = PretrainConfig | SFTConfig | RewardConfig | PPOConfig | AlignConfig | SampleConfig | ScoreConfig

STAGES: dict[str, type[Config]] = {
    "pretrain": PretrainConfig,
    "sft": SFTConfig,
    "reward": RewardConfig,
    "ppo": PPOConfig,
    "align": AlignConfig,
    "sample": SampleConfig,
    "score": ScoreConfig,
}

AnyConfig = TypeVar("AnyConfig", bound=RunSettings)


def make_config(kind: type[AnyConfig], values: Mapping[str, Any]) -> AnyConfig:
    """Checked settings from plain values. Raises `BadSetting`, which names the field."""
    hints = get_type_hints(kind)
    for name in values:
        if name not in hints:
            raise BadSetting(name, "is unknown to {kind}", kind=kind.__name__)
    config = kind(**{name: _as_type(name, value, hints[name]) for name, value in values.items()})
    for item in fields(kind):
        _check_bounds(item, getattr(config, item.name))
    if isinstance(config, PPOConfig) and config.ptx_coefficient and not config.texts:
        raise BadSetting("texts", "is required where ptx_coefficient is above 0")
    return config


def read_config(kind: type[AnyConfig], path: Path, overrides: Mapping[str, Any]) -> AnyConfig:
    """What `path` says, if it exists, with `overrides` on top."""
    return make_config(kind, {**_stored(path), **overrides})


def write_config(config: RunSettings, path: Path) -> None:
    """Another process may be reading."""
    write_atomically(path, json.dumps(asdict(config), indent=2) + "\n")


def _stored(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TrainerError(f"{path} is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise TrainerError(f"{path} must hold one JSON object.")
    return values


def allowed_types(hint: Any) -> tuple[type, ...]:
    """`float | None` -> (float, NoneType)."""
    return get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _as_type(name: str, value: Any, hint: Any) -> Any:
    allowed = allowed_types(hint)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
        raise BadSetting(name, "must be {expected}, not {value!r}", expected=expected, value=value)
    return value


def _check_bounds(item: "Field[Any]", value: Any) -> None:
    rules = item.metadata
    if rules["required"] and not value:
        raise BadSetting(item.name, "is required")
    if rules["choices"] and value not in rules["choices"]:
        choices = ", ".join(rules["choices"])
        raise BadSetting(item.name, "must be one of {choices}, not {value!r}", choices=choices, value=value)
    if value is None or isinstance(value, str):
        return
    if value != value or value in (float("inf"), float("-inf")):
        raise BadSetting(item.name, "must be a finite number")
    if rules["minimum"] is not None and value < rules["minimum"]:
        raise BadSetting(item.name, "must be at least {minimum}, not {value}", minimum=rules["minimum"], value=value)
    if rules["maximum"] is not None and value > rules["maximum"]:
        raise BadSetting(item.name, "must be at most {maximum}, not {value}", maximum=rules["maximum"], value=value)


def defaults(kind: type[RunSettings]) -> dict[str, Any]:
    return {item.name: item.default for item in fields(kind) if item.default is not MISSING}
