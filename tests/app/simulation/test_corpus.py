from random import Random
from statistics import mean

import pytest

from app.simulation.corpus import Corpus, from_written, make_corpus, values_of, write_as_people
from app.simulation.e2e import Written
from app.simulation.facts import Checker, parse_facts


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(seed=5, places=400, texts_each=4, loose_texts=100)


def test_the_same_seed_makes_the_same_corpus(corpus: Corpus) -> None:
    assert make_corpus(seed=5, places=400, texts_each=4, loose_texts=100) == corpus
    assert make_corpus(seed=6, places=400, texts_each=4, loose_texts=100) != corpus


def test_no_place_is_in_two_splits(corpus: Corpus) -> None:
    assert len(list(corpus.known)) == len(set(corpus.known)) == 400
    assert (len(corpus.held_out), len(corpus.validation), len(corpus.train)) == (80, 40, 280)


def test_only_places_to_train_on_are_demonstrated(corpus: Corpus) -> None:
    assert {written.facts for written in corpus.demonstrations} == set(corpus.train)
    assert len(corpus.demonstrations) == 4 * len(corpus.train)


def test_texts_to_pretrain_on_tell_of_other_places_too(corpus: Corpus) -> None:
    demonstrated = [written.text for written in corpus.demonstrations]
    assert list(corpus.texts[:-100]) == demonstrated
    assert len(set(corpus.texts[-100:]).difference(demonstrated)) > 90


def test_its_writers_forget_and_mistake_facts_as_people_do(corpus: Corpus) -> None:
    checker = Checker(corpus.known)
    found = [checker.check(written.facts, written.text) for written in corpus.demonstrations]
    assert 0.4 < mean(findings.errors for findings in found) < 0.65
    assert mean(len(findings.missing) for findings in found) > mean(len(findings.wrong) for findings in found) > 0


def test_written_texts_of_one_place_stay_in_one_split() -> None:
    places = [parse_facts(f"name[Place {number}], eatType[pub]") for number in range(10)]
    written = [Written(place, f"{place.get('name')} is a pub, said {voice}.") for voice in "ab" for place in places]
    corpus = from_written(written, seed=0)
    assert len(corpus.held_out) == 2
    assert len(corpus.validation) == 1
    assert len(corpus.demonstrations) == 14
    assert corpus.texts == tuple(one.text for one in corpus.demonstrations)


def test_mistakes_are_made_with_the_values_of_the_town() -> None:
    town = [parse_facts("name[Juniper], food[Thai]"), parse_facts("name[Sorrel], food[Greek]")]
    random = Random(0)
    told = " ".join(write_as_people(town[0], random, values_of(town)) for _ in range(400))
    assert told.count("Thai") > 300
    assert 0 < told.count("Greek") < 30
    assert values_of(town)["food"] == ("Thai", "Greek")
