"""What can be told of a text without reading it: how long it is, whether it refuses, how far it repeats itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from app.prompts.words import words_in

NGRAM = 4
LOOKED_AT = 200  # characters at the beginning, where a refusal stands
FENCE = 3.0  # interquartile ranges beyond the quartiles: "far out" [Tukey, Exploratory Data Analysis, 1977]
FEWEST = 20  # values, below which a distribution says nothing

_REFUSAL = re.compile(
    r"\b(i('| a)m sorry|i apologi[sz]e|i must decline)\b"
    r"|\bi (can(no|')t|can not|won't|will not|am (not able|unable)|'m (not able|unable)) (to )?"
    r"(help|assist|answer|provide|comply|do|create|write|discuss|give|fulfil|support|engage|continue|share|offer)"
    r"|\bas an? (ai|artificial intelligence|large language model|language model)\b"
    r"|抱歉|对不起|很遗憾|作为(一个|一名)?(人工智能|语言模型|AI)|我(无法|不能|没办法)(回答|提供|帮助|协助|满足)",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """By what assistants say when they refuse, in English and Chinese, at the beginning of the text."""
    return bool(_REFUSAL.search(text[:LOOKED_AT].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


def repetition(text: str) -> float:
    """The share of runs of four words that were there before: seq-rep-4 [Welleck et al. 2020]; 0 of shorter texts."""
    words = [word.casefold() for word in words_in(text)]
    runs = [tuple(words[start : start + NGRAM]) for start in range(len(words) - NGRAM + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


@dataclass(frozen=True)
class Fences:
    """Values outside are far out."""

    low: float
    high: float

    def below(self, value: float | None) -> bool:
        return value is not None and value < self.low

    def above(self, value: float | None) -> bool:
        return value is not None and value > self.high


NOWHERE = Fences(float("-inf"), float("inf"))


def fences(values: Sequence[float], least: float) -> Fences | None:
    """Round a distribution whose interquartile range counts as `least` at least; None of too few values."""
    if len(values) < FEWEST:
        return None
    low, _, high = quantiles(values, n=4, method="inclusive")
    reach = FENCE * max(high - low, least)
    return Fences(low - reach, high + reach)
