"""A rating form in the reader's language: the words of ready-made forms have translations, a project's own stay."""

from app.projects.forms import Attribute, RatingForm
from app.translation import SOURCE_LANGUAGE, gettext, spoken_language


def in_readers_words(form: RatingForm) -> RatingForm:
    """For showing only. The names of attributes and the options, which are what is stored, are left as they are."""
    if spoken_language() == SOURCE_LANGUAGE:
        return form
    parts = {"output": tuple(map(_translated, form.output)), "prompt": tuple(map(_translated, form.prompt))}
    return form.model_copy(update=parts)


def _translated(attribute: Attribute) -> Attribute:
    words = {name: getattr(attribute, name) for name in ("label", "description", "low", "high")}
    return attribute.model_copy(update={name: gettext(text) if text else text for name, text in words.items()})
