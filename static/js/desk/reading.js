// Aids for reading: an output as it was written, and what all outputs share dimmed.
import { commonToAll, keptFrom, mark, piecesOfAll } from "./diff.js";

export function reading(desk) {
  const { form, book, words } = desk;
  const cards = () => book.letters.map(desk.card);
  let putBack = [];

  const isWritten = (card) => card.classList.contains("as-written");
  /** What is read of an output: the formatted text, or the text as it was written. */
  const readable = (letter) => desk.card(letter).querySelector(isWritten(desk.card(letter)) ? ".written pre" : ".text");

  const clearCommon = () => {
    for (const restore of putBack) restore();
    putBack = [];
    drawPressed();
  };
  const dimCommon = () => {
    if (book.letters.length < 2) return undefined;
    desk.endComparing?.();
    const texts = book.letters.map(readable), pieces = piecesOfAll(texts), common = commonToAll(pieces);
    const percent = Math.round((100 * common.flat().filter(Boolean).length) / Math.max(1, common.flat().length));
    if (!percent) return words.say("common_none");
    putBack = texts.map(keptFrom);
    pieces.lists.forEach((list, number) => mark(list, common[number], "common"));
    drawPressed();
    return words.say("common_dimmed", { percent });
  };
  const toggleCommon = () => {
    if (!putBack.length) return dimCommon();
    clearCommon();
    return words.say("common_shown");
  };

  const toggleWritten = (letter = desk.current) => {
    const card = desk.card(letter), written = card.querySelector(".written");
    if (!written) return;
    desk.endComparing?.();
    clearCommon();
    written.open = card.classList.toggle("as-written");
    card.querySelector("[data-as-written]").ariaPressed = String(written.open);
    words.say(written.open ? "written" : "formatted", { letter: letter.toUpperCase() });
  };

  const drawPressed = () => {
    for (const button of form.querySelectorAll("[data-dim]")) button.ariaPressed = String(putBack.length > 0);
  };
  /** The button that dims, once for the panel of each output. */
  const dimmer = () => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: words.tell("dim") });
    button.dataset.dim = "";
    button.ariaPressed = "false";
    button.addEventListener("click", toggleCommon);
    return button;
  };

  for (const card of cards())
    card.querySelector("[data-as-written]")?.addEventListener("click", () => toggleWritten(card.dataset.output));
  return { readable, toggleWritten, toggleCommon, clearCommon, dimmer };
}
