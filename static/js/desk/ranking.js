// Ranking by digit, tie and half step. Gaps stay open while the labeler works; they close when the form is sent.
export function ranking(desk) {
  const { form, book, words, history } = desk;
  const names = (letters) => letters.join(", ").toUpperCase();
  let lastRanked = null;

  /** The order in words: "1: C, 2: A = E". */
  const readback = () => book.tiers().map((tier, n) => `${n + 1}: ${tier.join(" = ").toUpperCase()}`).join(", ");

  const nextUnranked = () => {
    const left = book.unranked(), here = book.letters.indexOf(desk.current);
    return left.find((letter) => book.letters.indexOf(letter) > here) ?? left[0];
  };

  /** What was just ranked, said with its ties, and where the labeler is now. */
  const tellRanked = (letter, then) => {
    const tied = book.sharing(letter);
    const values = { letter: names([letter]), rank: book.rank(letter), others: names(tied) };
    words.announce(`${words.tell(tied.length ? "tied" : "ranked", values)} ${then}`);
  };
  const tellRest = (letter) => {
    const left = book.unranked();
    if (left.length) tellRanked(letter, words.tell("to_rank", { letters: names(left) }));
    else tellRanked(letter, words.tell("all_ranked", { order: readback() }));
  };

  const put = (letter, n) => {
    book.setRank(letter, n);
    lastRanked = n ? letter : null;
    history.record();
  };
  const stays = () => !desk.preferences.advance || form.classList.contains("comparing") || !book.unranked().length;

  /** Rank the current output and go on to the next unranked one. */
  const rank = (n) => {
    const letter = desk.current;
    if (n > book.letters.length) return words.say("rank_range", { last: book.letters.length });
    put(letter, n);
    if (!n) return words.say("not_ranked", { letter: names([letter]) });
    if (stays()) return tellRest(letter);
    desk.select(nextUnranked());
    tellRanked(letter, words.tell("now", { letter: names([desk.current]) }));
  };
  /** Rank it where it is: after a drag or a click nobody is moved on. */
  const rankInPlace = (letter, n) => {
    put(letter, n);
    tellRest(letter);
  };
  const insert = (letter, n) => {
    book.insert(letter, n);
    lastRanked = letter;
    history.record();
    tellRest(letter);
  };
  const tie = () => {
    const other = lastRanked === desk.current ? null : lastRanked;
    if (other && book.rank(other)) rank(book.rank(other));
    else words.say("nothing_to_tie");
  };
  const nudge = (step) => {
    const letter = names([desk.current]);
    if (!book.rank(desk.current)) return words.say("rank_first", { letter });
    if (!book.nudge(desk.current, step)) return words.say("at_the_end", { letter });
    history.record();
    words.announce(readback());
  };

  form.addEventListener("change", ({ target }) => {
    const letter = /^rank\[(\w)\]$/.exec(target.name)?.[1];
    if (letter) rankInPlace(letter, Number(target.value));
  });
  return { rank, rankInPlace, insert, tie, nudge, readback };
}
