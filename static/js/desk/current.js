// One output is current: its card is marked, its judgement lies in the rail, keys act on it.
export function current(desk) {
  const { form, book } = desk, phone = matchMedia("(max-width: 54rem)");
  const outputs = form.querySelector(".outputs");
  const card = (letter) => form.querySelector(`[data-output="${letter}"]`);
  const panel = (letter) => form.querySelector(`[data-judge="${letter}"]`);
  let oursUntil = 0; // while this lies ahead, it is we who scroll, not the reader

  const mark = (letter) => {
    for (const other of book.letters) {
      card(other).toggleAttribute("aria-current", false);
      panel(other).hidden = other !== letter;
    }
    card(letter).setAttribute("aria-current", "true");
    desk.current = letter;
  };

  /** Is most of what could be seen of the card out of sight? Only then is a reader moved. */
  const outOfSight = (element) => {
    const box = element.getBoundingClientRect(), view = outputs.getBoundingClientRect();
    const top = Math.max(view.top, 0), bottom = Math.min(view.bottom, innerHeight);
    return Math.min(box.bottom, bottom) - Math.max(box.top, top) < Math.min(box.height, (bottom - top) * 0.4);
  };
  const bringUp = (element) => {
    oursUntil = performance.now() + 500;
    element.scrollIntoView({ block: "start" });
  };

  /** Make it current without moving anything. */
  const take = (letter) => {
    if (letter === desk.current) return;
    if (!card(letter).dataset.side) desk.endComparing?.();
    mark(letter);
    form.dispatchEvent(new CustomEvent("desk:select"));
  };
  /** Make it current, focus it and bring it into sight; picked again, back to its top. */
  const select = (letter) => {
    const again = letter === desk.current, element = card(letter);
    take(letter);
    element.focus({ preventScroll: true });
    if (again || phone.matches || outOfSight(element)) bringUp(element);
  };
  const step = (by) => select(book.letters.at((book.letters.indexOf(desk.current) + by) % book.letters.length));

  const followReading = new IntersectionObserver((seen) => {
    const hit = seen.find((entry) => entry.isIntersecting);
    if (hit && phone.matches && performance.now() > oursUntil) take(hit.target.dataset.output);
  }, { rootMargin: "-22% 0px -77% 0px" });

  const gather = () => {
    form.querySelector("[data-slot]").append(...book.letters.map(panel));
    for (const letter of book.letters) {
      card(letter).addEventListener("pointerup", () => take(letter));
      card(letter).addEventListener("focusin", () => take(letter));
      followReading.observe(card(letter));
    }
    mark(book.unranked()[0] ?? book.letters[0]);
  };
  return { card, panel, take, select, step, gather, phone };
}
