// The rank rail: chips in lanes (the same lane is a tie), a thin slot between lanes to insert, a tray for the rest. How
// near a slot a chip must be let go is for the stylesheet to say.
import Sortable from "../../vendor/sortable.js";

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

export function lanes(desk) {
  const { form, book, words } = desk;
  const board = form.querySelector("[data-lanes]"), worst = book.letters.length;

  const list = (name, n, label) => {
    const drop = make("ul", { className: name === "before" ? "drop slot" : "drop", ariaLabel: label });
    drop.dataset[name] = n;
    return drop;
  };
  const lane = (n) => {
    const end = n === 1 ? words.tell("best") : n === worst ? words.tell("worst") : "";
    const title = words.tell("put_at", { rank: n });
    const head = make("button", { type: "button", className: "lane-name", title }, `${n} `, make("small", {}, end));
    head.addEventListener("click", () => desk.rank(n));
    return make("div", { className: "lane" }, head, list("rank", n, words.tell("rank_n", { rank: n })));
  };
  const tray = make("div", { className: "lane tray" },
    make("span", { className: "lane-name" }, words.tell("tray")), list("rank", 0, words.tell("tray")));

  const chips = book.letters.map((letter) => {
    const button = make("button", { type: "button", className: "chip" }, letter.toUpperCase());
    button.addEventListener("click", () => desk.select(letter));
    const chip = make("li", {}, button);
    chip.dataset.letter = letter;
    return chip;
  });

  const draw = () => {
    for (const chip of chips) {
      const { letter } = chip.dataset, rank = book.rank(letter), button = chip.firstChild;
      const drop = board.querySelector(`[data-rank="${rank}"]`);
      if (chip.parentNode !== drop) drop.append(chip);
      button.ariaLabel = words.tell(rank ? "chip_ranked" : "chip_unranked", { letter: letter.toUpperCase(), rank });
      button.ariaCurrent = letter === desk.current ? "true" : null;
    }
  };

  const drop = ({ item, to }) => {
    form.classList.remove("dragging");
    desk.take(item.dataset.letter);
    if (to.dataset.before) desk.insert(item.dataset.letter, Number(to.dataset.before));
    else desk.rankInPlace(item.dataset.letter, Number(to.dataset.rank));
  };
  const makeSortable = (element) => Sortable.create(element, {
    group: "ranks", sort: false, animation: 0, emptyInsertThreshold: 0, delay: 120, delayOnTouchOnly: true,
    onStart: () => form.classList.add("dragging"),
    onEnd: drop,
  });

  board.append(tray, lane(1));
  for (let n = 2; n <= worst; n++) {
    board.append(list("before", n, words.tell("between", { rank: n - 1, next: n })), lane(n));
  }
  board.querySelectorAll(".drop").forEach(makeSortable);
  form.addEventListener("desk:change", draw);
  form.addEventListener("desk:select", draw);
  draw();
}
