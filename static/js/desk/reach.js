// Chords for what stands beside the task, also while one writes: an element says its own, as aria-keyshortcuts="Alt+G".
const letterOf = ({ key, code }) => (/^[a-z]$/i.test(key) ? key.toUpperCase() : /^Key([A-Z])$/.exec(code)?.[1]);

export default function reach(bar) {
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog:modal")) return;
    const those = bar.closest("form").querySelectorAll(`[aria-keyshortcuts="Alt+${letterOf(event)}"]`);
    const wanted = [...those].find((element) => element.checkVisibility()) ?? those[0]; // a narrow bar hides some
    if (!wanted) return;
    event.preventDefault();
    wanted.focus(); // where one comes back to
    wanted.click();
  });
}
