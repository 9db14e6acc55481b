"""What the grammar can say of a fact, by the place in a sentence that the words fit.

`before` stands before the kind of place ("a cheap pub"), `after` behind it ("a pub by the harbour"), `is_` behind
"is", `has` behind "has" or "with", `whole` is a sentence about {it}.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ways:
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    is_: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


CHEAP = Ways(
    before=("cheap", "inexpensive", "low-priced", "low-cost"),
    is_=("cheap", "inexpensive", "low in price"),
    has=("low prices", "cheap prices", "a low price range"),
    whole=("Prices are low.", "{it} keeps its prices low.", "Meals there are cheap."),
)
MODERATE = Ways(
    before=("moderately priced", "mid-priced", "medium-priced"),
    is_=("moderately priced", "in the moderate price range", "mid-range"),
    has=("moderate prices", "average prices", "a moderate price range"),
    whole=("Prices are moderate.", "The price range is moderate.", "Expect average prices."),
)
HIGH = Ways(
    before=("expensive", "high-priced", "pricey"),
    is_=("expensive", "in the high price range", "rather pricey"),
    has=("high prices", "a high price range"),
    whole=("Prices are high.", "The price range is high."),
)
PRICE = {
    "cheap": CHEAP,
    "moderate": MODERATE,
    "high": HIGH,
    "less than £20": Ways(
        before=("cheap", "low-priced"),
        after=("where you pay less than £20", "where a meal costs under £20"),
        has=("prices under £20", "meals for less than £20", "a price range of less than £20"),
        whole=("Prices are below £20.", "A meal costs less than £20.", "You pay under 20 pounds."),
    ),
    "£20-25": Ways(
        before=("mid-priced", "moderately priced"),
        after=("where a meal costs £20-25", "where you pay £20 to £25"),
        has=("prices of £20-25", "a price range of £20-25"),
        whole=("Meals cost £20-25.", "The price range is £20-25.", "Expect to pay £20 to £25."),
    ),
    "more than £30": Ways(
        before=("expensive", "high-priced"),
        after=("where a meal costs more than £30", "where you pay over £30"),
        has=("prices over £30", "a price range of more than £30"),
        whole=("Meals cost more than £30.", "Prices are above £30.", "You pay more than 30 pounds."),
    ),
}


def _stars(number: str, word: str) -> Ways:
    star = "star" if number == "1" else "stars"
    return Ways(
        before=(f"{word}-star", f"{number}-star"),
        is_=(f"rated {number} out of 5", f"rated {number} {star}"),
        has=(f"a customer rating of {number} out of 5", f"{number} {star}", f"a rating of {word} out of five"),
        whole=(f"Customers rate it {number} out of 5.", f"Its customer rating is {number} out of 5."),
    )


RATING = {
    "low": Ways(
        before=("low-rated", "poorly rated"),
        is_=("rated low", "poorly rated", "not well rated"),
        has=("a low customer rating", "poor reviews", "low ratings"),
        whole=("Its customer rating is low.", "Customers give it low ratings.", "Reviews are poor."),
    ),
    "average": Ways(
        before=("average-rated", "averagely rated"),
        is_=("rated average", "averagely rated"),
        has=("an average customer rating", "average reviews", "average ratings"),
        whole=("Its customer rating is average.", "Customers give it average ratings.", "Reviews are mixed."),
    ),
    "high": Ways(
        before=("highly rated", "well-reviewed"),
        is_=("highly rated", "well reviewed", "highly recommended"),
        has=("a high customer rating", "excellent reviews", "high ratings"),
        whole=("Its customer rating is high.", "Customers love it.", "Reviews are excellent."),
    ),
    "1 out of 5": _stars("1", "one"),
    "3 out of 5": _stars("3", "three"),
    "5 out of 5": _stars("5", "five"),
}

FAMILY = {
    "yes": Ways(
        before=("family-friendly", "child-friendly", "kid-friendly"),
        is_=("family-friendly", "good for families", "suitable for children", "kid friendly"),
        whole=("Children are welcome.", "Families are welcome.", "{it} welcomes families.", "You can bring the kids."),
    ),
    "no": Ways(
        before=("adults-only", "non-family-friendly"),
        is_=("not family-friendly", "not suitable for children", "not for families", "not child friendly"),
        whole=("Children are not welcome.", "{it} does not cater for families.", "{it} is for adults only."),
    ),
}

AREA = {
    "harbour": ("by the harbour", "at the harbour", "in the harbour area", "on the quay"),
    "old town": ("in the old town", "in the historic quarter", "in the old quarter"),
    "market square": ("on the market square", "at the market square", "on Market Place"),
    "hillside": ("on the hillside", "up the hill", "in the hillside area"),
    "station quarter": ("in the station quarter", "by the railway station", "in the station area"),
    "riverside": ("by the river", "on the riverside", "in the riverside area"),
    "city centre": ("in the city centre", "in the centre of the city", "downtown"),
}
NEAR = ("near {value}", "close to {value}", "next to {value}", "not far from {value}", "beside {value}")

FOOD = Ways(
    before=("{value}",),
    after=("serving {value} food", "that serves {value} food", "offering {value} dishes", "for {value} food"),
    has=("{value} food", "{value} dishes on the menu"),
    whole=("{it} serves {value} food.", "The food is {value}.", "The menu is {value}.", "{it} offers {value} dishes."),
)
FAST_FOOD = Ways(
    before=("fast food",),
    after=("serving fast food", "that serves fast food", "for fast food"),
    has=("fast food", "fast food on the menu"),
    whole=("{it} serves fast food.", "The food is fast food.", "{it} offers fast food."),
)


def ways(slot: str, value: str) -> Ways:
    """How to say a fact. KeyError for a slot or value that the grammar has no words for."""
    match slot:
        case "priceRange":
            return PRICE[value]
        case "customer rating":
            return RATING[value]
        case "familyFriendly":
            return FAMILY[value]
        case "area":
            return _lying(AREA[value], "You will find it {where}.")
        case "near":
            return _lying(tuple(near.format(value=value) for near in NEAR), "Look for it {where}.")
        case "food" if value == "Fast food":
            return FAST_FOOD
        case "food":
            return Ways(*(tuple(way.replace("{value}", value) for way in place) for place in vars(FOOD).values()))
    raise KeyError(slot)


def _lying(wheres: tuple[str, ...], sentence: str) -> Ways:
    return Ways(
        after=(*wheres, *(f"located {where}" for where in wheres)),
        is_=(*wheres, *(f"located {where}" for where in wheres)),
        whole=tuple(sentence.format(where=where) for where in wheres),
    )


OPENINGS = (
    "{name} is {noun}.",
    "{name} is {noun}.",
    "{name} is {noun}.",
    "There is {noun} called {name}.",
    "{noun} is {name}.",
    "If you want {noun}, try {name}.",
    "Looking for {noun}? Try {name}.",
    "Visit {name}, {noun}.",
)
FRONTED = (
    "{where}, there is {noun} called {name}.",
    "{where} you can find {name}, {noun}.",
    "{where} is {noun} named {name}.",
    "{where} lies {name}, {noun}.",
)
