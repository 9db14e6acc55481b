// The labeling desk, for ranking (K outputs) and for rating (one). Without this file the page is a plain form.
import { comparing } from "./comparing.js";
import { current } from "./current.js";
import { draft } from "./draft.js";
import { history } from "./history.js";
import { judging, missingIn } from "./judging.js";
import { keys } from "./keys.js";
import { lanes } from "./lanes.js";
import { ledger } from "./ledger.js";
import { line } from "./line.js";
import { presence } from "./presence.js";
import { ranking } from "./ranking.js";
import { reading } from "./reading.js";
import { view } from "./view.js";
import { words } from "./words.js";

export default function compare(form) {
  const desk = { form, book: ledger(form), words: words(form), current: null };
  draft(form, desk.words);
  desk.history = history(form);
  const parts = [view, current, reading, ranking, judging, ...(desk.book.ranked ? [comparing, line] : [])];
  for (const part of parts) Object.assign(desk, part(desk));
  form.classList.add("ready");
  desk.gather();
  if (desk.book.ranked) lanes(desk);
  desk.undo = () => undo(desk);
  keys(desk);
  presence(form);
  follow(desk);
  if (desk.phone.matches) desk.foldPrompt();
}

function follow(desk) {
  const { form, history } = desk, draw = () => drawProgress(desk);
  form.addEventListener("change", ({ target }) => {
    if (/^(output|prompt)\[/.test(target.name)) history.record();
  });
  form.addEventListener("desk:change", draw);
  form.addEventListener("submit", (event) => holdIfIncomplete(desk, event), { capture: true });
  form.querySelector(".outputs").addEventListener("pointerup", () => desk.open(false));
  form.querySelector("[data-more]").addEventListener("click", () => desk.open(!form.classList.contains("open")));
  draw();
}

function undo(desk) {
  const letter = desk.history.undo();
  if (letter === null) return desk.words.say("nothing_to_undo");
  if (letter) desk.select(letter);
  return desk.words.say("undone", { letter: letter.toUpperCase(), order: desk.readback() });
}

function drawProgress(desk) {
  const { form, book, words } = desk, all = book.letters.length;
  const rated = all - desk.unrated().length, ranked = all - book.unranked().length;
  for (const letter of book.letters) {
    desk.card(letter).querySelector("[data-summary]").textContent = desk.summary(letter);
  }
  const sentence = book.ranked ? "progress" : "progress_rated";
  form.querySelector("[data-progress]").textContent = words.tell(sentence, { rated, ranked, all });
  const worst = Math.max(...book.letters.map(book.rank));
  const hasGap = book.ranked && ranked === all && worst > book.tiers().length;
  if (book.ranked) form.querySelector("[data-gap]").textContent = hasGap ? words.tell("gaps_close") : "";
  form.classList.toggle("complete", rated === all && ranked === all);
}

/** Name what is missing and go there, once; else close the gaps and let it go. */
function holdIfIncomplete(desk, event) {
  const { form, book, words } = desk, unranked = book.unranked(), unrated = desk.unrated();
  const about = form.querySelector("[data-prompt-judge]"), prompt = about ? missingIn(about) : [];
  if (!unranked.length && !unrated.length && !prompt.length) return book.ranked && book.setTiers(book.tiers());
  event.preventDefault();
  event.stopImmediatePropagation();
  const first = unranked[0] ?? unrated[0], names = (letters) => letters.join(", ").toUpperCase();
  if (first) desk.select(first);
  else about.open = true;
  return words.announce([
    unranked.length && words.tell("missing_rank", { letters: names(unranked) }),
    unrated.length && words.tell("missing_rating", { letters: names(unrated) }),
    prompt.length && words.tell("missing_prompt", { labels: prompt.map((group) => group.dataset.label).join(", ") }),
  ].filter(Boolean).join(" "));
}
