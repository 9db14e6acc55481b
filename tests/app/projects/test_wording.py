from app.projects.forms import Attribute, AttributeType, RatingForm
from app.projects.ready_made import HELPFUL_HARMLESS, INSTRUCT_GPT
from app.projects.wording import in_readers_words
from app.translation import speaking


def test_a_ready_made_form_speaks_the_readers_language() -> None:
    with speaking("zh"):
        first = in_readers_words(INSTRUCT_GPT).output[0]
    assert (first.label, first.low, first.high, first.name) == ("总体质量", "最差", "最好", "overall")


def test_what_is_stored_is_the_same_in_every_language() -> None:
    with speaking("zh"):
        strength = in_readers_words(HELPFUL_HARMLESS).prompt[0]
    assert strength.options == HELPFUL_HARMLESS.prompt[0].options


def test_a_projects_own_words_stay() -> None:
    own = RatingForm(output=(Attribute(name="tone", label="100% %(tone)s {x}", type=AttributeType.FLAG),))
    with speaking("zh"):
        assert in_readers_words(own) == own
