// Two outputs side by side, their differences marked in place; reading and ranking go on meanwhile.
import { keptFrom, mark, piecesOfAll, shared, withoutShortRuns } from "./diff.js";

const ALIKE = 40; // percent of shared words from which the differences are marked, below it what is shared

export function comparing(desk) {
  const { form, book, words } = desk;
  const bar = form.querySelector("[data-comparing]");
  let before = [];

  const endComparing = () => {
    if (!before.length) return false;
    for (const [letter, restore] of before) {
      restore();
      delete desk.card(letter).dataset.side;
    }
    before = [];
    bar.hidden = true;
    form.classList.remove("comparing");
    return true;
  };

  const markBoth = (one, two) => {
    const { lists, run } = piecesOfAll([one, two]), common = shared(...lists);
    const all = lists[0].length + lists[1].length;
    const percent = Math.round((200 * common[0].filter(Boolean).length) / Math.max(1, all));
    const alike = percent >= ALIKE;
    lists.forEach((list, side) => {
      const kept = withoutShortRuns(common[side], run === 1 ? 1 : alike ? 2 : 4);
      mark(list, alike ? kept.map((is) => !is) : kept, alike ? "differs" : "shared");
    });
    return words.tell(alike ? "compared_alike" : "compared_unlike", { percent });
  };

  const compareWith = (other) => {
    endComparing();
    desk.clearCommon();
    const pair = [desk.current, other].sort();
    before = pair.map((letter) => [letter, keptFrom(desk.readable(letter))]);
    pair.forEach((letter, side) => (desk.card(letter).dataset.side = side + 1));
    const told = `${pair.join(", ").toUpperCase()}: ${markBoth(...pair.map(desk.readable))}`;
    form.classList.add("comparing");
    bar.hidden = false;
    bar.querySelector("[data-comparing-text]").textContent = told;
    form.querySelector(".outputs").scrollTop = 0;
    words.announce(told);
  };

  /** "vs B C D" beside the name of each output. */
  const versus = (letter) => {
    const row = Object.assign(document.createElement("p"), { className: "versus" });
    row.append(words.tell("versus"), ...book.letters.filter((other) => other !== letter).map((other) => {
      const button = document.createElement("button");
      const names = { letter: letter.toUpperCase(), other: other.toUpperCase() };
      Object.assign(button, { type: "button", textContent: names.other, ariaLabel: words.tell("compare_with", names) });
      button.addEventListener("click", () => compareWith(other));
      return button;
    }), desk.dimmer());
    return row;
  };
  for (const letter of book.letters) desk.panel(letter).querySelector("legend").after(versus(letter));
  bar.querySelector("button").addEventListener("click", endComparing);
  return { compareWith, endComparing };
}
