// Moves the focus to what must be read first, such as the errors of a form.
export default function focus(element) {
  element.focus();
}
