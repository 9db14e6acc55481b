from random import Random

import pytest

from app.simulation.corpus import VALUES
from app.simulation.e2e import read_e2e
from app.simulation.facts import SLOTS, Checker, Facts, Findings, parse_facts
from app.simulation.grammar import describe
from tests.shared_data import shared_data


def draw(random: Random) -> Facts:
    chosen = {"name", *random.sample(SLOTS[1:], random.randint(1, 7))}
    return Facts(tuple((slot, random.choice(VALUES[slot])) for slot in SLOTS if slot in chosen))


def test_a_description_states_every_fact_and_nothing_else() -> None:
    random = Random(3)
    places = [draw(random) for _ in range(1500)]
    checker = Checker(places)
    wrong = [text for facts in places if checker.check(facts, text := describe(facts, random)) != Findings()]
    assert wrong == []


def test_the_facts_of_the_real_data_have_words_too() -> None:
    random = Random(4)
    places = list(dict.fromkeys(written.facts for written in read_e2e(shared_data("e2e"))))
    checker = Checker(places)
    wrong = [text for facts in places if checker.check(facts, text := describe(facts, random)) != Findings()]
    assert wrong == []


def test_the_same_facts_are_told_in_very_many_ways() -> None:
    facts = parse_facts("name[Juniper], eatType[pub], food[Thai], priceRange[cheap], area[harbour], familyFriendly[no]")
    random = Random(1)
    assert len({describe(facts, random) for _ in range(300)}) > 280


def test_every_sentence_begins_with_a_capital() -> None:
    facts = parse_facts("name[the Attic], customer rating[1 out of 5], area[old town]")
    for seed in range(50):
        for sentence in describe(facts, Random(seed)).split(". "):
            assert sentence[0].isupper() or sentence[0].isdigit()


def test_a_value_without_words_is_refused() -> None:
    with pytest.raises(KeyError):
        describe(parse_facts("name[Juniper], priceRange[free]"), Random(0))
