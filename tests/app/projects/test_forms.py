import pytest

from app.errors import InvalidInput
from app.projects.forms import DESK_KEYS, FREE_KEYS, InvalidAnswers, RatingForm, parse_form, validate_answers
from app.projects.ready_made import INSTRUCT_GPT, READY_MADE, choice, flag, scale


def test_the_desk_and_the_form_share_the_alphabet():
    assert DESK_KEYS.isdisjoint(FREE_KEYS)
    assert len(DESK_KEYS) + len(FREE_KEYS) == 26


@pytest.mark.parametrize("name", READY_MADE)
def test_a_ready_made_form_survives_storage(name):
    form = READY_MADE[name]
    assert parse_form(form.model_dump(mode="json", exclude_defaults=True)) == form


def test_instruct_gpt_asks_what_its_tables_3_and_7_ask():
    assert [attribute.key for attribute in INSTRUCT_GPT.output if attribute.key] == list("TUKNMPSVLOJ")
    assert INSTRUCT_GPT.output[0].steps == range(1, 8)
    assert len(INSTRUCT_GPT.prompt) == 11


def refusal(*output, prompt=()):
    with pytest.raises(InvalidInput) as refused:
        parse_form({"output": list(output), "prompt": list(prompt)})
    return str(refused.value)


def test_a_key_that_the_desk_uses_is_refused():
    assert "the desk itself uses the key Q" in refusal({"name": "rude", "label": "Rude", "type": "flag", "key": "Q"})


def test_a_key_given_twice_is_refused_even_across_output_and_prompt():
    rude = {"name": "rude", "label": "Rude", "type": "flag", "key": "T"}
    assert "The key T is given to two attributes" in refusal(rude, prompt=[rude])


def test_a_name_given_twice_is_refused():
    rude = {"name": "rude", "label": "Rude", "type": "flag"}
    assert "The name rude occurs twice" in refusal(rude, rude)


def test_a_scale_needs_points_and_a_choice_needs_options():
    assert "number of points" in refusal({"name": "good", "label": "Good", "type": "scale"})
    assert "two or more options" in refusal({"name": "good", "label": "Good", "type": "choice", "options": ["yes"]})


def test_answers_come_back_typed_and_flags_always_have_one():
    form = RatingForm(output=(scale("overall", "Overall", 7, "", ""), flag("rude", "Rude"), flag("false", "False")))
    assert validate_answers(form.output, {"overall": "6", "rude": "on"}) == {"overall": 6, "rude": True, "false": False}


@pytest.mark.parametrize("typed", ["0", "8", "-1", "1.0", "٣", "1_0", "x"])
def test_a_step_off_the_scale_is_refused(typed):
    with pytest.raises(InvalidAnswers) as refused:
        validate_answers([scale("overall", "Overall", 7, "", "")], {"overall": typed})
    assert "from 1 to 7" in refused.value.errors["overall"]


def test_every_wrong_answer_has_its_own_sentence():
    attributes = [scale("overall", "Overall", 7, "", ""), choice("kept", "Kept", "yes", "no"), flag("rude", "Rude")]
    with pytest.raises(InvalidAnswers) as refused:
        validate_answers(attributes, {"kept": "maybe", "rude": "perhaps", "hidden": "1"})
    assert set(refused.value.errors) == {"overall", "kept", "rude", "hidden"}
