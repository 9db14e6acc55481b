// What all pages share on which one writes: a draft as one types, the length in words, Ctrl+Enter to send.
import { draft } from "./draft.js";
import { sendsForm } from "./keys.js";
import { presence } from "./presence.js";

const segmenter = new Intl.Segmenter(undefined, { granularity: "word" }); // knows words where no spaces part them
const length = (text) => [...segmenter.segment(text)].filter(({ isWordLike }) => isWordLike).length;

export function writing(form, said) {
  const status = form.querySelector("[data-say]"), [first] = form.querySelectorAll("[data-written] textarea");
  const draw = (field) => {
    const words = length(field.value), count = field.closest("[data-written]").querySelector("[data-count]");
    count.textContent = words ? said.tell("words", { words }) : "";
  };
  const drawAll = () => form.querySelectorAll("[data-written] textarea").forEach(draw);

  draft(form, said);
  presence(form);
  form.classList.add("ready");
  for (const change of ["desk:change", "desk:restored"]) form.addEventListener(change, drawAll);
  form.addEventListener("input", ({ target }) => {
    if (!target.closest("[data-written]")) return;
    draw(target);
    status.textContent = "";
  });
  document.addEventListener("keydown", (event) => {
    if (sendsForm(event)) form.requestSubmit(form.querySelector("[data-submit]"));
  });
  form.addEventListener("submit", (event) => {
    if (first.value.trim() || event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    said.say("missing_text");
    first.focus();
  }, { capture: true });
  drawAll();
}
