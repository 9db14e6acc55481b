"""Categories of prompts and their shares."""

import pytest

from app.errors import InvalidInput
from app.prompts.use_cases import INSTRUCT_GPT, apportioned, parse_mix, written_mix


def test_the_ten_categories_of_the_paper_survive_being_written_down() -> None:
    assert len(INSTRUCT_GPT) == 10
    assert parse_mix(written_mix(INSTRUCT_GPT)) == INSTRUCT_GPT


def test_a_use_case_without_a_number_counts_one_and_names_may_have_spaces() -> None:
    assert parse_mix("menu texts\n\n open QA 2.5 \nmenu texts 3\n") == {"menu texts": 4.0, "open QA": 2.5}


@pytest.mark.parametrize("text", ["", " \n ", "chat -1", "chat 0", "x" * 81, "\n".join(f"case-{n}" for n in range(51))])
def test_what_is_no_mix_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_mix(text)


@pytest.mark.parametrize("number", [1, 7, 100, 1000])
def test_no_share_is_off_by_one_or_more(number: int) -> None:
    names = apportioned(number, INSTRUCT_GPT)
    assert len(names) == number
    for name, share in INSTRUCT_GPT.items():
        assert abs(names.count(name) - number * share / sum(INSTRUCT_GPT.values())) < 1
