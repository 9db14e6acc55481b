"""The honest taste of the simulation: which facts of a place a text states right, wrong, not at all, or invents.

Facts are the meaning representations of the E2E data (Novikova, Dušek, Rieser 2017): `name[Aromi], food[English]`.
A fact and a phrase are each a set of values ("highly rated" is 4 or 5 stars); they agree where the sets meet, and a
text whose phrases for a slot have nothing in common contradicts itself. Beyond facts, two things that people mind
and that a policy would learn to exploit are errors: saying the same again and again, and text that is no sentence.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from app.simulation.lexicon import DANGLING, FIRM_PATTERNS, HINT_PATTERNS, NUMERALS, STAMMER, VERB

SLOTS = ("name", "eatType", "food", "priceRange", "customer rating", "area", "familyFriendly", "near")

FACT = re.compile(rf"({'|'.join(SLOTS)})\[([^\]]*)\]")
PLACE_WORDS = frozenset(
    {"the", "cafe", "hotel", "cuisine", "indian", "vegetarian", "restaurant", "express", "by", "bar", "house"}
)
TOO_OFTEN = 2
KINDS = ("missing", "wrong", "invented", "repeated", "broken")
AMOUNTS = {"twenty five": "25", "twenty": "20", "thirty": "30"}
WORDED = re.compile("|".join(AMOUNTS))
NUMERAL = re.compile("[1-5]|one|two|three|four|five")
BESIDE = r"\b(?:near|near to|close to|next to|beside|next door to|not far from|opposite)(?: the)? "

Values = frozenset[str]
RATINGS = {"low": "s1__s2", "average": "s3", "high": "s4__s5"}
PRICES = {"less than £20": "cheap", "£20-25": "moderate", "more than £30": "high"}


@dataclass(frozen=True)
class Facts:
    """What is known of one place: slot to value, in the order of `SLOTS`."""

    values: tuple[tuple[str, str], ...]

    def get(self, slot: str) -> str | None:
        return dict(self.values).get(slot)

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        return ", ".join(f"{slot}[{value}]" for slot, value in self.values)


def parse_facts(text: str) -> Facts:
    """The facts written in a text; whatever stands around them is passed over. ValueError where there are none."""
    found = {slot: value.strip() for slot, value in FACT.findall(text) if value.strip()}
    if not found:
        raise ValueError(f"No facts like name[Aromi] in {text[:80]!r}")
    return Facts(tuple((slot, found[slot]) for slot in SLOTS if slot in found))


@dataclass(frozen=True)
class Findings:
    """Slots that are missing, wrong (or contradicted) and invented; slots or phrases said too often; what is broken."""

    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        return len(self.missing) + len(self.wrong) + len(self.invented) + len(self.repeated) + len(self.broken)


def normal(text: str) -> str:
    """Lower case, no accents, hyphens (not between digits) as spaces, single spaces, none before punctuation."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.replace("’", "'").replace("–", "-").replace("—", " "))
        text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"(?<=\d) ?- ?(?=\d)", "-", text.lower())
    text = re.sub(r"(?<!\d)-|-(?!\d)|\s", " ", text)
    text = WORDED.sub(lambda number: AMOUNTS[number[0]], text)
    text = re.sub(r"£ +(?=\d)", "£", re.sub(r" +", " ", text)).strip()
    return re.sub(r" (?=[.,;:!?)])", "", text)


Problem = tuple[str, str]


class Checker:
    """Checks texts against facts; knows the names and places of a town, so as to notice the wrong ones.

    Holds compiled patterns only: one checker serves any number of threads.
    """

    def __init__(self, known: Iterable[Facts] = ()) -> None:
        places = list(known)
        self._others = {slot: _any_of(facts.get(slot) for facts in places) for slot in ("name", "near")}

    def check(self, facts: Facts, text: str) -> Findings:
        """Errors of one text; an empty one misses every fact."""
        plain = normal(text)
        rest, problems = plain, list[Problem]()
        for slot in ("near", "name"):
            rest, found = self._proper_name(facts, slot, rest)
            problems += found
        for slot in FIRM_PATTERNS:
            problems += _meaning(facts, slot, rest)
        if plain:
            problems += _form(rest)
        return Findings(**{kind: tuple(what for k, what in problems if k == kind) for kind in KINDS})

    def _proper_name(self, facts: Facts, slot: str, text: str) -> tuple[str, list[Problem]]:
        """Judge a name and return the text without any, so that "Raja Indian Cuisine" serves no food."""
        value = facts.get(slot)
        rest, stated = _spelling(value).subn("#", text) if value else (text, 0)
        others = self._others[slot]
        rest, strange = others.subn("#", rest) if others else (rest, 0)
        problems = list(_verdict(slot, wanted=value is not None, stated=stated > 0, contradicted=strange > 0))
        if slot == "name" and value and not facts.get("near") and _beside(value).search(text):
            problems.append(("invented", "near"))
        if slot == "near" and stated > TOO_OFTEN:
            problems.append(("repeated", slot))
        return rest, problems


