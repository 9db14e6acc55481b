// Tells the server in which time zone the reader's days begin. The zone's name is no secret and has no sign to escape.
const YEAR = 31_536_000; // seconds

export default function zone() {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions(), secure = location.protocol === "https:" ? "; Secure" : "";
  if (timeZone) document.cookie = `rondo-zone=${timeZone}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
}
