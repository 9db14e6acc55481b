// Chords for what stands in the bar, also while one writes: an element says its own, as aria-keyshortcuts="Alt+G".
const letterOf = ({ key, code }) => (/^[a-z]$/i.test(key) ? key.toUpperCase() : /^Key([A-Z])$/.exec(code)?.[1]);

export default function reach(bar) {
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog:modal")) return;
    const wanted = bar.querySelector(`[aria-keyshortcuts="Alt+${letterOf(event)}"]`);
    if (!wanted) return;
    event.preventDefault();
    wanted.click();
  });
}
