// One ceremony: asks the process what is next, asks the browser for it, reports back.

import { forgetSession, post, session } from "./process.js";
import { buttons, drawEnd, drawPause, drawStep, drawTrouble, drawWaiting } from "./screen.js";
import { seal } from "./sealing.js";
import { alone, makeRoom } from "./tabs.js";
import { howItEnded, language, text } from "./texts.js";
import { fromCredential, toBase64url, toBytes, toOptions } from "./webauthn.js";

const INSTANT = 400; // milliseconds: a person cannot refuse faster, but a browser can
const BREATH = 1000; // milliseconds until a process that did not answer is asked again

let view = {}; // the present step
let over = false;
let prompt = null; // the AbortController of an open prompt
let created = null; // a passkey that was made but is not accepted yet
let answering = false; // whether the process may be accepting it

document.documentElement.lang = language();
buttons.go.addEventListener("click", run);
buttons.cancel.addEventListener("click", cancel);
begin();

async function begin() {
  if (!session) {
    drawEnd("ended", text.noKey);
    return;
  }
  await alone(() => drawEnd("ended", text.otherTab));
  if (!(await hear(post("step")))) {
    return;
  }
  drawStep(view);
  watch();
  notify(view.notices ?? []);
  const lacking = await lacks();
  if (lacking && !over) {
    await stumble(lacking);
  }
}

// What this browser cannot do, as far as it says so.
async function lacks() {
  if (!window.PublicKeyCredential) {
    return "NoWebAuthn";
  }
  const can = await PublicKeyCredential.getClientCapabilities?.().catch(() => null);
  return can?.["extension:prf"] === false ? "NoPrf" : null;
}

// One click starts the ceremony; later prompts follow by themselves where the browser
// lets them.
async function run() {
  for (let clicked = true; ; clicked = false) {
    const { step } = view;
    drawWaiting(view);
    const started = performance.now();
    let answer;
    try {
      answer = await ask();
    } catch (error) {
      if (prompt.signal.aborted) {
        return; // by the cancel button or the end, which do the rest
      }
      if (!clicked && performance.now() - started < INSTANT) {
        drawPause(view);
      } else {
        await stumble(error?.name ?? "Error");
      }
      return;
    }
    answering = true;
    const goesOn = await hear(post("answer", { step, ...answer }));
    answering = false;
    if (!goesOn) {
      return;
    }
    if (view.step === step) {
      drawTrouble(view, "other"); // the answer got lost
      return;
    }
  }
}

async function ask() {
  const { kind, options } = view;
  prompt = new AbortController();
  const credential = await navigator.credentials[kind](toOptions(options, prompt.signal));
  const { json, secret } = fromCredential(credential);
  if (kind === "create") {
    created = { rpId: options.publicKey.rp.id, credentialId: json.id };
  } else {
    await rename(credential);
  }
  const sealed = secret && (await seal(secret, session.key, options.publicKey.challenge));
  return { response: json, sealed };
}

async function stumble(name) {
  drawTrouble(view, name);
  await hear(post("failure", { name }));
}

async function cancel() {
  prompt?.abort();
  buttons.cancel.disabled = true;
  await hear(post("cancel"));
}

// Takes in a reply, and says whether the ceremony goes on.
async function hear(reply) {
  let news;
  try {
    news = await reply.catch(() => post("step"));
  } catch {
    end("ended", text.lost);
    if (!answering) {
      forgetPasskey();
    }
    return false;
  }
  if (news.outcome) {
    finish(news);
  } else {
    view = news;
  }
  return !over;
}

// The process tells at once that it has ended the ceremony. That it is gone, or that this
// page is, the other one notices within seconds.
async function watch() {
  let { step } = view;
  while (!over) {
    try {
      const news = await post("watch", { step });
      step = news.step;
      if (news.outcome) {
        finish(news);
      }
    } catch {
      await new Promise((resolve) => setTimeout(resolve, BREATH));
      if (!over) {
        await hear(post("step"));
      }
    }
  }
}

function finish(news) {
  const done = news.outcome === "done";
  const words = howItEnded(view, news);
  end(done ? "done" : words.calm ? "ended" : "refused", words);
  if (!done) {
    forgetPasskey();
  }
}

function end(state, words) {
  if (over) {
    return;
  }
  over = true;
  prompt?.abort();
  forgetSession();
  makeRoom();
  drawEnd(state, words);
}

// Tells the password manager of passkeys that open nothing any more. Nobody waits for it.
async function notify(notices) {
  const gone = notices.filter(({ name }) => name === null).map(({ credential }) => credential);
  for (const credentialId of gone) {
    await tell("signalUnknownCredential", { credentialId }, credentialId);
  }
}

// Tells it the new name of the passkey that has just answered: only then the page knows by
// which user id it is listed.
async function rename({ id, response }) {
  const notice = view.notices?.find(({ credential, name }) => name && credential === id);
  if (notice && response.userHandle?.byteLength) {
    const userId = toBase64url(toBytes(response.userHandle));
    const { name } = notice;
    await tell("signalCurrentUserDetails", { userId, name, displayName: name }, id);
  }
}

async function tell(method, details, credential) {
  try {
    if (PublicKeyCredential[method]) {
      await PublicKeyCredential[method]({ rpId: location.hostname, ...details });
      await post("told", { credentials: [credential] });
    }
  } catch {
    // Another page will try again.
  }
}

// Password managers that know this call take a useless passkey off their lists.
function forgetPasskey() {
  if (created) {
    window.PublicKeyCredential.signalUnknownCredential?.(created).catch(() => {});
    created = null;
  }
}
