"""Messages and completions to token ids, and where a completion ends.

The last token of a whole completion is the end-of-turn token of the chat template (`<|im_end|>`), or EOS where there
is no template. What a template writes after it (a newline, for some) belongs to the next turn: the sampler stops, the
loss ends and the reward sits on the end-of-turn token itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from trainer.config import RunSettings
from trainer.errors import TrainerError
from trainer.groups import RankedGroup
from trainer.ratings import learnable
from trainer.records import Comparison, Demonstration, Message

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] | capitalize }}:{{ '\\n' }}{{ message['content'] }}"
    "{% if loop.last and message['role'] == 'assistant' %}{{ eos_token }}{% else %}{{ '\\n\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{{ '\\n' }}{% endif %}"
)
PROBE = "probe"
CHUNK = 1000


@dataclass(frozen=True)
class EncodedCompletion:
    """`ids` end in the end token unless `truncated`."""

    ids: tuple[int, ...]
    truncated: bool


@dataclass(frozen=True)
class Encoder:
    """A tokenizer with what must be decided once: its end token, its filler, its limits."""

    tokenizer: Any
    end_id: int
    pad_id: int
    max_prompt_tokens: int
    max_completion_tokens: int

    def prompts(self, prompts: Sequence[Sequence[Message]]) -> list[tuple[int, ...]]:
        """Ids up to where the assistant speaks; a long prompt loses its beginning."""
        if not prompts:
            return []
        conversations = [[vars(message) for message in prompt] for prompt in prompts]
        ids = _templated(self.tokenizer, conversations) if self.tokenizer.chat_template else self._plain(conversations)
        return [tuple(row[-self.max_prompt_tokens :]) for row in ids]

    def completions(self, texts: Sequence[str]) -> list[EncodedCompletion]:
        """Ids that end in the end token; a long text loses its end, and with it the end token."""
        if not texts:
            return []
        rows = self.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return [self._ended(row) for row in rows]

    def text(self, ids: Sequence[int]) -> str:
        """The words of a completion, without its end token."""
        words = ids[:-1] if ids and ids[-1] == self.end_id else ids
        return str(self.tokenizer.decode(list(words), skip_special_tokens=True))

    def _ended(self, ids: Sequence[int]) -> EncodedCompletion:
        if len(ids) + 1 > self.max_completion_tokens:
            return EncodedCompletion(tuple(ids[: self.max_completion_tokens]), truncated=True)
        return EncodedCompletion((*ids, self.end_id), truncated=False)

    def _plain(self, conversations: list[list[dict[str, str]]]) -> list[list[int]]:
        texts = [plain_text(messages) for messages in conversations]
        rows: list[list[int]] = self.tokenizer(texts, split_special_tokens=True)["input_ids"]
        return [row[:-1] if row and row[-1] == self.tokenizer.eos_token_id else row for row in rows]


def load_tokenizer(model: str | Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(str(model))
    except (OSError, ValueError) as error:
        raise TrainerError(f"No tokenizer can be read from {model}: {_first_line(error)}") from error


def load_encoder(model: str | Path, settings: RunSettings) -> Encoder:
    """Of a model's own tokenizer. Raises `TrainerError`."""
    return make_encoder(load_tokenizer(model), settings.max_prompt_tokens, settings.max_completion_tokens)


def require_one_vocabulary(encoder: Encoder, *reward_models: str) -> None:
    """Ids go to a reward model as the policy drew them. Raises `TrainerError`; empty names are passed over."""
    for name in filter(None, reward_models):
        if load_tokenizer(name).get_vocab() != encoder.tokenizer.get_vocab():
            raise TrainerError(
                f"Policy and reward model have different vocabularies: {name} must come from this policy's family."
            )


def make_encoder(tokenizer: Any, max_prompt_tokens: int, max_completion_tokens: int) -> Encoder:
    """Raises `TrainerError` for a tokenizer that cannot end a text."""
    end_id = end_of_turn(tokenizer)
    pad_id = end_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return Encoder(tokenizer, end_id, pad_id, max_prompt_tokens, max_completion_tokens)


def end_of_turn(tokenizer: Any) -> int:
    """The first special token that the template writes after an assistant's words; EOS where there is none."""
    if tokenizer.chat_template:
        turn = [{"role": "user", "content": PROBE}, {"role": "assistant", "content": PROBE}]
        ids = tokenizer.apply_chat_template(turn, tokenize=True, return_dict=False)
        words = tokenizer.apply_chat_template(turn, tokenize=False).rpartition(PROBE)[2]
        tail = tokenizer(words, add_special_tokens=False)["input_ids"]
        special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
        ends = [token for token in tail if token in special and token in ids]
        if ends:
            return int(ends[0])
    if tokenizer.eos_token_id is None:
        raise TrainerError("The tokenizer has neither a chat template that ends a turn nor an EOS token.")
    return int(tokenizer.eos_token_id)


def plain_text(messages: Sequence[dict[str, str]]) -> str:
    """The layout for tokenizers without a chat template: a line with the role, then what was said."""
    turns = [f"{message['role'].capitalize()}:\n{message['content']}\n\n" for message in messages]
    return "".join(turns) + "Assistant:\n"


def plain_template(tokenizer: Any) -> str:
    """The same layout as a chat template; an assistant's last turn ends in EOS."""
    beginning = tokenizer("")["input_ids"][:1]
    starts = "{{ bos_token }}" if beginning and beginning == [tokenizer.bos_token_id] else ""
    return starts + PLAIN_TEMPLATE


def groups_from_demonstrations(encoder: Encoder, demonstrations: Iterable[Demonstration]) -> list[RankedGroup]:
    """K = 1, written by a person."""
    groups = []
    rows = iter(demonstrations)
    while chunk := list(islice(rows, CHUNK)):
        prompts = encoder.prompts([row.prompt for row in chunk])
        completions = encoder.completions([row.completion for row in chunk])
        for row, prompt, completion in zip(chunk, prompts, completions, strict=True):
            groups.append(RankedGroup(row.prompt_id, prompt, (completion.ids,), (1,), (completion.truncated,)))
    return groups


def groups_from_comparisons(encoder: Encoder, comparisons: Iterable[Comparison]) -> list[RankedGroup]:
    """Ranked texts. Outputs without text are left out, and so are comparisons without ranks."""
    groups = []
    rows = (row for row in comparisons if row.ranks is not None)
    while chunk := list(islice(rows, CHUNK)):
        for row, prompt in zip(chunk, encoder.prompts([row.prompt for row in chunk]), strict=True):
            groups.append(_group(encoder, row, prompt))
    return [group for group in groups if group.completion_ids]


def _group(encoder: Encoder, row: Comparison, prompt: tuple[int, ...]) -> RankedGroup:
    judged = zip(row.completions, row.ranks or (), row.ratings, strict=True)
    ranked = [(text, rank, learnable(rating)) for text, rank, rating in judged if text is not None]
    completions = encoder.completions([text for text, _, _ in ranked])
    return RankedGroup(
        row.prompt_id,
        prompt,
        tuple(completion.ids for completion in completions),
        tuple(rank for _, rank, _ in ranked),
        tuple(completion.truncated for completion in completions),
        row.cohort,
        tuple(rating for _, _, rating in ranked),
    )


def _templated(tokenizer: Any, conversations: list[list[dict[str, str]]]) -> list[list[int]]:
    rows: list[list[int]] = tokenizer.apply_chat_template(
        conversations, tokenize=True, add_generation_prompt=True, return_dict=False, sanitize_control_tokens=True
    )
    return rows


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
