// Talks to the process that serves this page, and keeps the newest state that it told.

import { seal } from "./sealing.js";

// The application refused: code, message, hint, and messages for single fields.
export class Refusal extends Error {
  constructor({ code, message, hint, fields }) {
    super(message);
    Object.assign(this, { code, hint, fields });
  }
}

// Nobody is there any more, or this page may not speak to whoever is.
export class Gone extends Error {}

export const session = takeSession();
export let state = null;

const listeners = [];

// The token and the key leave the address bar at once; the history entry keeps them, so
// that a reload goes on where it was.
function takeSession() {
  const [token, key] = location.hash.slice(1).split(".");
  if (token && key) {
    history.replaceState({ token, key }, "", "/");
  }
  return history.state;
}

export function onState(listener) {
  listeners.push(listener);
}

// Does something in the process. Returns its result; throws Refusal or Gone.
export async function call(action, message = {}) {
  let reply;
  let body;
  try {
    reply = await fetch(`/api/${action}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${session.token}`, "Content-Type": "application/json" },
      body: JSON.stringify(message),
      // The page sends no referrer; under that policy alone some browsers hide the Origin.
      referrerPolicy: "same-origin",
      cache: "no-store",
    });
    body = reply.ok || reply.status === 422 ? await reply.json() : null;
  } catch {
    throw new Gone();
  }
  if (!body) {
    throw new Gone();
  }
  accept(body.state);
  if (body.error) {
    throw new Refusal(body.error);
  }
  return body.result;
}

// What was typed, sealed to the process.
export function box(text) {
  return seal(new TextEncoder().encode(text), session.key, state.challenge);
}

function accept(next) {
  if (state && next.revision < state.revision) {
    return; // it arrived behind a newer one
  }
  state = next;
  for (const listener of listeners) {
    listener(state);
  }
}
