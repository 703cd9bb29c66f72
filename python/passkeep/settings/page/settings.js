// The page: draws the state that the process tells, and asks for the next one.

import { Gone, Refusal, call, onState, session, state } from "./api.js";
import { drawBackups, isBusy } from "./backups.js";
import { addPasskey, turnOff } from "./changes.js";
import { close, sentence } from "./dialog.js";
import { button, byId, make, paragraph, redraw } from "./dom.js";
import { minutes, moment } from "./format.js";
import { turnOn } from "./keys.js";
import { open } from "./opening.js";
import { fill, language, text } from "./texts.js";
import { drawWays } from "./ways.js";

const POLL = { busy: 500, idle: 5000 }; // milliseconds
const USE = 20_000; // milliseconds between two signs that somebody is here

const drawn = {}; // what each part was drawn from
let backups = null;
let listed = ""; // what the list of backups depends on
let timer = 0;
let used = 0;
let over = false;

document.documentElement.lang = language();
begin();

async function begin() {
  if (!session) {
    end(text.refused, text.noKey);
    return;
  }
  onState(draw);
  for (const event of ["keydown", "pointerdown", "wheel"]) {
    document.addEventListener(event, noteUse, { passive: true });
  }
  document.addEventListener("visibilitychange", poll);
  await poll();
}

async function poll() {
  clearTimeout(timer);
  await attempt(() => call("state"));
  if (!over) {
    timer = setTimeout(poll, isBusy(state?.work) ? POLL.busy : POLL.idle);
  }
}

// Somebody is here: the keyring stays unlocked a while longer.
function noteUse() {
  const now = performance.now();
  if (state?.keyring.status === "unlocked" && now - used > USE) {
    used = now;
    attempt(() => call("use"));
  }
}

// Does what a button stands for, and says what came of it.
async function run(act, done = "") {
  say("");
  const result = await attempt(act);
  if (result) {
    say(done);
  }
  poll();
}

async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Gone) {
      end(text.lostTitle, text.lost);
    } else if (error instanceof Refusal) {
      say(sentence(error), true);
    } else {
      say(text.failures.other, true);
      console.error(error.name);
    }
    return null;
  }
}

function draw(now) {
  if (over) {
    return;
  }
  const { keyring } = now;
  const on = ["locked", "unlocked"].includes(keyring.status);
  document.title = `${text.title} · passkeep`;
  byId("title").textContent = text.title;
  part("code", now.code, (place) => {
    place.replaceChildren(`${text.code} `, make("strong", {}, now.code));
    place.hidden = false;
  });
  const locks = now.locks_in === null ? null : Math.ceil(now.locks_in / 60);
  // One that this page is showing is still to be typed back.
  const lost = Boolean(now.offer) && !byId("dialog").open;
  part("summary", { ...keyring, locks, lost }, (place) => redraw(place, summary(now, lost)));
  part("ways", on && keyring, (place) => redraw(place, on ? drawWays(keyring, run) : null));
  part("ending", on, (place) => redraw(place, on ? ending() : null));
  list(now);
  part("backups", [now.folder, now.work, keyring.status, backups], (place) =>
    redraw(place, drawBackups(now, backups, run)),
  );
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
function list(now) {
  const depends = JSON.stringify([now.folder, now.keyring.epoch, now.work?.work, now.work?.status]);
  if (now.folder && depends !== listed) {
    listed = depends;
    attempt(async () => {
      backups = await call("backups");
      draw(state);
    });
  }
}

function summary(now, lost) {
  const { keyring, locks_in: left } = now;
  const words = text.status[keyring.status];
  const tools = [];
  if (keyring.status === "none") {
    tools.push(button(text.turnOn, () => run(start, text.said.on), { kind: null, key: "on" }));
    tools.push(
      ...keyring.kept.map(({ name, modified }) =>
        button(fill(text.bringBack, { date: moment(modified) }), () => run(() => call("setup/return", { name })), {
          key: `return-${name}`,
        }),
      ),
    );
  }
  if (keyring.status === "locked") {
    tools.push(button(text.unlock, () => run(() => open("unlock"), text.said.unlocked), { kind: null, key: "lock" }));
  }
  if (keyring.status === "unlocked") {
    tools.push(button(text.lock, () => run(() => call("lock")), { key: "lock" }));
  }
  const lines = [paragraph(words.line)];
  if (keyring.problem) {
    lines.push(paragraph([keyring.problem.message, keyring.problem.hint].filter(Boolean).join(" "), "alert"));
  }
  if (keyring.changed) {
    lines.push(paragraph(text.changed, "note"));
  }
  if (lost) {
    lines.push(paragraph(text.offerOpen, "note"));
  }
  if (left !== null) {
    lines.push(paragraph(fill(text.locksIn, { minutes: minutes(left) }), "soft"));
  }
  lines.push(paragraph(fill(text.file, { path: keyring.path }), "soft path"));
  return make(
    "section",
    { class: "card", "aria-labelledby": "summary-title", "data-status": keyring.status },
    make("h2", { id: "summary-title" }, make("span", { class: `dot ${keyring.status}` }), words.title),
    lines,
    make("div", { class: "actions" }, tools),
  );
}

// A recovery key that is typed back first, then a passkey: nobody is locked out.
async function start() {
  const on = await turnOn();
  if (on) {
    say(text.said.on);
    await addPasskey();
  }
  return on;
}

function ending() {
  return make(
    "section",
    { class: "card", "aria-labelledby": "ending-title" },
    make("h2", { id: "ending-title" }, text.ending.title),
    paragraph(text.ending.lead, "soft"),
    make("div", { class: "actions" }, [
      button(text.ending.off, () => run(turnOff, text.said.off), { kind: "danger", key: "off" }),
      button(text.ending.quit, () => run(() => call("quit")), { key: "quit" }),
    ]),
  );
}

function say(line, alert = false) {
  const place = byId("status");
  place.textContent = line;
  place.classList.toggle("alert", alert);
}

// The last screen: nothing is left to press.
function end(title, ...lines) {
  over = true;
  clearTimeout(timer);
  close(null);
  history.replaceState(null, "", "/");
  for (const id of ["code", "summary", "ways", "backups", "ending"]) {
    byId(id).hidden = true;
  }
  say("");
  document.title = `${title} · passkeep`;
  byId("title").textContent = title;
  byId("title").after(...lines.map((line) => paragraph(line)));
  byId("title").focus();
}
