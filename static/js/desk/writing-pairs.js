// Pairs of a query and its response: one more, one less, and the one that was removed brought back.
const NUMBERED = ["name", "id", "for", "value", "aria-describedby"];

export function pairs(form, said) {
  const list = form.querySelector("[data-pairs]");
  if (!list) return;
  const add = form.querySelector("[data-add]"), bringBack = form.querySelector("[data-bring-back]");
  const fewest = Number(list.dataset.fewest), most = Number(list.dataset.most);
  const all = () => [...list.querySelectorAll("[data-pair]")], fields = (pair) => [...pair.querySelectorAll("textarea")];
  let removed = null;

  /** Numbered from 1 in their order, as the server numbers them. */
  const number = () => {
    const now = all();
    now.forEach((pair, place) => {
      pair.querySelector("[data-number]").textContent = place + 1;
      pair.querySelector("[data-removal]").hidden = now.length <= fewest;
      for (const part of pair.querySelectorAll(NUMBERED.map((name) => `[${name}]`).join())) {
        for (const name of NUMBERED.filter((each) => part.hasAttribute(each))) {
          part.setAttribute(name, part.getAttribute(name).replace(/\d+/, place + 1));
        }
      }
    });
    add.hidden = now.length >= most;
  };
  const append = () => {
    const pair = all().at(-1).cloneNode(true);
    for (const field of fields(pair)) field.value = field.textContent = "";
    list.append(pair);
    number();
    return pair;
  };
  const changed = (sentence, pair) => {
    number();
    bringBack.hidden = removed === null || all().length >= most;
    form.dispatchEvent(new CustomEvent("desk:change"));
    said.say(sentence, { number: pair });
  };
  const remove = (pair) => {
    const place = all().indexOf(pair);
    removed = { pair, place };
    pair.remove();
    changed("pair_removed", place + 1);
    fields(all()[Math.min(place, all().length - 1)])[0].focus();
  };

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove]");
    if (!button) return;
    event.preventDefault();
    remove(button.closest("[data-pair]"));
  });
  add.addEventListener("click", (event) => {
    event.preventDefault();
    const pair = append();
    changed("pair_added", all().length);
    fields(pair)[0].focus();
  });
  bringBack.addEventListener("click", () => {
    const { pair, place } = removed;
    removed = null;
    list.insertBefore(pair, all()[place] ?? null);
    changed("pair_back", place + 1);
    fields(pair)[0].focus();
  });
  form.addEventListener("desk:restoring", ({ detail }) => {
    const numbers = detail.map(([name]) => Number(/^pair\[(\d+)\]/.exec(name)?.[1] ?? 0));
    const wanted = Math.min(most, Math.max(fewest, ...numbers));
    while (all().length < wanted) append();
    while (all().length > wanted) all().at(-1).remove();
    number();
  });
}
