// One ceremony: asks the process what is next, asks the browser for it, reports back.

import { buttons, drawEnd, drawStep, relabel, say } from "./screen.js";
import { seal } from "./sealing.js";
import { language, text } from "./texts.js";
import { fromCredential, toOptions } from "./webauthn.js";

// A browser that refuses faster than a person can wants a click first.
const INSTANT = 400; // milliseconds

const session = takeSession();
let view = {};
let purpose = null;
let created = null; // a passkey that was made but is not accepted yet
let pending = null; // the AbortController of an open prompt

document.documentElement.lang = language();
buttons.go.addEventListener("click", run);
buttons.cancel.addEventListener("click", cancel);
begin();

// The token and the key leave the address bar at once; the history entry keeps them, so
// that a reload goes on where it was.
function takeSession() {
  const [token, key] = location.hash.slice(1).split(".");
  if (token && key) {
    history.replaceState({ token, key }, "", "/");
  }
  return history.state;
}

async function begin() {
  if (!session) {
    drawEnd(text.refused, text.noKey);
    return;
  }
  await take(post("step", {}));
  if (view.kind && !window.PublicKeyCredential) {
    say(text.noPasskeys, true);
    buttons.go.hidden = true;
  }
}

// One click starts the ceremony; later prompts follow by themselves where the browser
// lets them.
async function run() {
  for (let clicked = true; view.kind; clicked = false) {
    const { step } = view;
    buttons.go.disabled = true;
    say(text.waiting);
    const started = performance.now();
    let answer;
    try {
      answer = await ask();
    } catch (error) {
      const wantsClick = !clicked && performance.now() - started < INSTANT;
      await stumble(error, wantsClick);
      return;
    }
    say("");
    await take(post("answer", { step, ...answer }));
  }
}

async function ask() {
  const { kind, options } = view;
  pending = new AbortController();
  const credential = await navigator.credentials[kind](toOptions(options, pending.signal));
  const { json, secret } = fromCredential(credential);
  if (kind === "create") {
    created = { rpId: options.publicKey.rp.id, credentialId: json.id };
  }
  const sealed = secret && (await seal(secret, session.key, options.publicKey.challenge));
  return { response: json, sealed };
}

async function stumble(error, wantsClick) {
  if (pending.signal.aborted) {
    return; // by the cancel button, which does the rest
  }
  if (wantsClick) {
    say(text.goOn);
    offer(text.continue);
    return;
  }
  const name = error?.name ?? "Error";
  say(text.failures[name] ?? text.failures.other, true);
  offer(text.again);
  relabel(buttons.cancel, view.more ? text.other : text.giveUp);
  await take(post("failure", { name }), false);
}

function offer(label) {
  relabel(buttons.go, label);
  buttons.go.focus(); // a disabled button has lost it
}

async function cancel() {
  pending?.abort();
  buttons.cancel.disabled = true;
  await take(post("cancel", {}));
}

// Shows what a reply says, or that nobody is there any more.
async function take(reply, redraw = true) {
  try {
    view = await reply;
  } catch {
    view = {};
    drawEnd(text.lostTitle, text.lost);
    return;
  }
  if (view.outcome) {
    await finish();
  } else {
    purpose = view.purpose;
    if (redraw) {
      drawStep(view);
    }
  }
}

async function finish() {
  history.replaceState(null, "", "/");
  if (view.outcome === "done") {
    drawEnd(text[purpose].doneTitle, text[purpose].done);
    return;
  }
  drawEnd(text.refused, view.message, view.hint, text.closePage);
  if (created) {
    // Password managers that know this call take the useless passkey off their lists.
    await window.PublicKeyCredential.signalUnknownCredential?.(created).catch(() => {});
  }
}

async function post(action, message) {
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
