import pytest

from app.simulation.facts import Checker, Facts, Findings, parse_facts

AROMI = parse_facts(
    "name[Aromi], eatType[pub], food[Italian], priceRange[cheap], customer rating[low], area[riverside], "
    "familyFriendly[no], near[Café Rouge]"
)
TOWN = Checker(
    [AROMI, parse_facts("name[The Lantern], near[Old Mill]"), parse_facts("name[Mika's], near[Raja Indian Cuisine]")]
)


def about(slot: str, value: str, text: str) -> Findings:
    """Findings for a place of which one fact is known beside its name."""
    return TOWN.check(parse_facts(f"name[Aromi], {slot}[{value}]"), text)


def test_facts_are_read_from_whatever_stands_around_them() -> None:
    facts = parse_facts("Describe: near[Old Mill], name[Aromi] please")
    assert facts == Facts((("name", "Aromi"), ("near", "Old Mill")))
    assert str(facts) == "name[Aromi], near[Old Mill]"
    assert parse_facts(str(AROMI)) == AROMI


def test_a_text_without_facts_is_refused() -> None:
    with pytest.raises(ValueError, match="No facts"):
        parse_facts("Tell me a joke")


@pytest.mark.parametrize(
    "text",
    [
        "Aromi is a cheap Italian pub by the river near Café Rouge. It is not family-friendly and has a low rating.",
        "Near the Cafe Rouge in riverside, Aromi is an inexpensive bar that serves pasta. Poorly rated, adults only.",
        "Low customer ratings and low prices: the pub Aromi offers Italian food on the river bank, close to Café Rouge."
        " Children are not welcome.",
    ],
)
def test_a_text_that_states_every_fact_has_no_errors(text: str) -> None:
    assert TOWN.check(AROMI, text) == Findings()


def test_an_empty_text_misses_every_fact() -> None:
    assert TOWN.check(AROMI, " \n").errors == len(AROMI) == len(TOWN.check(AROMI, "").missing)


def test_each_fact_left_out_is_missing() -> None:
    found = TOWN.check(AROMI, "Aromi is an Italian pub near Café Rouge.")
    assert set(found.missing) == {"priceRange", "customer rating", "area", "familyFriendly"}
    assert found.errors == 4


@pytest.mark.parametrize(
    ("slot", "value", "phrase"),
    [
        ("priceRange", "less than £20", "has meals for under 20 pounds"),
        ("priceRange", "less than £20", "is cheap"),
        ("priceRange", "£20-25", "is mid-priced"),
        ("priceRange", "£20-25", "costs £20 to £25"),
        ("priceRange", "£20-25", "has prices from twenty to twenty five pounds"),
        ("priceRange", "moderate", "has average prices"),
        ("priceRange", "moderate", "is reasonably priced"),
        ("priceRange", "more than £30", "is rather expensive"),
        ("priceRange", "more than £30", "has prices over £30"),
        ("priceRange", "high", "has an above average price range"),
        ("customer rating", "5 out of 5", "is a five star place"),
        ("customer rating", "5 out of 5", "is highly rated"),
        ("customer rating", "high", "is rated 5/5"),
        ("customer rating", "3 out of 5", "has a customer rating of three out of five"),
        ("customer rating", "average", "gets 3 stars"),
        ("customer rating", "low", "is not very well rated"),
        ("customer rating", "1 out of 5", "has an average rating of 1 out of 5"),
        ("familyFriendly", "yes", "is kid friendly"),
        ("familyFriendly", "yes", "is a place where children are welcome"),
        ("familyFriendly", "yes", "is not cheap but good for families"),
        ("familyFriendly", "no", "is not for families"),
        ("familyFriendly", "no", "is a non-family-friendly place"),
        ("familyFriendly", "no", "is adults only"),
        ("familyFriendly", "no", "does not allow kids"),
        ("area", "riverside", "lies by the river"),
        ("area", "city centre", "is in the center of the city"),
        ("area", "old town", "is in the historic quarter"),
        ("eatType", "coffee shop", "is a café"),
        ("eatType", "pub", "is a restaurant and pub"),
        ("eatType", "restaurant", "is an eatery"),
        ("food", "Japanese", "serves sushi"),
        ("food", "Fast food", "is a fast-food place"),
        ("food", "Georgian", "serves Georgian dishes"),
        ("near", "Raja Indian Cuisine", "is next to the Raja"),
        ("near", "Crowne Plaza Hotel", "is beside the Crown Plaza"),
    ],
)
def test_people_have_many_ways_to_state_a_fact(slot: str, value: str, phrase: str) -> None:
    found = about(slot, value, f"Aromi {phrase}.")
    assert slot not in (*found.missing, *found.wrong)


