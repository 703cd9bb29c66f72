// Turning on: a recovery key that is typed back first, then a way in for every day.

import { addPasskey, addPassword } from "./changes.js";
import { actions, ask, leaveButton, show } from "./dialog.js";
import { make, paragraph } from "./dom.js";
import { icon } from "./icons.js";
import { firstRecoveryKey } from "./keys.js";
import { say } from "./saying.js";
import { text } from "./texts.js";

const words = text.setup;

// Nobody is locked out: with the recovery key it is on, whatever comes next.
export async function turnOn() {
  const agreed = await ask({
    title: words.title,
    lines: [words.lead],
    parts: [() => make("ol", { class: "plan" }, words.plan.map((line) => make("li", {}, line)))],
    go: text.continue,
    submit: async () => true,
  });
  const on = agreed && (await firstRecoveryKey(words.steps));
  if (!on) {
    return null;
  }
  for (let done = null; !done; ) {
    const add = await everyDay();
    if (!add) {
      say(text.said.on);
      return null;
    }
    done = await add();
  }
  say([text.said.on, text.said.added]);
  return null;
}

function everyDay() {
  return show((screen) => {
    const choice = (name, drawing, act) =>
      make(
        "button",
        { type: "button", class: "choice", "data-choice": name, onclick: () => screen.close(act) },
        icon(drawing),
        make(
          "span",
          { class: "words" },
          make("strong", {}, words.ways[name].name),
          make("span", { class: "soft" }, words.ways[name].hint),
        ),
        icon("more"),
      );
    screen.draw(
      words.everyDay.title,
      [
        ...words.everyDay.lead.map((line) => paragraph(line)),
        make("div", { class: "choices" }, choice("passkey", "device", addPasskey), choice("password", "password", addPassword)),
        actions(leaveButton(screen, words.later)),
      ],
      words.steps[2],
    );
  });
}
