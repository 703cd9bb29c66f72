// Talks to the process that serves this page, and keeps the newest state that it told.

import { seal } from "./sealing.js";
import { text } from "./texts.js";

const BREATH = 400; // milliseconds until a process that did not answer is asked again

// The application refused: code, message, hint, and messages for single fields.
export class Refusal extends Error {
  constructor({ code, message, hint, fields = {} }) {
    super(message);
    Object.assign(this, { code, hint, fields });
  }
}

// Nobody is there any more, or this page may not speak to whoever is.
export class Gone extends Error {}

export const session = takeSession();
export let state = null;

const listeners = { state: [], warning: [] };

// The token and the key leave the address bar at once; the history entry keeps them, so
// that a reload goes on where it was.
function takeSession() {
  const [token, key] = location.hash.slice(1).split(".");
  if (token && key) {
    history.replaceState({ token, key }, "", "/");
  }
  return history.state;
}

// Keeps something beside the token, for after a reload. Nothing secret.
export function note(values) {
  if (history.state) {
    history.replaceState({ ...history.state, ...values }, "", "/");
  }
}

// "state": a new one is there. "warning": something was done, but has to be known.
export function on(event, listener) {
  listeners[event].push(listener);
}

// Does something in the process. Returns its result; throws Refusal or Gone.
export async function call(action, message = {}) {
  const body = await exchange(action, message);
  accept(body.state);
  if (body.error?.code === "not-synced") {
    // It was done and saved; only a power cut could undo it.
    listeners.warning.forEach((listener) => listener(body.error));
    return { outcome: "done", slot: null, kept: null };
  }
  if (body.error) {
    throw new Refusal(body.error);
  }
  return body.result;
}

// What was typed, sealed to the process.
export function box(typed) {
  return seal(new TextEncoder().encode(typed), session.key, state.challenge);
}

async function exchange(action, message) {
  let reply;
  let body;
  try {
    reply = await send(action, message);
    body = await read(reply);
  } catch {
    // To ask for the state again does no harm. Anything else might be done twice.
    await new Promise((resolve) => setTimeout(resolve, BREATH));
    try {
      reply = await send("state", {});
      body = await read(reply);
    } catch {
      throw new Gone();
    }
    if (body && action !== "state") {
      body = { state: body.state, error: { code: "lost", ...text.lostAnswer } };
    }
  }
  if (body) {
    return body;
  }
  if (reply.status === 401 || reply.status === 410) {
    throw new Gone();
  }
  throw new Refusal({ code: "unfit", ...text.unfit });
}

function send(action, message) {
  return fetch(`/api/${action}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${session.token}`, "Content-Type": "application/json" },
    body: JSON.stringify(message),
    // The page sends no referrer; under that policy alone some browsers hide the Origin.
    referrerPolicy: "same-origin",
    cache: "no-store",
  });
}

const read = (reply) => (reply.ok || reply.status === 422 ? reply.json() : null);

function accept(next) {
  if (state && next.revision < state.revision) {
    return; // it arrived behind a newer one
  }
  state = next;
  listeners.state.forEach((listener) => listener(state));
}
