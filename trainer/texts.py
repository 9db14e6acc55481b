"""Texts of pretraining that are learned beside something else: by PPO-ptx, and by SFT where a share is mixed in."""

from pathlib import Path

from trainer.encoding import Encoder
from trainer.errors import TrainerError
from trainer.groups import RankedGroup, Sampler, unranked
from trainer.records import TextRecord, read_lines


class PretrainingTexts:
    """`longest`: tokens of a text at most; `batch`: how many are taken at a time."""

    def __init__(self, path: str, encoder: Encoder, longest: int, batch: int, seed: int) -> None:
        texts = [record.text for record in read_lines(TextRecord, Path(path))]
        rows = encoder.tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        self.groups = [_learned_after_the_first([*row, encoder.end_id][:longest]) for row in rows if row]
        if not self.groups:
            raise TrainerError(f"{path} holds no text.")
        self.sampler = Sampler([group.longest for group in self.groups], batch, seed)

    def at(self, number: int) -> list[RankedGroup]:
        """The batch of this number, counted from 0 and over and over."""
        return [self.groups[index] for index in self.sampler.at(number)]


def _learned_after_the_first(ids: list[int]) -> RankedGroup:
    """The first token of a text is given, the others are learned."""
    return unranked(ids[:1], [ids[1:]])
