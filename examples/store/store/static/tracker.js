// Follows an order until it is final: by server-sent events while there is a stream, else by asking every two seconds.
const tracker = document.querySelector("[data-order]");
const POLL_MS = 2000;
const SLOW_MS = 8500;
let failures = 0;
let polling = 0;

async function refresh() {
  try {
    const answer = await fetch(`${tracker.dataset.order}/state`, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-status]");
    const shown = tracker.querySelector("[data-status]");
    if (fresh.dataset.state !== shown.dataset.state) replace(shown, fresh);
    failures = 0;
  } catch {
    failures += 1;
  }
  return undefined;
}

// What says the news is a live region that stays; only its text changes, so that it is read out.
function replace(shown, fresh) {
  const focused = shown.contains(document.activeElement);
  document.getElementById("news").textContent = fresh.querySelector("[data-news]").textContent;
  shown.replaceWith(fresh);
  if (focused) fresh.querySelector("h2, [data-news]").focus();
}

const isFinal = () => tracker.querySelector("[data-status]").dataset.final === "yes";

async function poll() {
  await refresh();
  if (!isFinal()) polling = setTimeout(poll, POLL_MS * Math.min(1 + failures, 5));
}

function listen() {
  const stream = new EventSource(`${tracker.dataset.order}/events`);
  stream.addEventListener("status", async () => {
    await refresh();
    if (isFinal()) stream.close();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED || polling) return;
    poll(); // no stream is free: ask instead
  });
  // "It takes longer than usual" is no change of the status, so it is asked for, once.
  setTimeout(() => {
    if (!isFinal() && !polling) refresh();
  }, SLOW_MS);
  addEventListener("pagehide", () => stream.close());
}

if (tracker && !isFinal()) listen();
