// Talking to the app. What it refuses is a Problem with a message and a hint for the person.

export class Problem extends Error {
  constructor(message, hint = "", status = 0) {
    super(message);
    this.hint = hint;
    this.status = status;
  }
}

export const get = (path) => send("GET", path);
export const remove = (path) => send("DELETE", path);
export const post = (path, message = {}) =>
  send("POST", path, JSON.stringify(message), "application/json");
// The browser reads the file piece by piece while it sends it.
export const upload = (path, file) => send("POST", path, file, "application/octet-stream");

async function send(method, path, body, type) {
  let reply;
  try {
    reply = await fetch(path, { method, body, headers: type ? { "Content-Type": type } : {} });
  } catch {
    throw new Problem("The app could not be reached.", "See whether it is still running.");
  }
  const content = await reply.json().catch(() => null);
  if (!reply.ok) {
    const { error = `The app refused this (${reply.status}).`, hint } = content ?? {};
    throw new Problem(error, hint, reply.status);
  }
  return content ?? {};
}
