import pytest

from app.simulation.page import UnexpectedPage, read_page

HTML = """<!doctype html><html><head><title>Compare, task 7</title></head><body>
<form id="desk" method="post" action="/assignments/7/submit">
  <input type="hidden" name="csrf_token" value="a&amp;b">
  <header><p>Guidelines: name[Nobody]</p><input name="reason" form="skip" required></header>
  <main>
    <p class="notice">Well <b>done</b>.</p>
    <section><p>name[Aromi], near[Caf&eacute; <em>Rouge</em>]</p></section>
    <article>
      <label><input type="radio" name="rank[a]" value="1"></label>
      <label><input type="radio" name="rank[a]" value="2" checked></label>
      <div class="text prose"><p>Aromi is <strong>a</strong> pub.</p><ul><li>It is near<br>the river.</li></ul></div>
      <input type="checkbox" name="output[a][opinion]" value="1">
      <textarea name="output[a][notes]">
fine &lt;b&gt;</textarea>
    </article>
  </main>
</form>
<form id="skip" method="post" action="/assignments/7/skip"><select name="why"><option value="x">X</option>
<option value="y" selected>Y</option></select></form></body></html>"""


def test_what_is_written_is_read_with_the_outputs_apart() -> None:
    page = read_page("http://x/assignments/7", HTML)
    assert page.title == "Compare, task 7"
    assert page.notice.strip() == "Well done."
    assert "name[Aromi], near[Café Rouge]" in page.text
    assert "Nobody" not in page.text
    assert "Aromi is a pub" not in page.text
    (output,) = page.outputs
    assert output.text.split("\n") == ["Aromi is a pub.", "It is near", "the river.", ""]
    assert output.letter == "a"
    assert set(output.fields) == {"rank[a]", "output[a][opinion]", "output[a][notes]"}


def test_a_form_sends_what_a_browser_would() -> None:
    form = read_page("http://x", HTML).form("/submit")
    assert form.filled({}) == {"csrf_token": "a&b", "rank[a]": "2", "output[a][notes]": "fine <b>"}
    assert form.filled({"rank[a]": "1", "output[a][opinion]": "1"})["rank[a]"] == "1"
    assert form.values("rank[a]") == ["1", "2"]


def test_a_field_may_belong_to_a_form_that_it_does_not_stand_in() -> None:
    page = read_page("http://x", HTML)
    assert page.form("/skip").filled({"reason": "broken"}) == {"why": "y", "reason": "broken"}
    assert not page.form("/submit").offers("reason")


@pytest.mark.parametrize("answers", [{"rank[a]": "3"}, {"rank[b]": "1"}])
def test_a_choice_that_is_not_offered_cannot_be_sent(answers: dict[str, str]) -> None:
    with pytest.raises(KeyError, match="rank"):
        read_page("http://x", HTML).form("/submit").filled(answers)


def test_a_page_without_the_form_says_so() -> None:
    with pytest.raises(UnexpectedPage, match="no form to /sign-in on the page “Compare, task 7”"):
        read_page("http://x", HTML).form("/sign-in")
