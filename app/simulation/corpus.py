"""What the demo learns from: sets of facts, and demonstrations as people would write them.

The town, its places and every text are made up here, so that nobody's data is needed; the E2E data in place of them
comes through `from_written`. Everything is drawn from a seed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from app.simulation.e2e import Written
from app.simulation.facts import SLOTS, Facts
from app.simulation.grammar import describe
from app.simulation.phrases import FAMILY, PRICE, RATING

Values = dict[str, tuple[str, ...]]

NAMES = (
    *("Juniper", "The Copper Kettle", "Saffron Lane", "The Lantern", "Marigold", "The Blue Heron", "Pepperwood"),
    *("The Old Compass", "Thistle", "The Painted Door", "Clementine", "The Quiet Fox", "Barley Row", "The Anchorage"),
    *("Velvet Spoon", "The Salt Cellar", "Nettle Bridge", "The Wandering Goose", "Amberley", "The Tin Drum"),
    *("Rosewater", "The Millstone", "Figgs", "The Green Ladder", "Cinder Lane", "The Merry Crab", "Halloway"),
    *("The Iron Pear", "Sorrel", "The Bright Penny"),
)
NEIGHBOURS = (
    *("Tilda's Books", "the Clock Tower", "Corner Cinema", "the Grand Theatre", "Puddle Lane Gallery", "Fern Hall"),
    *("Otto's Bicycles", "the Glass Museum", "Willow School", "Bell Street Library", "the Rose Garden", "Castle Gate"),
    *("Minnow Swimming Pool", "the Town Archive"),
)
VALUES: Values = {
    "name": NAMES,
    "eatType": ("restaurant", "pub", "coffee shop", "wine bar", "bakery", "tea room"),
    "food": (
        "Thai",
        "Greek",
        "Mexican",
        "Turkish",
        "Korean",
        "Spanish",
        "Lebanese",
        "Moroccan",
        "Polish",
        "Vietnamese",
    ),
    "priceRange": tuple(PRICE),
    "customer rating": tuple(RATING),
    "area": ("harbour", "old town", "market square", "hillside", "station quarter"),
    "familyFriendly": tuple(FAMILY),
    "near": NEIGHBOURS,
}
SIZES, SIZE_WEIGHTS = (3, 4, 5, 6, 7, 8), (1, 2, 3, 5, 6, 3)
FORGOTTEN, MISTAKEN = 0.075, 0.02
"""How often people leave a fact out, or get it wrong."""


@dataclass(frozen=True)
class Corpus:
    """Demonstrations and sets of facts; no set of facts is in two splits, and `train` alone has demonstrations."""

    demonstrations: tuple[Written, ...]
    train: tuple[Facts, ...]
    validation: tuple[Facts, ...]
    held_out: tuple[Facts, ...]
    texts: tuple[str, ...]

    @property
    def known(self) -> Iterator[Facts]:
        """All places, for `Checker`."""
        yield from (*self.train, *self.validation, *self.held_out)


def make_corpus(
    seed: int, places: int = 1100, texts_each: int = 7, loose_texts: int = 4000, held_out: int | None = None
) -> Corpus:
    """The demo's own corpus: `texts_each` demonstrations of each place, and texts about other places to pretrain on."""
    random = Random(seed)
    facts = _distinct_facts(places + loose_texts, random)
    written = [Written(one, write_as_people(one, random)) for one in facts[:places] for _ in range(texts_each)]
    return from_written(written, seed, (write_as_people(one, random) for one in facts[places:]), held_out)


def from_written(
    written: Iterable[Written], seed: int, loose_texts: Iterable[str] = (), held_out: int | None = None
) -> Corpus:
    """Splits by facts: a tenth of them for validation (100 at most), 150 (a fifth at most) held out if none is said."""
    texts: dict[Facts, list[Written]] = {}
    for one in written:
        texts.setdefault(one.facts, []).append(one)
    facts = sorted(texts, key=str)
    Random(seed).shuffle(facts)
    held_out = min(150, len(facts) // 5) if held_out is None else held_out
    validation = min(100, len(facts) // 10)
    train = facts[held_out + validation :]
    demonstrations = tuple(one for place in train for one in texts[place])
    return Corpus(
        demonstrations=demonstrations,
        train=tuple(train),
        validation=tuple(facts[held_out : held_out + validation]),
        held_out=tuple(facts[:held_out]),
        texts=(*(one.text for one in demonstrations), *loose_texts),
    )


def values_of(known: Iterable[Facts]) -> Values:
    """All values of each slot that occur in a town."""
    found = {slot: dict[str, None]() for slot in SLOTS}
    for facts in known:
        for slot, value in facts.values:
            found[slot][value] = None
    return {slot: tuple(values) for slot, values in found.items()}


def write_as_people(facts: Facts, random: Random, values: Values = VALUES) -> str:
    """A text about a place as people write: now and then a fact is forgotten, or mistaken for another of `values`."""
    told = []
    for slot, value in facts.values:
        chance = random.random() if slot != "name" else 1.0
        if chance < FORGOTTEN and len(facts) > 2:
            continue
        told.append(
            (slot, _another(values[slot], value, random) if chance > 1 - MISTAKEN and slot != "name" else value)
        )
    return describe(Facts(tuple(told)), random)


def _another(values: tuple[str, ...], value: str, random: Random) -> str:
    return random.choice([other for other in values if other != value] or [value])


def _distinct_facts(count: int, random: Random) -> list[Facts]:
    found: dict[Facts, None] = {}
    while len(found) < count:
        found[_draw_facts(random)] = None
    return list(found)


def _draw_facts(random: Random) -> Facts:
    size = random.choices(SIZES, SIZE_WEIGHTS)[0]
    chosen = {"name", *random.sample(SLOTS[1:], size - 1)}
    return Facts(tuple((slot, random.choice(VALUES[slot])) for slot in SLOTS if slot in chosen))
