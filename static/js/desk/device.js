// What this device keeps of a task until the server has it: one copy for each window in which somebody worked on it.
const PREFIX = "rondo:draft:";

/** A device that is full or lets nothing be kept must not stop anybody's work: the server still has the draft. */
const trying = (act) => {
  try {
    return act();
  } catch {
    return undefined;
  }
};

export function device(assignment, name) {
  const ours = `${PREFIX}${assignment}:`, place = ours + name;
  const places = () => trying(() => Object.keys(localStorage).filter((key) => key.startsWith(ours))) ?? [];
  const read = (key) => trying(() => JSON.parse(localStorage.getItem(key)));

  const keep = (copy) => trying(() => localStorage.setItem(place, JSON.stringify({ at: Date.now(), ...copy })));
  const forget = (key = place) => trying(() => localStorage.removeItem(key));
  const forgetAll = () => places().forEach(forget);

  /** What other windows left here, newest first. */
  const left = () => {
    const copies = places().filter((key) => key !== place).map((key) => ({ key, ...read(key) }));
    return copies.filter((copy) => Array.isArray(copy.entries)).sort((one, two) => two.at - one.at);
  };
  return { keep, forget, forgetAll, left };
}

export const newName = () => crypto.getRandomValues(new Uint32Array(3)).reduce((name, part) => name + part.toString(36), "");
