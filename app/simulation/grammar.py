"""Facts to text in very many ways: a grammar of restaurant descriptions."""

from random import Random

from app.simulation.facts import Facts
from app.simulation.phrases import FRONTED, OPENINGS, ways

PLACE_KINDS = ("place", "venue", "establishment")
MOST = {"before": 2, "after": 2, "is_": 3, "has": 2, "whole": 3}

Parts = dict[str, list[str]]


def describe(facts: Facts, random: Random) -> str:
    """A text that states every fact once and nothing else. KeyError for a value that has no words."""
    parts: Parts = {place: [] for place in MOST}
    told = [(slot, value) for slot, value in facts.values if slot not in ("name", "eatType")]
    random.shuffle(told)
    where = _fronted_place(told, random)
    for slot, value in told:
        _tell(slot, value, parts, random)
    sentences = [_opening(facts, parts, where, random), *_followers(facts, parts, random)]
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)


def _fronted_place(told: list[tuple[str, str]], random: Random) -> str | None:
    """Sometimes takes the area or the neighbour out of what is told, to begin the text with it."""
    places = [fact for fact in told if fact[0] in ("area", "near")]
    if not places or random.random() > 0.25:
        return None
    chosen = random.choice(places)
    told.remove(chosen)
    return random.choice([way for way in ways(*chosen).after if not way.startswith("located")])


def _tell(slot: str, value: str, parts: Parts, random: Random) -> None:
    known = vars(ways(slot, value))
    open_places = [place for place, said in known.items() if said and len(parts[place]) < MOST[place]]
    place = random.choice(open_places)
    said = random.choice(known[place])
    if place == "before" and slot == "food":
        parts[place].append(said)
    elif place == "before":
        parts[place].insert(0, said)
    else:
        parts[place].append(said)


def _opening(facts: Facts, parts: Parts, where: str | None, random: Random) -> str:
    kind = facts.get("eatType") or random.choice(PLACE_KINDS)
    words = " ".join([_adjectives(parts["before"]), kind]).strip()
    if parts["has"] and random.random() < 0.5:
        words += " with " + " and ".join(parts["has"])
        parts["has"] = []
    words = " ".join([words, *parts["after"]])
    noun = f"{_article(words)} {words}"
    pattern = random.choice(FRONTED if where else OPENINGS)
    return pattern.format(name=facts.get("name"), noun=noun, where=where)


def _adjectives(words: list[str]) -> str:
    """A comma between two, unless the second is the food."""
    return (", " if all(word.islower() or word[0].isdigit() for word in words) else " ").join(words)


def _article(words: str) -> str:
    return "an" if words[0].lower() in "aeiou" and not words.startswith("one") else "a"


def _followers(facts: Facts, parts: Parts, random: Random) -> list[str]:
    predicates = [f"is {_listed(parts['is_'])}"] if parts["is_"] else []
    predicates += [f"has {_listed(parts['has'])}"] if parts["has"] else []
    random.shuffle(predicates)
    if len(predicates) == 2 and random.random() < 0.5:
        predicates = [" and ".join(predicates)]
    sentences = [f"{_subject(facts, random)} {predicate}." for predicate in predicates]
    sentences += [whole.format(it=_subject(facts, random)) for whole in parts["whole"]]
    random.shuffle(sentences)
    return sentences


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _subject(facts: Facts, random: Random) -> str:
    """Mostly "it": a name said in every sentence is tedious."""
    return str(facts.get("name")) if random.random() < 0.15 else "it"
