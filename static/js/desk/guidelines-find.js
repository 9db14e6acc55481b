// Finds words in an element without changing it: matches are highlighted, and one of them is the current one.
const escaped = (words) => words.trim().replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replace(/\s+/g, "\\s+");

/** The text below an element, blocks apart, and where in it each text node begins. */
function textOf(root) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), nodes = [];
  let text = "";
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    nodes.push({ node, start: text.length });
    text += node.data;
  }
  return { nodes, text };
}

function rangesOf(root, words) {
  if (!words.trim()) return [];
  const { nodes, text } = textOf(root), range = (from, to) => {
    const at = (place) => nodes.findLast(({ start }) => start <= place), first = at(from), last = at(to - 1);
    const made = new Range();
    made.setStart(first.node, from - first.start);
    made.setEnd(last.node, to - last.start);
    return made;
  };
  return [...text.matchAll(new RegExp(escaped(words), "giu"))].map((hit) => range(hit.index, hit.index + hit[0].length));
}

export function finder(root) {
  let matches = [], current = 0;

  const show = () => {
    const match = matches[current];
    CSS.highlights.set("found", new Highlight(...matches));
    CSS.highlights.set("found-now", new Highlight(...(match ? [match] : [])));
    if (match) {
      const box = match.getBoundingClientRect(), view = root.getBoundingClientRect();
      if (box.top < view.top || box.bottom > view.bottom) root.scrollTop += box.top - view.top - view.height / 3;
    }
    return { place: matches.length && current + 1, count: matches.length };
  };
  const search = (words) => {
    matches = rangesOf(root, words);
    current = 0;
    return show();
  };
  /** To the next match (1) or the one before (-1), round and round. */
  const step = (by) => {
    if (matches.length) current = (current + by + matches.length) % matches.length;
    return show();
  };
  return { search, step };
}
