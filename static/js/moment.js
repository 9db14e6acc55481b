// Shows a moment in the reader's own zone and language; the server wrote it in UTC.
export default function moment(element) {
  const when = new Date(element.dateTime);
  element.title = element.textContent + " UTC";
  element.textContent = when.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}
