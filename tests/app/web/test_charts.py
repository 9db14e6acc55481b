"""Charts: where things stand in them, and what a reader who sees no picture is told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.translation import speaking
from app.web.charts import Axis, Format, Mark, Panel, Plot, Point, axis_of, dots, series_of
from app.web.templating import environment
from tests.pages import Element, Parser

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 6))
WIN = Mark("new", 0.62, 0.58, 0.66, hint="held-out")


def drawn(macro: str, chart: object) -> list[Element]:
    source = '{% from "components/charts.html" import ' + macro + " with context %}{{ " + macro + "(chart) }}"
    with speaking("en"):
        page = environment().from_string(source).render(chart=chart)
    parser = Parser()
    parser.feed(page)
    return parser.elements


def of_class(elements: list[Element], name: str) -> list[Element]:
    return [element for element in elements if element.get("class") == name]


@given(st.lists(NUMBERS, min_size=1, max_size=9))
def test_an_axis_holds_all_numbers_between_few_round_ticks(numbers: list[float]) -> None:
    axis = axis_of(numbers)
    tolerance = 1e-6 * (axis.high - axis.low)
    assert axis.low - tolerance <= min(numbers)
    assert max(numbers) <= axis.high + tolerance
    assert (axis.low, axis.high) == (axis.ticks[0], axis.ticks[-1])
    assert 2 <= len(axis.ticks) <= 5
    steps = [after - before for before, after in zip(axis.ticks, axis.ticks[1:], strict=False)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)


@pytest.mark.parametrize(
    ("numbers", "ticks"),
    [
        ([0, 1], (0, 0.25, 0.5, 0.75, 1)),
        ([0.13, None, 0.46], (0.1, 0.2, 0.3, 0.4, 0.5)),
        ([-40, 210], (-100, 0, 100, 200, 300)),
        ([], (0, 0.25, 0.5, 0.75, 1)),
    ],
)
def test_ticks_are_round(numbers: list[float | None], ticks: tuple[float, ...]) -> None:
    assert axis_of(numbers).ticks == pytest.approx(ticks)


def test_places_are_shares_of_the_width_and_stay_inside() -> None:
    axis = Axis(0, 2, (0, 1, 2))
    assert [axis.place(value) for value in (-1, 0, 0.75, 2, 9)] == ["0.00%", "0.00%", "37.50%", "100.00%", "100.00%"]


def test_a_mark_stands_on_its_interval_and_says_its_numbers() -> None:
    elements = drawn(
        "dot_charts", dots([Panel("Against the old", (WIN,))], Format.SHARE, include=(0, 1), reference=0.5)
    )
    (whisker,), (mark,), (reference,) = (of_class(elements, name) for name in ("whisker", "mark", "reference"))
    assert (whisker.get("x1"), mark.get("cx"), whisker.get("x2")) == ("58.00%", "62.00%", "66.00%")
    assert reference.get("x1") == "50.00%"
    row = next(element for element in elements if element.tag == "li")
    assert row.text.endswith("62.0% 58.0% to 66.0%")
    assert of_class(elements, "of")[0].text == "new held-out"


def test_where_there_is_too_little_no_mark_is_drawn() -> None:
    elements = drawn("dot_charts", dots([Panel("Few", (WIN, Mark("few", None)))], Format.SHARE))
    assert len(of_class(elements, "mark")) == 1
    assert of_class(elements, "is")[1].text == "not enough"


def test_a_value_without_an_interval_has_no_whisker() -> None:
    elements = drawn("dot_charts", dots([Panel("The baseline", (Mark("old", 0.0, 0.0, 0.0),))], Format.NUMBER))
    assert of_class(elements, "mark")
    assert not of_class(elements, "whisker")
    assert of_class(elements, "is")[0].text == "0"


def test_without_any_value_the_reader_is_told_so() -> None:
    assert dots([Panel("Few", (Mark("few", None),))], Format.SHARE) is None
    assert drawn("dot_charts", None)[0].text == "Not enough to draw yet."
    assert drawn("plots", [])[0].text == "Not enough to draw yet."


def test_what_people_typed_is_text() -> None:
    elements = drawn("dot_charts", dots([Panel("<b>", (Mark("<script>x</script>", 1.0),))], Format.NUMBER))
    assert not [element for element in elements if element.tag in {"b", "script"}]
    assert of_class(elements, "of")[0].text == "<script>x</script>"


def test_a_plot_puts_high_values_up_and_is_described() -> None:
    points = (Point(0.55, 0.5, 0.4, 0.6), Point(0.95, 0.9))
    plot = Plot("cal", "Calibration", points, axis_of([0.5, 1]), axis_of([0, 1]), "Sure", "Right", text="All in words.")
    elements = drawn("plots", [plot])
    low, high = of_class(elements, "mark")
    assert float(low.get("cy")) > float(high.get("cy"))
    assert float(low.get("cx")) < float(high.get("cx"))
    assert len(of_class(elements, "whisker")) == 1
    picture = next(element for element in elements if element.tag == "svg")
    words = {element.get("id"): element.text for element in elements if element.get("id")}
    assert [words[name] for name in picture.get("aria-labelledby").split()] == ["Calibration", "All in words."]


def test_each_name_keeps_its_colour() -> None:
    assert series_of(["a", "b", "a", "c", "d", "e"]) == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 0}
