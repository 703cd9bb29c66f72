// A passkey ceremony inside a dialog: enrolment, or one assertion.

import { Gone, Refusal, call, session } from "./api.js";
import { actions, close, leaveButton, sentence, show } from "./dialog.js";
import { make, paragraph } from "./dom.js";
import { seal } from "./sealing.js";
import { text } from "./texts.js";
import { fromCredential, toOptions } from "./webauthn.js";

// A browser that refuses faster than a person can wants a click first.
const INSTANT = 400; // milliseconds

// Begins a ceremony with an action and shows it to its end. The result is what the
// process says then, or null where the person left or it failed for good.
export async function perform(action, message, words) {
  const run = new Run(words);
  return show((screen) => run.begin(screen, action, message), { onleave: () => run.leave() });
}

class Run {
  constructor(words) {
    this.words = words;
    this.step = null; // what the process wants next
    this.created = null; // a passkey that was made but is not accepted yet
    this.pending = null; // the AbortController of an open prompt
    this.ended = false;
  }

  async begin(screen, action, message) {
    this.status = make("p", { class: "status", role: "status" });
    this.go = make("button", { type: "button", onclick: () => this.run(true) }, this.words.go);
    this.list = make("ol", { class: "steps", hidden: !this.words.steps });
    screen.draw(this.words.title, [
      ...this.words.lead.map((line) => paragraph(line)),
      this.list,
      this.status,
      actions(this.go, leaveButton()),
    ]);
    if (!window.PublicKeyCredential) {
      this.fail(text.failures.noPasskeys);
      return;
    }
    this.go.disabled = true;
    try {
      this.take(await call(action, message));
    } catch (error) {
      this.stop(error);
      return;
    }
    await this.run(false);
  }

  // One prompt after the other, as long as the browser lets them follow by themselves.
  async run(clicked) {
    for (let click = clicked; this.step && !this.ended; click = false) {
      this.go.disabled = true;
      this.say(text.waiting);
      const started = performance.now();
      let answer;
      try {
        answer = await this.prompt();
      } catch (error) {
        await this.stumble(error, !click && performance.now() - started < INSTANT);
        return;
      }
      this.say(text.checking);
      const { ceremony, step } = this.step;
      try {
        this.take(await call("ceremony/answer", { ceremony, step, ...answer }));
      } catch (error) {
        this.stop(error);
        return;
      }
    }
  }

  async prompt() {
    const { kind, options } = this.step;
    this.pending = new AbortController();
    const credential = await navigator.credentials[kind](toOptions(options, this.pending.signal));
    const { json, secret } = fromCredential(credential);
    if (kind === "create") {
      this.created = { rpId: options.publicKey.rp.id, credentialId: json.id };
    }
    const sealed = secret && (await seal(secret, session.key, options.publicKey.challenge));
    return { response: json, sealed };
  }

  take(reply) {
    if (reply.outcome) {
      this.ended = true;
      close(reply);
      return;
    }
    this.step = reply;
    const items = (this.words.steps ?? []).map((line, index) => {
      const number = index + 1;
      const present = number === reply.step ? "step" : null;
      return make("li", { class: number < reply.step ? "done" : null, "aria-current": present }, line);
    });
    this.list.replaceChildren(...items);
  }

  async stumble(error, wantsClick) {
    if (this.ended || this.pending?.signal.aborted) {
      return;
    }
    if (wantsClick) {
      this.offer(text.goOn, text.continue);
      return;
    }
    const name = error?.name ?? "Error";
    this.offer(text.failures[name] ?? text.failures.other, text.again, true);
    try {
      await call("ceremony/failure", { ceremony: this.step.ceremony, name });
    } catch (refusal) {
      this.stop(refusal);
    }
  }

  // The ceremony is over without success.
  stop(error) {
    this.ended = true;
    if (error instanceof Gone) {
      close(null);
      return;
    }
    this.fail(sentence(error));
    // One that was saved, though perhaps not for a power cut, is no such passkey.
    if (this.created && error instanceof Refusal && error.code !== "not-synced") {
      // Password managers that know this call take the useless passkey off their lists.
      window.PublicKeyCredential.signalUnknownCredential?.(this.created).catch(() => {});
    }
  }

  fail(message) {
    this.say(message, true);
    this.go.hidden = true;
  }

  offer(message, label, alert = false) {
    this.say(message, alert);
    this.go.textContent = label;
    this.go.disabled = false;
    this.go.focus(); // a disabled button has lost it
  }

  say(message, alert = false) {
    this.status.textContent = message;
    this.status.classList.toggle("alert", alert);
  }

  leave() {
    this.ended = true;
    this.pending?.abort();
    if (this.step) {
      call("ceremony/cancel", { ceremony: this.step.ceremony }).catch(() => {});
    }
  }
}
