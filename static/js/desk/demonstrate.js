// Writing a demonstration: a draft as one types, the length in words, Ctrl+Enter to send.
import { draft } from "./draft.js";
import { sendsForm } from "./keys.js";
import { presence } from "./presence.js";
import { words } from "./words.js";

export default function demonstrate(form) {
  const said = words(form), field = form.elements.text, count = form.querySelector("[data-count]");
  const status = form.querySelector("[data-say]");
  const draw = () => {
    count.textContent = said.tell("words", { words: field.value.match(/\S+/g)?.length ?? 0 });
    if (field.value.trim()) status.textContent = "";
  };
  draft(form, said);
  presence(form);
  form.classList.add("ready");
  field.addEventListener("input", draw);
  document.addEventListener("keydown", (event) => {
    if (sendsForm(event)) form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    if (field.value.trim()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    said.say("missing_text");
    field.focus();
  }, { capture: true });
  draw();
}
