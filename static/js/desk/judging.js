// The attributes of the current output and of the prompt: set by key, summed up on the card, checked before sending.
export const isFilled = (group) => {
  const typed = group.querySelector("textarea, [type=number]");
  return typed ? typed.value.trim() !== "" : group.querySelector(":checked") !== null;
};
export const groupsIn = (panel) => [...panel.querySelectorAll("[data-attribute]")];
export const missingIn = (panel) => groupsIn(panel).filter((group) => "required" in group.dataset && !isFilled(group));

export function judging(desk) {
  const { form, book, words, history } = desk;
  const here = () => groupsIn(desk.panel(desk.current));
  const name = () => desk.current.toUpperCase();
  const scaleInFocus = () => document.activeElement.closest?.('[data-judge] [data-type="scale"]');
  const control = (group) => group.querySelector("input:checked") ?? group.querySelector("input, textarea");

  const flag = (group) => {
    const box = group.querySelector("input");
    box.checked = !box.checked;
    history.record();
    words.say(box.checked ? "flagged" : "not_flagged", { letter: name(), label: group.dataset.label });
  };
  /** A flag is turned; any other attribute takes the focus, so that digits, arrows or words can follow. */
  const reach = (group) => {
    if (group.dataset.type === "flag") return flag(group);
    open(true);
    control(group).focus();
  };
  /** The attribute with this shortcut: of the current output, else of the prompt. */
  const byKey = (key) => [...here(), ...promptGroups()].find((group) => group.dataset.key === key);
  const promptGroups = () => [...form.querySelectorAll("[data-prompt-judge] [data-attribute]")];

  /** Rate on the scale in focus, else on the first one. 0 clears. */
  const rate = (n) => {
    const scale = scaleInFocus() ?? here().find((group) => group.dataset.type === "scale");
    if (!scale) return;
    const radios = [...scale.querySelectorAll("input")], { label } = scale.dataset;
    const wanted = radios.find((radio) => Number(radio.value) === n);
    if (n && !wanted) return words.say("rating_range", { first: radios[0].value, last: radios.at(-1).value });
    for (const radio of radios) radio.checked = radio === wanted;
    history.record();
    words.say(wanted ? "rated" : "rating_cleared", { letter: name(), label, value: n, last: radios.at(-1).value });
  };

  const open = (on) => {
    const button = form.querySelector("[data-more]");
    form.classList.toggle("open", on);
    button.ariaExpanded = String(on);
    button.textContent = words.tell(on ? "less" : "more");
  };
  const judge = () => reachFirst((group) => group.dataset.type !== "flag");
  const note = () => reachFirst((group) => group.dataset.type === "text");
  const reachFirst = (wanted) => {
    const group = here().find(wanted) ?? here()[0];
    open(true);
    if (group) control(group).focus();
  };

  /** "Overall quality 2/7 · Hallucination", under the letter of the card. */
  const summary = (letter) => {
    const groups = groupsIn(desk.panel(letter)).filter(isFilled), parts = [];
    for (const group of groups) {
      const { type, label } = group.dataset, value = control(group).value;
      if (type === "scale") parts.push(`${label} ${value}/${[...group.querySelectorAll("input")].at(-1).value}`);
      else if (type === "number") parts.push(`${label} ${value}`);
      else if (type === "choice") parts.push(`${label}: ${control(group).parentElement.textContent.trim()}`);
      else parts.push(label);
    }
    return parts.join(" · ") || words.tell("not_rated");
  };
  const unrated = () => book.letters.filter((letter) => missingIn(desk.panel(letter)).length);

  return { rate, reach, byKey, open, judge, note, summary, unrated };
}
