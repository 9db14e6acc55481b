// Texts that come with a warning stay blurred until the labeler asks for them, by the button or with Space.
const TEXTS = ".text, .prose";

export default function warning(details) {
  const main = details.parentElement, form = details.closest("form"), summary = details.firstElementChild;
  const seen = details.open, note = document.createElement("div"), show = document.createElement("button");
  const said = summary.querySelector(".button");
  show.type = "button";
  show.className = "button";
  show.append(...said.childNodes);
  said.remove();
  note.className = "notice warning veil-note";
  note.append(...summary.childNodes, show);
  summary.remove();
  details.replaceWith(...(seen ? [] : [note]), ...details.childNodes);

  const veil = (on) => {
    form.classList.toggle("veiled", on);
    for (const text of main.querySelectorAll(TEXTS)) text.inert = on;
  };
  const reveal = () => {
    veil(false);
    note.remove();
    document.removeEventListener("keydown", onKey, { capture: true });
    (main.querySelector("[aria-current]") ?? main).focus({ preventScroll: true });
  };
  const onKey = (event) => {
    if (event.key !== " " || event.target.closest("button, a, summary, input, textarea, select")) return;
    event.preventDefault();
    event.stopPropagation();
    reveal();
  };
  if (seen) return;
  veil(true);
  show.addEventListener("click", reveal);
  document.addEventListener("keydown", onKey, { capture: true });
}
