// Copies the value of the read-only field beside the button.
export default function copy(box) {
  const [field, button, told] = ["input", "[data-copy]", "[data-copied]"].map((part) => box.querySelector(part));
  if (!navigator.clipboard) return; // only in secure contexts; the field can still be selected by hand
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    told.textContent = told.dataset.text;
  });
}
