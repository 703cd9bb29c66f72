// What the page shows. Text only ever enters as textContent.

import { text, troubles } from "./texts.js";

const element = (id) => document.getElementById(id);

export const buttons = { go: element("go"), cancel: element("cancel") };

// A step before its prompt: what will happen, and a button that starts it.
export function drawStep(view) {
  const words = text[view.purpose];
  drawFrame("ready", view);
  relabel(buttons.go, view.step > 1 ? text.continue : words.go);
  say();
}

// A prompt of the browser is open.
export function drawWaiting(view) {
  drawFrame("waiting", view);
  buttons.go.hidden = true;
  element("title").focus(); // the button had it
  say(text.waiting, text.waitingHow[view.kind]);
}

// The browser wants to be clicked before it asks again.
export function drawPause(view) {
  drawFrame("ready", view);
  relabel(buttons.go, text.continue);
  say(text.goOn);
  buttons.go.focus();
}

// It did not work, and may be tried again.
export function drawTrouble(view, name) {
  drawFrame("trouble", view);
  const { title, lines, causes = [], again } = troubles(view, name);
  say(title, ...lines);
  const list = make("dl");
  for (const [cause, remedy] of causes) {
    list.append(make("dt", cause), make("dd", remedy));
  }
  if (causes.length > 0) {
    element("status").append(list);
  }
  relabel(buttons.go, again ?? text.again);
  buttons.go.hidden = again === null;
  relabel(buttons.cancel, view.more ? text.other : text.giveUp);
  (buttons.go.hidden ? buttons.cancel : buttons.go).focus();
}

// The last screen: nothing is left to press.
export function drawEnd(state, words) {
  show(state, words.title, words.lines.map((line) => make("p", line)));
  for (const id of ["steps", "go", "cancel", "code"]) {
    element(id).hidden = true;
  }
  say();
  element("title").focus();
}

// What all screens of a running ceremony have in common.
function drawFrame(state, view) {
  const words = text[view.purpose];
  const making = view.purpose === "enrol";
  const first = view.step === 1;
  const lead = first ? words.lead : [text.phases[view.phase]];
  const lines = lead.map((line) => make("p", line));
  if (making && first) {
    lines.push(make("p", view.label, "name"), make("p", words.keep));
  }
  // What will happen was said before; now what is happening has to fit a small screen.
  const known = state === "trouble" || (state === "waiting" && first);
  show(state, first ? words.title : words.checking, known ? [] : lines);
  const steps = making && state !== "trouble" ? words.steps[view.phase] : [];
  element("steps").replaceChildren(...steps.map((line, i) => listItem(line, i + 1, view)));
  element("steps").hidden = steps.length === 0;
  drawCode(view.code);
  relabel(buttons.cancel, view.more ? text.other : text.cancel);
}

function show(state, title, lead) {
  element("main").dataset.state = state;
  element("title").textContent = title;
  document.title = `${title} · passkeep`;
  element("lead").replaceChildren(...lead);
}

// Is read out by screen readers, wherever the focus is.
function say(title, ...lines) {
  const parts = lines.map((line) => make("p", line));
  element("status").replaceChildren(...(title ? [make("p", title, "summary"), ...parts] : []));
}

function drawCode(code) {
  const line = make("p", `${text.code} `);
  line.append(make("strong", code));
  element("code").replaceChildren(line, make("p", text.compare));
  element("code").hidden = false;
}

// Makes a button ready under this label.
function relabel(button, label) {
  button.textContent = label;
  button.disabled = false;
  button.hidden = false;
}

function make(tag, words = "", name = "") {
  const made = document.createElement(tag);
  made.textContent = words;
  made.className = name;
  return made;
}

function listItem(line, number, view) {
  const item = make("li");
  // Not by the number alone: it is drawn, and a tick takes its place.
  item.append(make("span", line));
  if (number < view.step) {
    item.className = "done";
    item.append(make("span", text.stepDone, "unseen"));
  } else if (number === view.step) {
    item.setAttribute("aria-current", "step");
  }
  return item;
}