@pytest.mark.parametrize(
    ("slot", "value", "phrase"),
    [
        ("priceRange", "cheap", "is expensive"),
        ("priceRange", "high", "is inexpensive"),
        ("priceRange", "less than £20", "costs £20-25"),
        ("customer rating", "5 out of 5", "is rated 4 out of 5"),
        ("customer rating", "low", "is highly rated"),
        ("familyFriendly", "yes", "is not child-friendly"),
        ("familyFriendly", "no", "welcomes families"),
        ("area", "riverside", "is in the city centre"),
        ("eatType", "pub", "is a coffee shop"),
        ("food", "Chinese", "serves French food"),
        ("near", "Café Rouge", "is near Old Mill"),
    ],
)
def test_another_value_is_wrong(slot: str, value: str, phrase: str) -> None:
    assert about(slot, value, f"Aromi {phrase}.").wrong == (slot,)


def test_a_value_beside_its_contrary_is_wrong() -> None:
    assert about("priceRange", "cheap", "Aromi is cheap and expensive.").wrong == ("priceRange",)
    assert about("familyFriendly", "yes", "Aromi is family friendly. It is not for children.").wrong == (
        "familyFriendly",
    )
    assert about("food", "Italian", "Aromi serves Italian and Chinese food.").wrong == ("food",)


def test_several_names_are_wrong() -> None:
    found = about("eatType", "pub", "Aromi, The Lantern is a pub.")
    assert found.wrong == ("name",)


def test_what_the_facts_do_not_say_is_invented() -> None:
    found = about("eatType", "pub", "Aromi is a cheap pub near Old Mill. It is kid friendly.")
    assert set(found.invented) == {"priceRange", "near", "familyFriendly"}


def test_a_place_is_not_beside_itself() -> None:
    assert about("eatType", "pub", "Aromi is a pub near Aromi.").invented == ("near",)


def test_names_state_no_other_fact() -> None:
    assert about("near", "Raja Indian Cuisine", "Aromi is near Raja Indian Cuisine.") == Findings()


def test_the_adjective_of_the_price_is_not_that_of_the_rating() -> None:
    facts = parse_facts("name[Aromi], priceRange[high], customer rating[low]")
    for text in (
        "Aromi has a high price range and a low customer rating.",
        "Aromi has low customer ratings and high prices.",
        "The prices at Aromi are high with a customer rating of 1 out of 5.",
    ):
        assert Checker().check(facts, text) == Findings()


def test_saying_the_same_again_and_again_is_an_error() -> None:
    assert about("eatType", "pub", "Aromi is a pub, a pub, a pub.").repeated
    assert about("area", "riverside", "Aromi lies by the river. Aromi lies by the river.").repeated == ("a phrase",)
    assert about("eatType", "pub", "Aromi is is a pub.").repeated == ("a word",)


def test_a_list_and_a_text_that_breaks_off_are_broken() -> None:
    assert about("eatType", "pub", "Aromi pub").broken == ("no verb",)
    assert about("eatType", "pub", "Aromi is a pub in the").broken == ("breaks off",)


def test_spaces_around_punctuation_change_nothing() -> None:
    facts = parse_facts("name[Aromi], priceRange[£20-25], familyFriendly[no]")
    assert Checker().check(facts, "Aromi costs £ 20 - 25 . It is not family - friendly .") == Findings()


def test_being_near_the_centre_says_nothing_of_the_riverside() -> None:
    assert about("area", "riverside", "Aromi is near the city centre.").missing == ("area",)
    assert about("area", "riverside", "By the river, Aromi is north of the city centre.") == Findings()
