// Talking to the process that serves this page.

// What the address of the page brought; null where it was opened without it.
export const session = takeSession();

// The token and the key leave the address bar at once; the history entry keeps them, so
// that a reload goes on where it was.
function takeSession() {
  const [token, key] = location.hash.slice(1).split(".");
  if (token && key) {
    history.replaceState({ token, key }, "", "/");
  }
  return history.state;
}

// After the end there is nothing to come back to.
export function forgetSession() {
  history.replaceState(null, "", "/");
}

// Throws where nobody answers, or nobody wants to.
export async function post(action, message = {}) {
  const reply = await fetch(`/api/${action}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${session.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(message),
    // The page sends no referrer; under that policy alone some browsers hide the Origin.
    referrerPolicy: "same-origin",
    cache: "no-store",
  });
  if (!reply.ok) {
    throw new Error(String(reply.status));
  }
  return reply.json();
}
