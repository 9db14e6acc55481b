// What was judged, as the form would post it: read, written back, and taken back step by step.
const JUDGED = /^(rank|output|prompt|pair)\[|^(text|instruction|use_case)$/;

/** The judgements as [name, value] pairs. */
export const judgements = (form) => [...new FormData(form)].filter(([name]) => JUDGED.test(name));

/** Whoever adds fields as one goes listens to "desk:restoring" and makes room for all entries. */
export function restore(form, entries) {
  form.dispatchEvent(new CustomEvent("desk:restoring", { detail: entries }));
  const chosen = new Set(entries.map(([name, value]) => `${name}\n${value}`)), typed = new Map(entries);
  for (const field of form.elements) {
    if (!JUDGED.test(field.name)) continue;
    if (field.matches("[type=radio], [type=checkbox]")) field.checked = chosen.has(`${field.name}\n${field.value}`);
    else field.value = typed.get(field.name) ?? "";
  }
}

export function history(form) {
  const past = [];
  let last = JSON.stringify(judgements(form));

  /** Call after each change; everybody who draws listens to "desk:change". */
  const record = () => {
    const now = JSON.stringify(judgements(form));
    if (now !== last) past.push(last);
    last = now;
    form.dispatchEvent(new CustomEvent("desk:change"));
  };

  /** Take the last change back. Returns the letter it was about, "" for the prompt, null where there is nothing. */
  const undo = () => {
    if (!past.length) return null;
    const before = last;
    last = past.pop();
    restore(form, JSON.parse(last));
    form.dispatchEvent(new CustomEvent("desk:change"));
    return letterThatDiffers(before, last);
  };
  form.addEventListener("desk:restored", record);
  return { record, undo };
}

function letterThatDiffers(one, two) {
  const lines = (text) => new Set(JSON.parse(text).map((entry) => entry.join("\n")));
  const [name] = [...lines(one).symmetricDifference(lines(two))].sort();
  return /^(?:rank|output)\[(\w)\]/.exec(name)?.[1] ?? "";
}
