// Whether the keyring is unlocked, and for how long: at the top of the page.

import { call } from "./api.js";
import { button, byId, make, redraw } from "./dom.js";
import { minutes, seconds } from "./format.js";
import { icon } from "./icons.js";
import { sayAloud } from "./saying.js";
import { fill, text } from "./texts.js";

const SOON = 45; // seconds before it locks itself that are worth a warning

let drawn = "";

// run(act): does what a button stands for.
export function drawLock({ keyring, locks_in: left }, run) {
  const place = byId("lock");
  const { status } = keyring;
  const soon = left !== null && left <= SOON;
  const shape = `${status} ${soon}`;
  if (shape !== drawn) {
    drawn = shape;
    place.classList.toggle("soon", soon);
    redraw(place, ["locked", "unlocked"].includes(status) ? content(status, soon, run) : []);
    sayAloud(soon ? text.lock.warning : "");
  }
  const line = byId("lock-line");
  if (line) {
    line.textContent = told(status, left, soon);
  }
}

function content(status, soon, run) {
  return [
    make("p", {}, icon(status), make("span", { id: "lock-line" })),
    soon ? button(text.lock.stay, () => run(() => call("use")), { kind: "quiet small", key: "stay" }) : null,
    status === "unlocked"
      ? button(text.lock.now, () => run(() => call("lock")), { kind: "quiet small", key: "lock" })
      : null,
  ];
}

function told(status, left, soon) {
  if (status === "locked") {
    return text.lock.locked;
  }
  return soon
    ? fill(text.lock.soon, { time: seconds(left) })
    : fill(text.lock.unlocked, { time: minutes(left) });
}
