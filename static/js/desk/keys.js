// One key, one act. Digits go by place on the keyboard, letters by what they print, else by place.
const isTyping = (element) =>
  element.matches("textarea, select, input:not([type=radio], [type=checkbox])") || element.isContentEditable;

export const sendsForm = (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter";

/** The desk's own acts, by key. Its letters are those that a rating form cannot have: `DESK_KEYS` in projects/forms.py. */
export const actsOf = (desk, help) => ({
  "=": desk.tie, "?": () => help.showModal(), Backspace: () => desk.rank(0), Enter: desk.judge, "/": desk.note,
  ArrowLeft: () => desk.step(-1), ArrowRight: () => desk.step(1), Escape: () => backToText(desk),
  q: desk.foldPrompt, r: desk.typeOrder, w: desk.nextColumns, z: desk.undo,
  ",": desk.toggleCommon, ".": () => desk.toggleWritten(),
});

function backToText(desk) {
  if (desk.closePopovers() || desk.endComparing?.()) return;
  desk.open(false);
  desk.select(desk.current);
}

export function keys(desk) {
  const { form, book } = desk, help = document.querySelector("[data-keys]"), acts = actsOf(desk, help);
  const submit = () => form.requestSubmit(form.querySelector("[data-submit]"));
  const digit = book.ranked ? desk.rank : desk.rate;

  const letterAct = (event) => {
    // A keyboard without Latin letters still reaches them by place; elsewhere a sign may lie where others have a letter.
    const { key, code } = event, isPrinted = /^[a-z]$/i.test(key) || key in acts;
    const name = isPrinted || !/^Key[A-Z]$/.test(code) ? key : code.slice(3);
    const low = name.length === 1 ? name.toLowerCase() : name;
    if (book.letters.includes(low))
      return () => (event.shiftKey && low !== desk.current ? desk.compareWith(low) : desk.select(low));
    const group = desk.byKey(low);
    return group ? () => desk.reach(group) : acts[low];
  };

  /** What this press means, or nothing. */
  const actOf = (event) => {
    const { key, code, target } = event, chord = event.ctrlKey || event.metaKey;
    if (sendsForm(event)) return submit;
    if (isTyping(target)) return key === "Escape" ? () => desk.select(desk.current) : undefined;
    if (event.altKey && !chord && /^Arrow(Up|Down)$/.test(key)) return () => desk.nudge(key === "ArrowUp" ? -1 : 1);
    if (chord || event.altKey) return undefined;
    if (key === "Enter" && target.matches("button, a, summary")) return undefined;
    if (key.startsWith("Arrow") && target.matches("input, pre, .prompt-text")) return undefined; // these move
    if (!desk.preferences.keys && !["Enter", "Escape"].includes(key)) return undefined;
    if (key === "=" || key === "?") return acts[key]; // before digits: the German = is Shift+0
    const number = /^Digit(\d)$/.exec(code)?.[1] ?? /^\d$/.exec(key)?.[0];
    if (number) return () => (event.shiftKey ? desk.rate : digit)(Number(number));
    return letterAct(event);
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || help.open || event.defaultPrevented) return; // 229: so it ends in Safari
    const act = actOf(event);
    if (!act) return;
    event.preventDefault();
    act();
  });
}
