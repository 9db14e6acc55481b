// How long the task was on the screen, and how long somebody was at it. Idle time is not work.
const IDLE = 60; // seconds without key, pointer or scroll after which nobody counts as present
const HEARTBEAT = 60;
const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel", "touchmove"];

export function presence(form) {
  const shown = form.elements.shown_seconds, active = form.elements.active_seconds;
  let lastSign = performance.now(), beaten = 0;
  const sign = () => (lastSign = performance.now());
  const isActive = () => performance.now() - lastSign < IDLE * 1000;

  const beat = () => {
    const body = new URLSearchParams({ shown_seconds: shown.value, active_seconds: active.value });
    fetch(form.dataset.heartbeat, { method: "POST", body, headers: { "X-CSRF-Token": form.elements.csrf_token.value } })
      .catch(() => {}); // offline: the lease runs on, and late work is taken all the same
  };
  const tick = () => {
    if (document.hidden) return;
    shown.value = Number(shown.value) + 1;
    if (!isActive()) return;
    active.value = Number(active.value) + 1;
    if (++beaten % HEARTBEAT === 0) beat();
  };
  for (const event of SIGNS) addEventListener(event, sign, { passive: true });
  setInterval(tick, 1000);
}
