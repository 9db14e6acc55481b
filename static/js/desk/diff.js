// Which words two texts share, and marks for them inside the formatted text.
const WORD = /[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;
const LONG = 3000; // words; beyond this, whole lines are compared, because the cost is words times words

/** The words (or lines) below an element, each with its text node and place. */
export function piecesOf(root, pattern = WORD) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), pieces = [];
  for (let node = walk.nextNode(); node; node = walk.nextNode())
    for (const hit of node.data.matchAll(pattern)) pieces.push({ node, start: hit.index, text: hit[0] });
  return pieces;
}
export const patternFor = (...roots) => (roots.some((root) => piecesOf(root).length > LONG) ? /[^\n]+/g : WORD);

/** Longest common subsequence: for each list, which of its pieces are shared. */
export function shared(a, b) {
  const width = b.length + 1, best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      best[i * width + j] = a[i].text === b[j].text
        ? best[(i + 1) * width + j + 1] + 1
        : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
  const inA = a.map(() => false), inB = b.map(() => false);
  for (let i = 0, j = 0; i < a.length && j < b.length; )
    if (a[i].text === b[j].text) inA[i++] = inB[j++] = true;
    else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
    else j++;
  return [inA, inB];
}

/** Runs of true shorter than `least` become false: a lone shared word between two changes is chance, not likeness. */
export function withoutShortRuns(flags, least) {
  const kept = [...flags];
  for (let i = 0, start = 0; i <= kept.length; i++) {
    if (kept[i]) continue;
    if (i - start < least) kept.fill(false, start, i);
    start = i + 1;
  }
  return kept;
}

/** Wrap the wanted pieces in <mark>, neighbours in one. From the end, so that earlier places stay true. */
export function mark(pieces, wanted, name) {
  for (let i = pieces.length - 1; i >= 0; i--) {
    if (!wanted[i]) continue;
    const { node, start, text } = pieces[i], range = document.createRange();
    range.setEnd(node, start + text.length);
    while (i > 0 && wanted[i - 1] && pieces[i - 1].node === node) i--;
    range.setStart(node, pieces[i].start);
    range.surroundContents(Object.assign(document.createElement("mark"), { className: name }));
  }
}
