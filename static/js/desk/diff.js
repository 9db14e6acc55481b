// Which words texts share, and marks for them inside the formatted text.
const WORD = /[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu, LINE = /[^\n]+/g;
const LONG = 3000; // pieces; beyond this, whole lines are compared, because the cost is words times words
const LONGEST = 100_000; // characters; beyond this, words are not even counted
const RUN = 3; // words in a row that several texts must share, for a single one is chance

/** The words (or lines) below an element, each with its text node and place. A formula is one piece. */
export function piecesOf(root, pattern = WORD) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) =>
    node.parentElement.closest("math") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const pieces = [];
  for (let node = walk.nextNode(); node; node = walk.nextNode())
    if (node.nodeType === Node.TEXT_NODE)
      for (const hit of node.data.matchAll(pattern)) pieces.push({ node, start: hit.index, text: hit[0] });
    else if (node.localName === "math") pieces.push({ node, text: node.innerHTML });
  return pieces;
}

/** The pieces of several texts, all by words or all by lines, and how many in a row are more than chance. */
export function piecesOfAll(roots) {
  const isHuge = roots.some((root) => root.textContent.length > LONGEST);
  const words = isHuge ? [] : roots.map((root) => piecesOf(root));
  const byLine = isHuge || words.some((list) => list.length > LONG);
  return byLine ? { lists: roots.map((root) => piecesOf(root, LINE)), run: 1 } : { lists: words, run: RUN };
}

/** For each of two lists, which of its pieces are shared: a longest common subsequence between equal ends. */
export function shared(a, b) {
  const inA = a.map(() => false), inB = b.map(() => false), same = (i, j) => a[i].text === b[j].text;
  let start = 0, endA = a.length, endB = b.length;
  while (start < endA && start < endB && same(start, start)) inA[start] = inB[start++] = true;
  while (start < endA && start < endB && same(endA - 1, endB - 1)) inA[--endA] = inB[--endB] = true;
  const middle = (endA - start) * (endB - start) > LONG * LONG ? heldByBoth : longestCommon;
  const numbers = new Map(), number = ({ text }) => numbers.get(text) ?? numbers.set(text, numbers.size).get(text);
  middle(Int32Array.from(a.slice(start, endA), number), Int32Array.from(b.slice(start, endB), number), (i, j) => {
    if (i !== null) inA[start + i] = true;
    if (j !== null) inB[start + j] = true;
  });
  return [inA, inB];
}

function longestCommon(a, b, pair) {
  const width = b.length + 1, best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1, at = i * width + j; j >= 0; j--, at--)
      best[at] = a[i] === b[j] ? best[at + width + 1] + 1 : Math.max(best[at + width], best[at + 1]);
  for (let i = 0, j = 0; i < a.length && j < b.length; )
    if (a[i] === b[j]) pair(i++, j++);
    else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
    else j++;
}

/** Too long to be put in order: what the other holds anywhere. */
function heldByBoth(a, b, pair) {
  const ofA = new Set(a), ofB = new Set(b);
  a.forEach((word, i) => ofB.has(word) && pair(i, null));
  b.forEach((word, j) => ofA.has(word) && pair(null, j));
}

/** For each of many lists, which of its pieces stand in a run of words that every list holds, wherever it stands. */
export function commonToAll({ lists, run }) {
  const runsOf = (list) => list.slice(run - 1).map((_, i) => list.slice(i, i + run).map(({ text }) => text).join("\n"));
  const runs = lists.map(runsOf);
  const common = runs.map((each) => new Set(each)).reduce((one, other) => one.intersection(other));
  return lists.map((list, number) => {
    const flags = list.map(() => false);
    runs[number].forEach((text, i) => common.has(text) && flags.fill(true, i, i + run));
    return flags;
  });
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
    if (start === undefined) range.selectNode(node);
    else {
      range.setEnd(node, start + text.length);
      while (i > 0 && wanted[i - 1] && pieces[i - 1].node === node) i--;
      range.setStart(node, pieces[i].start);
    }
    range.surroundContents(Object.assign(document.createElement("mark"), { className: name }));
  }
}

/** A copy of what an element holds, to be put back when its marks go. */
export const keptFrom = (element) => {
  const nodes = [...element.cloneNode(true).childNodes];
  return () => element.replaceChildren(...nodes);
};
