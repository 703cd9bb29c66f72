// What the page says about what was done: shown at the lower edge, and read out.

import { byId, make, paragraph } from "./dom.js";
import { icon } from "./icons.js";
import { text } from "./texts.js";

const LONG = 12_000; // milliseconds that good news stays; the page shows it, too

let timer = 0;

// Takes the place of what was said before; nothing is said by "".
export function say(lines, alert = false) {
  clearTimeout(timer);
  const shown = [lines].flat().filter(Boolean);
  const close = make("button", { type: "button", class: "plain", "aria-label": text.close, onclick: () => say("") }, icon("close"));
  byId("said").replaceChildren(
    ...(shown.length > 0 ? [make("div", {}, shown.map((line) => paragraph(line))), close] : []),
  );
  byId("said").classList.toggle("alert", alert);
  if (shown.length > 0 && !alert) {
    timer = setTimeout(leave, LONG);
  }
}

// Only read out: what others see change.
export function sayAloud(line) {
  byId("aloud").textContent = line;
}

// Nobody is interrupted who is at its button.
function leave() {
  const place = byId("said");
  if (place?.matches(":hover, :focus-within")) {
    timer = setTimeout(leave, LONG);
  } else {
    place?.replaceChildren();
  }
}