def _verdict(slot: str, *, wanted: bool, stated: bool, contradicted: bool) -> Iterator[Problem]:
    if contradicted:
        yield ("wrong" if wanted else "invented"), slot
    elif wanted and not stated:
        yield "missing", slot


def _meaning(facts: Facts, slot: str, text: str) -> Iterator[Problem]:
    value = facts.get(slot)
    fact = meaning(slot, value) if value else frozenset()
    stated = [_values(match) for match in FIRM_PATTERNS[slot].finditer(text) if match.lastgroup != "nothing"]
    if value and f"#{value}" in fact:
        stated += [fact] * len(_spelling(value).findall(text))
    if stated:
        agreed = fact.intersection(*stated)
        yield from _verdict(slot, wanted=value is not None, stated=True, contradicted=not agreed)
    elif value:
        hinted = slot in HINT_PATTERNS and any(fact & _values(m) for m in HINT_PATTERNS[slot].finditer(text))
        yield from _verdict(slot, wanted=True, stated=hinted, contradicted=False)
    if len(stated) > TOO_OFTEN:
        yield "repeated", slot


def meaning(slot: str, value: str) -> Values:
    """The values that a fact is true of. One that the lexicon has no phrase for is only known by its own words."""
    plain = normal(value)
    match slot:
        case "familyFriendly":
            return frozenset({plain})
        case "priceRange":
            return frozenset({PRICES.get(plain, plain)})
        case "customer rating":
            return _of(RATINGS.get(plain, f"s{plain[:1]}"))
    known = plain.replace(" ", "_")
    return frozenset({known if known in KNOWN[slot] else f"#{value}"})


def _of(name: str) -> Values:
    return frozenset(name.strip("_").split("__"))


def _known(slot: str) -> Values:
    names = [
        name for patterns in (FIRM_PATTERNS, HINT_PATTERNS) if slot in patterns for name in patterns[slot].groupindex
    ]
    return frozenset(value for name in names for value in _of(name))


KNOWN = {slot: _known(slot) for slot in FIRM_PATTERNS}


def _values(match: re.Match[str]) -> Values:
    name = str(match.lastgroup)
    if name != "number":
        return _of(name)
    first = NUMERAL.search(match[0])
    return frozenset({f"s{NUMERALS.get(first[0], first[0])}"}) if first else frozenset()


def _form(text: str) -> Iterator[Problem]:
    """What is wrong with a text whatever the facts."""
    if not VERB.search(text):
        yield "broken", "no verb"
    if DANGLING.search(text):
        yield "broken", "breaks off"
    if STAMMER.search(text):
        yield "repeated", "a word"
    words = re.findall(r"[\w'£]+", text)
    fours = Counter(zip(words, words[1:], words[2:], words[3:], strict=False))
    if fours and max(fours.values()) > 1:
        yield "repeated", "a phrase"


@lru_cache(maxsize=4096)
def _spelling(value: str) -> re.Pattern[str]:
    """A proper name as people write it: without its article or its kind, with spaces or a plural s, or not."""
    words = [word for word in normal(value).split() if word != "the"] or normal(value).split()
    optional = frozenset[str]() if PLACE_WORDS.issuperset(words) else PLACE_WORDS
    spelled = {word: re.sub(r"(?<=\w{4})e$", "e?", re.escape(word)) for word in words}
    parts = [rf"(?:{spelled[word]} ?)?" if word in optional else spelled[word] for word in words]
    return re.compile(rf"\b(?:the )?{' ?'.join(parts)}(?:'?s)?(?!\w)")


@lru_cache(maxsize=4096)
def _beside(value: str) -> re.Pattern[str]:
    return re.compile(BESIDE + _spelling(value).pattern)


def _any_of(values: Iterable[str | None]) -> re.Pattern[str] | None:
    known = sorted({normal(value) for value in values if value}, key=lambda name: (-len(name), name))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\b") if known else None
