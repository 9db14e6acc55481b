// The ranks of one task. The form's own radios are the only state: what is read here is what is posted.
export function ledger(form) {
  const letters = [...form.querySelectorAll("[data-output]")].map((card) => card.dataset.output);
  const radios = (letter) => form.elements[`rank[${letter}]`] ?? [];
  const ranked = radios(letters[0]).length > 0;

  const rank = (letter) => Number(radios(letter).value) || 0;
  const setRank = (letter, n) => {
    for (const radio of radios(letter)) radio.checked = Number(radio.value) === n;
  };
  const unranked = () => (ranked ? letters.filter((letter) => !rank(letter)) : []);
  const sharing = (letter) =>
    letters.filter((other) => other !== letter && rank(letter) && rank(other) === rank(letter));

  /** Ranked letters, best first, the tied together: [["c"], ["a", "e"], ["b"]]. Empty ranks vanish: always dense. */
  const tiers = () => {
    const byRank = Map.groupBy(letters.filter(rank), rank);
    return [...byRank].sort(([one], [two]) => one - two).map(([, tied]) => tied);
  };
  /** Write tiers back as ranks 1, 2, 3 ...; a letter in no tier becomes unranked. */
  const setTiers = (next) => {
    for (const letter of letters) setRank(letter, 1 + next.findIndex((tier) => tier.includes(letter)));
  };

  /** Put a letter on its own before all that is ranked `n` or worse. */
  const insert = (letter, n) => {
    const others = letters.filter((other) => other !== letter && rank(other));
    const better = new Set(others.filter((other) => rank(other) < n));
    const rest = tiers().map((tier) => tier.filter((other) => other !== letter)).filter((tier) => tier.length);
    rest.splice(rest.filter(([first]) => better.has(first)).length, 0, [letter]);
    setTiers(rest);
  };

  /** Half a step up (-1) or down (+1): a lone letter joins its neighbour, a tied one steps out. False at the end. */
  const nudge = (letter, step) => {
    const now = tiers(), at = now.findIndex((tier) => tier.includes(letter));
    if (at < 0) return false;
    if (now[at].length > 1) {
      now[at] = now[at].filter((other) => other !== letter);
      now.splice(step < 0 ? at : at + 1, 0, [letter]);
    } else if (now[at + step]) {
      now[at + step].push(letter);
      now.splice(at, 1);
    } else return false;
    setTiers(now);
    return true;
  };

  /** The order in a line, "C A=E B". */
  const line = () => tiers().map((tier) => tier.join("=").toUpperCase()).join(" ");

  /** "c a=e b" to tiers. A letter counts once; whatever is no letter of this task separates. */
  const parse = (text) => {
    const next = [], seen = new Set();
    let tie = false;
    for (const sign of text.toLowerCase()) {
      if (sign === "=") tie = next.length > 0;
      if (!letters.includes(sign) || seen.has(sign)) continue;
      seen.add(sign);
      if (tie) next.at(-1).push(sign);
      else next.push([sign]);
      tie = false;
    }
    return next;
  };

  return { letters, ranked, rank, setRank, unranked, sharing, tiers, setTiers, insert, nudge, line, parse };
}
