// The page: draws the state that the process tells, and asks for the next one.

import { Gone, Refusal, call, note, on, session, state } from "./api.js";
import { drawBackups } from "./backups.js";
import { resume } from "./ceremony.js";
import { ask, closeAll, isOpen, sentences } from "./dialog.js";
import { button, byId, make, paragraph, redraw } from "./dom.js";
import { drawLock } from "./lock.js";
import { say } from "./saying.js";
import { drawSummary } from "./summary.js";
import { fill, language, text } from "./texts.js";
import { drawWays } from "./ways.js";
import { isBusy, tickWork } from "./work.js";

const POLL = { busy: 500, idle: 5000 }; // milliseconds
const USE = 20_000; // milliseconds between two signs that somebody is here

const drawn = {}; // what each part was drawn from
let backups = null;
let listed = ""; // what the list of backups depends on
let warning = []; // what has to be known of what was done
let timer = 0;
let used = 0;
let over = false;

document.documentElement.lang = language();
document.title = `${text.title} · passkeep`;
begin();

async function begin() {
  if (!session) {
    end(text.ended.noKey);
    return;
  }
  on("state", draw);
  on("warning", (error) => {
    warning = [error.message, error.hint];
  });
  for (const event of ["keydown", "pointerdown", "wheel"]) {
    document.addEventListener(event, noteUse, { passive: true });
  }
  const { ceremony } = session;
  await poll();
  document.addEventListener("visibilitychange", () => document.hidden || poll());
  window.addEventListener("focus", () => poll().then(readAgain));
  if (ceremony && state?.ceremony?.ceremony === ceremony && state.ceremony.intent === "add") {
    run(() => resume(ceremony, { ...text.enrol, ...text.resume }), text.said.added);
  } else {
    note({ ceremony: null });
  }
}

async function poll() {
  clearTimeout(timer);
  if (over) {
    return;
  }
  await attempt(() => call("state"));
  clearTimeout(timer);
  timer = over ? 0 : setTimeout(poll, isBusy(state?.work) ? POLL.busy : POLL.idle);
}

// Somebody is here: the keyring stays unlocked a while longer.
function noteUse() {
  const now = performance.now();
  if (state?.keyring.status === "unlocked" && now - used > USE) {
    used = now;
    attempt(() => call("use"));
  }
}

// Does what a button stands for, and says what came of it: `done`, or what it makes of the
// result.
async function run(act, done = "") {
  say("");
  warning = [];
  const result = await attempt(act);
  if (result) {
    say(warning.length > 0 ? warning : typeof done === "function" ? done(result) : done, warning.length > 0);
    draw(state);
  }
  if (result?.work) {
    byId("work-title")?.focus();
  }
  poll();
}

async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Gone) {
      end(text.ended.gone);
    } else {
      say(sentences(error), true);
    }
    return null;
  }
}

function draw(now) {
  if (over || !now) {
    return;
  }
  const { keyring } = now;
  const there = ["locked", "unlocked"].includes(keyring.status);
  // One that this page is showing is still to be typed back.
  const lost = Boolean(now.offer) && !isOpen();
  drawLock(now, run);
  part("summary", [keyring, lost], (place) => {
    place.dataset.status = keyring.status;
    redraw(place, drawSummary(keyring, lost, run));
  });
  part("ways", [there && keyring, now.today], (place) => {
    place.hidden = !there;
    redraw(place, there ? drawWays(now, run) : []);
  });
  readIfNeeded(now);
  const steady = now.work && { ...now.work, done: 0, total: 0, seconds: isBusy(now.work) ? 0 : now.work.seconds };
  part("backups", [now.folder, steady, keyring.status, backups], drawList);
  part("foot", [now.code, keyring.path, now.version], (place) => redraw(place, foot(now)));
  tickWork(now.work);
}

function drawList(place) {
  place.hidden = false;
  redraw(place, drawBackups(state, backups, run, () => drawList(place)));
}

// Draws a part of the page where what it shows has changed.
function part(id, value, render) {
  const key = JSON.stringify(value);
  if (drawn[id] !== key) {
    drawn[id] = key;
    render(byId(id));
  }
}

// Reads the backups of the folder again, where something may have become of them.
function readIfNeeded(now) {
  const labels = now.keyring.slots.map((slot) => slot.label);
  const depends = JSON.stringify([now.folder, now.keyring.epoch, labels, now.work?.work, now.work?.status]);
  if (now.folder && depends !== listed) {
    listed = depends;
    readAgain();
  }
}

async function readAgain() {
  if (over || !state?.folder) {
    return;
  }
  try {
    backups = await call("backups");
  } catch (error) {
    if (!(error instanceof Refusal)) {
      attempt(() => Promise.reject(error));
      return;
    }
    backups = { message: error.message, hint: error.hint };
  }
  draw(state);
}

function foot({ code, keyring, version }) {
  return [
    make("p", {}, `${text.foot.code} `, make("strong", { class: "code" }, code), ` ${text.foot.compare}`),
    make("p", { class: "path" }, fill(text.foot.file, { path: keyring.path })),
    make("p", {}, `passkeep ${version}`),
    button(text.quit.go, () => run(quit), { kind: "quiet small", key: "quit" }),
  ];
}

async function quit() {
  const sure = await ask({
    title: text.quit.title,
    lines: isBusy(state.work) ? text.quit.busy : text.quit.lead,
    go: text.quit.go,
    submit: () => call("quit"),
  });
  if (sure) {
    end(text.ended.asked);
  }
  return null;
}

// The last screen: nothing is left to press.
function end({ title, lines }) {
  if (over) {
    return;
  }
  over = true;
  clearTimeout(timer);
  closeAll();
  history.replaceState(null, "", "/");
  for (const id of ["lock", "foot", "ways", "backups", "said"]) {
    byId(id).remove();
  }
  document.title = `${title} · passkeep`;
  byId("summary").dataset.status = "ended";
  byId("summary").replaceChildren(
    make("div", { class: "words" }, make("h1", { id: "title", tabindex: "-1" }, title), lines.map((line) => paragraph(line))),
  );
  byId("title").focus();
}
