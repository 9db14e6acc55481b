// The order in one line of text, "c a=e b": typed, it moves the lanes; otherwise it reads them back.
export function line(desk) {
  const { form, book, history, words } = desk;
  const field = form.querySelector("[data-line]");

  const draw = () => {
    if (document.activeElement !== field) field.value = book.line();
  };
  field.addEventListener("input", () => {
    book.setTiers(book.parse(field.value));
    form.dispatchEvent(new CustomEvent("desk:change"));
  });
  field.addEventListener("change", () => {
    history.record();
    words.announce(desk.readback());
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    if (event.ctrlKey || event.metaKey) return; // sends the form
    event.preventDefault();
    event.stopPropagation();
    desk.select(desk.current);
  });
  form.addEventListener("desk:change", draw);
  field.addEventListener("blur", draw);
  draw();
  return { typeOrder: () => field.select() };
}
