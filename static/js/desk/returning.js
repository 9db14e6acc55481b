// Where the back button and a reload lead: to the task as the server and this device have it. They send nothing.
export function returning(form) {
  const { unsaved, page } = form.dataset, undoing = form.elements.undoing ? "?undo=1" : "";
  // A page that answers what was sent would be sent again to be shown again.
  if (unsaved !== undefined) history.replaceState(history.state, "", page + undoing);
  // A page that the browser kept alive knows nothing of what was done since it was left.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}
