// While examples are looked at, the desk's keys sleep; Escape closes them and goes back to where they were asked for.
export default function examples(box) {
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault();
    box.hidePopover();
  });
}
