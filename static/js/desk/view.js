// How the labeler likes the desk: folded prompt, columns, keys on or off. Kept on this device.
const stored = (name, fallback) => JSON.parse(localStorage.getItem(`rondo:${name}`) ?? JSON.stringify(fallback));
const store = (name, value) => localStorage.setItem(`rondo:${name}`, JSON.stringify(value));

export function view(desk) {
  const { form, words } = desk, outputs = form.querySelector(".outputs"), help = document.querySelector("[data-keys]");
  const prompt = form.querySelector(".prompt"), fold = form.querySelector("[data-fold]");
  const preferences = { keys: stored("keys", true), advance: stored("advance", true) };

  const foldPrompt = () => {
    const folded = prompt.classList.toggle("folded");
    fold.ariaExpanded = String(!folded);
    fold.firstElementChild.textContent = words.tell(folded ? "unfold" : "fold");
  };
  const setColumns = (n) => {
    outputs.dataset.columns = n;
    store("columns", n);
  };
  const nextColumns = () => {
    setColumns((Number(outputs.dataset.columns) + 1) % 5);
    const { columns } = outputs.dataset;
    words.say("columns", { columns: columns === "0" ? words.tell("automatic") : columns });
  };
  /** Guidelines and skip lie open over the page; true if one was closed. */
  const closePopovers = () => {
    const open = [...document.querySelectorAll("details.popover[open]")];
    for (const details of open) details.open = false;
    return open.length > 0;
  };

  for (const box of help.querySelectorAll("[data-preference]")) {
    const name = box.dataset.preference;
    box.checked = preferences[name];
    box.addEventListener("change", () => store(name, (preferences[name] = box.checked)));
  }
  document.addEventListener("pointerdown", ({ target }) => {
    if (!target.closest("details.popover")) closePopovers();
  });
  form.querySelector("[data-help]").addEventListener("click", () => help.showModal());
  fold.addEventListener("click", foldPrompt);
  outputs.dataset.columns = stored("columns", 0);
  return { preferences, foldPrompt, nextColumns, closePopovers };
}
