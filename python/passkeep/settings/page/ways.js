// The ways in, as a list with what can be done to each.

import { addPasskey, addPassword, changePassword, check, newRecoveryKey, remove, rename, setTravels } from "./changes.js";
import { button, make, paragraph } from "./dom.js";
import { day } from "./format.js";
import { fill, text } from "./texts.js";

// run(act, done): does it, and says `done` afterwards.
export function drawWays(keyring, run) {
  const { slots, verified, room } = keyring;
  const add = (label, act, key) =>
    button(label, () => run(act, text.said.added), { key, disabled: !room });
  const recovery = slots.some((slot) => slot.kind === "recovery-key") ? text.ways.newRecovery : text.ways.makeRecovery;
  return make(
    "section",
    { class: "card", "aria-labelledby": "ways-title" },
    make("h2", { id: "ways-title" }, text.ways.title),
    paragraph(text.ways.lead, "soft"),
    verified ? null : paragraph(text.ways.unverified, "soft"),
    make("ul", { class: "rows" }, slots.map((slot) => drawSlot(slot, run))),
    make(
      "div",
      { class: "actions" },
      add(text.ways.addPasskey, addPasskey, "add-passkey"),
      add(text.ways.addPassword, addPassword, "add-password"),
      button(recovery, () => run(newRecoveryKey, text.said.recovery), { key: "recovery" }),
    ),
    room ? null : paragraph(text.ways.full, "soft"),
  );
}

function drawSlot(slot, run) {
  const act = (name, label, work, done) =>
    button(label, () => run(() => work(slot), done), { key: `${name}-${slot.id}`, about: `${label}: ${slot.label}` });
  return make(
    "li",
    { class: "row", "data-slot": slot.id },
    make(
      "div",
      {},
      make("h3", {}, slot.label, " ", badges(slot)),
      paragraph(facts(slot).join(" · "), "soft"),
      slot.why && !slot.removable ? paragraph(text.ways.why[slot.why], "soft") : null,
    ),
    make(
      "div",
      { class: "tools" },
      slot.way_in ? act("check", text.ways.check, check, text.said.checked) : null,
      act("rename", text.ways.rename, rename, text.said.renamed),
      slot.kind === "password" ? act("change", text.ways.change, changePassword, text.said.changed) : null,
      slot.kind === "recovery-key" ? null : travels(slot, act),
      slot.removable ? act("remove", text.ways.remove, remove, text.said.removed) : null,
    ),
  );
}

function travels(slot, act) {
  return act(
    "travels",
    slot.travels ? text.ways.keepHere : text.ways.letTravel,
    () => setTravels(slot, !slot.travels),
    slot.travels ? text.said.keptHere : text.said.travels,
  );
}

function badges(slot) {
  const found = [];
  if (slot.opened) {
    found.push(make("span", { class: "badge good" }, text.ways.opened));
  }
  if (slot.due) {
    found.push(make("span", { class: "badge due" }, text.ways.due));
  }
  return found;
}

function facts(slot) {
  const found = [text.kinds[slot.kind]];
  const { passkey } = slot;
  if (passkey) {
    found.push(passkey.synced ? text.ways.synced : text.ways.oneDevice, device(passkey.transports));
    if (!passkey.here) {
      found.push(fill(text.ways.elsewhere, passkey));
    }
  }
  found.push(fill(text.ways.created, { date: day(slot.created) }), fill(text.ways.checked, { date: day(slot.checked) }));
  if (!slot.travels) {
    found.push(text.ways.needsFile);
  }
  return found.filter(Boolean);
}

function device(transports) {
  const known = ["internal", "hybrid", "usb", "nfc", "ble"].find((one) => transports.includes(one));
  return known ? text.devices[known] : null;
}
