// The ways in, as a list; each opens a dialog with what can be done to it.

import { state } from "./api.js";
import { addPasskey, addPassword, changePassword, check, newRecoveryKey, remove, rename, setTravels } from "./changes.js";
import { actions, leaveButton, show } from "./dialog.js";
import { button, heading, make, paragraph } from "./dom.js";
import { day, since } from "./format.js";
import { icon } from "./icons.js";
import { fill, text } from "./texts.js";

// run(act, done): does it, and says `done` afterwards.
export function drawWays({ keyring, today }, run) {
  const { slots, verified, room } = keyring;
  const add = (label, act, key, kind) => button(label, () => run(act, text.said.added), { key, kind, disabled: !room });
  return [
    heading("ways-title", text.ways.title),
    paragraph(verified ? text.ways.lead : text.ways.unverified, "soft"),
    make("ul", { class: "rows" }, slots.map((slot) => drawSlot(slot, today, run))),
    make(
      "div",
      { class: "actions" },
      add(text.ways.addPasskey, addPasskey, "add-passkey", "tonal"),
      add(text.ways.addPassword, addPassword, "add-password", "quiet"),
    ),
    room ? null : paragraph(text.ways.full, "soft"),
  ];
}

function drawSlot(slot, today, run) {
  const checked = slot.way_in ? fill(text.ways.checked, { date: since(slot.checked, today) }) : text.ways.restoresOnly;
  const showIt = async () => {
    const act = await manage(slot, today);
    if (act) {
      run(act.work, act.done);
    }
  };
  return make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: "row", "data-slot": slot.id, "data-key": `slot-${slot.id}`, onclick: showIt },
      icon(drawing(slot)),
      make(
        "span",
        { class: "words" },
        make("strong", {}, slot.label),
        make("span", { class: "soft" }, slot.due ? describe(slot) : `${describe(slot)} · ${checked}`),
        slot.due ? make("span", { class: "due" }, fill(text.ways.due, { checked })) : null,
      ),
      slot.opened ? make("span", { class: "badge" }, text.ways.opened) : null,
      icon("more"),
    ),
  );
}

// Shows what is known of a way in. The result is what to do to it: {work, done}, or null.
function manage(slot, today) {
  return show((screen) => {
    const act = (name, label, work, done, kind = "quiet") =>
      button(label, () => screen.close({ work: () => work(slot), done }), { key: name, kind });
    screen.draw(slot.label, [
      state.keyring.verified ? null : paragraph(text.ways.unverified, "soft"),
      make("dl", { class: "facts" }, facts(slot, today)),
      slot.why && !slot.removable ? paragraph(text.ways.why[slot.why], "soft") : null,
      make(
        "div",
        { class: "tools" },
        canCheck(slot) ? act("check", text.ways.check, check, (result) => whatAnswered(result, slot)) : null,
        act("rename", text.ways.rename, rename, text.said.renamed),
        slot.kind === "password" ? act("change", text.ways.change, changePassword, text.said.changed) : null,
        slot.kind === "recovery-key" ? act("replace", text.ways.newRecovery, newRecoveryKey, text.said.recovery) : null,
        slot.kind === "recovery-key" ? null : travels(act, slot),
        slot.removable ? act("remove", text.ways.remove, remove, text.said.removed, "danger") : null,
      ),
      actions(leaveButton(screen, text.close)),
    ].filter(Boolean));
  });
}

const canCheck = (slot) => slot.way_in && (slot.passkey?.here ?? true);

function whatAnswered({ slot: answered }, meant) {
  const other = state.keyring.slots.find((slot) => slot.id === answered);
  return other && other.id !== meant.id
    ? fill(text.said.another, { other: other.label, meant: meant.label })
    : text.said.checked;
}

function travels(act, slot) {
  return act(
    "travels",
    slot.travels ? text.ways.keepHere : text.ways.letTravel,
    () => setTravels(slot, !slot.travels),
    slot.travels ? text.said.keptHere : text.said.travels,
  );
}

// "Passkey on a phone · synchronised"
function describe(slot) {
  const { passkey } = slot;
  if (!passkey) {
    return text.kinds[slot.kind];
  }
  const { rp_id: page } = passkey;
  return [
    text.homes[drawing(slot)],
    passkey.synced ? text.ways.synced : text.ways.oneDevice,
    passkey.here ? "" : fill(text.ways.elsewhere, { page }),
  ]
    .filter(Boolean)
    .join(" · ");
}

function facts(slot, today) {
  const date = (when) => `${day(when)} (${since(when, today)})`;
  const { facts: words } = text.ways;
  const rows = [
    [words.kind, describe(slot)],
    [words.created, date(slot.created)],
    slot.way_in ? [words.checked, date(slot.checked)] : [words.use, text.ways.restoresOnly],
    [words.travels, slot.travels ? words.travelsYes : words.travelsNo],
  ];
  return rows.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value)));
}

// What holds it, as far as it says so.
function drawing({ kind, passkey }) {
  if (kind !== "passkey") {
    return kind;
  }
  const { transports } = passkey;
  if (transports.includes("internal")) {
    return "device";
  }
  return transports.includes("hybrid") || transports.length === 0 ? "phone" : "security-key";
}
