"""The words of the desk's scripts, which are made once a language."""

import json
from html import unescape

from app.translation import speaking
from app.web.templating import script_words


def test_scripts_speak_the_language_asked_for_whatever_was_spoken_first() -> None:
    with speaking("zh"):
        english = json.loads(unescape(script_words("en")))
    chinese = json.loads(unescape(script_words("zh")))
    assert english["best"] == "best"
    assert english.keys() == chinese.keys()
    assert english["best"] != chinese["best"]
