"""Examples of ratings: typed a line each, checked, and kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.projects.examples import ExampleOfNothing, examples_as_lines, examples_in_lines, flag_example
from app.projects.forms import Attribute, AttributeType, parse_form

POINTS = [str(point) for point in range(1, 8)]
SAID = st.text(st.characters(whitelist_categories=("L", "N", "P"), whitelist_characters=" "), min_size=1).map(str.strip)
EXAMPLES = st.dictionaries(
    st.sampled_from(POINTS), st.lists(SAID.filter(bool), min_size=1, max_size=3).map("\n".join), max_size=5
)


def _scale(**more: object) -> dict[str, object]:
    return {"output": [{"name": "overall", "label": "Overall", "type": "scale", "points": 7, **more}]}


def test_examples_are_typed_a_line_each_and_may_go_on() -> None:
    typed = "7: Answers all of it.\n  With a source.\n\n1:Nonsense"
    assert examples_in_lines(typed) == {"7": "Answers all of it.\nWith a source.", "1": "Nonsense"}


@given(EXAMPLES)
def test_what_is_shown_to_be_edited_reads_back_the_same(examples: dict[str, str]) -> None:
    assert examples_in_lines(examples_as_lines(examples, POINTS)) == examples


def test_options_may_hold_colons_and_begin_alike() -> None:
    options = ["yes", "yes: mostly"]
    typed = "yes: mostly: Two of three.\nyes: All of it."
    assert examples_in_lines(typed, options) == {"yes: mostly": "Two of three.", "yes": "All of it."}


@pytest.mark.parametrize("line", ["Answers all of it.", "seven: All", ": All"])
def test_a_line_that_names_no_point_is_refused(line: str) -> None:
    with pytest.raises(ExampleOfNothing, match="does not say"):
        examples_in_lines(line)


def test_a_flag_has_one_example() -> None:
    flag = Attribute(name="rude", label="Rude", type=AttributeType.FLAG, examples=flag_example(" Shut up. "))
    assert examples_as_lines(flag.examples, flag.answers) == "Shut up."
    assert flag_example(" ") == {}


@pytest.mark.parametrize("examples", [{"8": "Too good"}, {"yes": "A flag's"}, {"7": ""}, {"7": "x" * 1001}])
def test_a_form_with_an_example_of_nothing_is_refused(examples: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        parse_form(_scale(examples=examples))


def test_a_form_keeps_its_examples_as_json() -> None:
    form = parse_form(_scale(examples={"1": "Nonsense", "7": "All of it"}))
    assert parse_form(form.model_dump(mode="json", exclude_defaults=True)) == form
    assert "examples" not in parse_form(_scale()).model_dump(mode="json", exclude_defaults=True)["output"][0]
