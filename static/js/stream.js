// One stream of server-sent events for all modules of a page that follow the same address.
const streams = new Map(), KINDS = ["line", "pace", "glimpse", "state", "stale"], RETRY = 10_000;

/** Calls `hear[kind](facts)`. "stale" says that something may have been missed; it also comes when the stream begins. */
export function follow(address, hear) {
  if (!streams.has(address)) streams.set(address, begin(address));
  streams.get(address).push(hear);
}

function begin(address) {
  const hearers = [];
  const tell = (kind, facts) => hearers.forEach((hear) => hear[kind]?.(facts));
  const open = () => {
    const source = new EventSource(address);
    for (const kind of KINDS) source.addEventListener(kind, ({ data }) => tell(kind, JSON.parse(data)));
    source.addEventListener("error", () => source.readyState === EventSource.CLOSED && setTimeout(open, RETRY));
  };
  open();
  return hearers;
}
