"""The cards on the desk are lettered copies of one; nobody may see a difference."""

import pytest
from markupsafe import Markup

from app.projects.forms import Attribute, AttributeType, RatingForm
from app.projects.ready_made import INSTRUCT_GPT
from app.web.outputs import shown_text
from app.web.templating import environment

SOURCE = """\
{% from "components/desk/judging.html" import attributes -%}
{% from "components/desk/output.html" import output_card -%}
{{ output_card(output, form, (1, 2)) }}
---
{{ attributes(form.output, "output[b]", output["values"]) }}
"""
# What a researcher may well write, and what would undo the lettering if it could.
SLY = RatingForm(
    output=(
        Attribute(name="sly", label='Is "output[?]" = name="output[?][x]"', type=AttributeType.FLAG),
        Attribute(name="pick", label="Pick", type=AttributeType.CHOICE, options=('="output[?]', "no")),
    )
)


def _card_and_controls(form: RatingForm, values: dict[str, object]) -> tuple[str, str]:
    output = {"letter": "b", "text": shown_text("", (), {"": Markup("")}), "rank": None, "values": values}
    page = environment().from_string(SOURCE).render(output=output, form=form)
    card, _, controls = page.partition("---")
    return card, controls.strip()


@pytest.mark.parametrize("form", [INSTRUCT_GPT, SLY])
def test_a_card_without_answers_has_the_controls_that_one_with_answers_has(form: RatingForm) -> None:
    card, controls = _card_and_controls(form, {})
    assert controls in card
    assert 'name="output[?]' not in card


def test_answers_are_shown_in_their_own_card() -> None:
    card, controls = _card_and_controls(INSTRUCT_GPT, {"overall": 3, "notes": "Fine."})
    assert controls in card
    assert 'name="output[b][overall]" value="3" checked' in card
