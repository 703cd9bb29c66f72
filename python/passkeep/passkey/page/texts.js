// Every word of the page, by language. Add a language by adding a member.
const texts = {
  en: {
    enrol: {
      title: "Create a passkey for your backups",
      lead: [
        "Your device will ask you two or three times: once to create the passkey, then to see that it gives the same secret again. Only then it is trusted with your backups.",
        "Password managers will list it under this name:",
      ],
      keep: "Deleting it there later closes this way into your backups.",
      checking: "Check the new passkey",
      steps: {
        create: ["Create the passkey", "Ask it for its secret", "Ask once more, if your device needs it"],
        confirm: ["Create the passkey", "Ask it for its secret again"],
        first: ["Create the passkey", "Ask it for its secret", "Ask it once more"],
        again: ["Create the passkey", "Ask it for its secret", "Ask it once more"],
        decide: ["Create the passkey", "Ask it for its secret", "Ask it once more"],
      },
      go: "Create passkey",
      nothing: "Nothing was added to your keyring.",
      done: {
        title: "The passkey is ready",
        lines: [
          "It gave the same secret twice.",
          "You can close this page and go back to the terminal.",
        ],
      },
    },
    unlock: {
      title: "Open your backups",
      lead: ["Use any passkey that belongs to this keyring. Your device will ask you once."],
      go: "Use passkey",
      nothing: "Nothing was opened.",
      done: {
        title: "The passkey answered",
        lines: ["You can close this page and go back to the terminal."],
      },
    },
    check: {
      title: "Check a passkey",
      lead: [
        "Use the passkey that you want to try. Your device will ask you once.",
        "Nothing is restored, and no backup changes. If it opens your keyring, the date is noted.",
      ],
      go: "Check passkey",
      nothing: "Nothing was noted.",
      done: {
        title: "The passkey answered",
        lines: [
          "The terminal tells which one it was, and whether it opens your keyring.",
          "You can close this page.",
        ],
      },
    },
    // Why a new passkey is asked again.
    phases: {
      confirm:
        "Your device gave a secret while it made the passkey. Now it has to give the same one again.",
      first:
        "Like most security keys, your device gives no secret while it makes a passkey. So it is asked twice now.",
      again: "One answer is there. The second one has to be the same.",
      decide:
        "The two secrets were not the same, as happens with some devices at first. A third one decides.",
    },
    code: "Code",
    compare: "Your terminal shows the same. If it does not, close this page.",
    waiting: "Waiting for your device…",
    waitingHow: {
      create:
        "Follow the window of your browser. It asks where to keep the passkey, and who you are.",
      get: "Follow the window of your browser. A security key blinks until you touch it.",
    },
    goOn: "Your browser wants a click before it asks again.",
    stepDone: " (done)",
    continue: "Continue",
    again: "Try again",
    cancel: "Cancel",
    giveUp: "Give up",
    other: "Other passkeys",

    // What can go wrong while this page goes on, by the name of the exception.
    troubles: {
      NotAllowedError: {
        title: "No passkey answered",
        lines: ["Browsers do not say why. It is one of these:"],
        causes: {
          create: [
            ["The window was closed or cancelled.", "Try again."],
            ["The time ran out.", "Try again, with your device at hand."],
            [
              "Fingerprint, face or PIN were not accepted.",
              "Try again. After several wrong tries, unlock the device first, or plug the security key in again.",
            ],
            [
              "The device cannot keep this passkey.",
              "Choose another place in the window: a phone, a password manager or a security key.",
            ],
          ],
          get: [
            ["The window was closed or cancelled.", "Try again."],
            ["The time ran out.", "Try again, with your device at hand."],
            [
              "Fingerprint, face or PIN were not accepted.",
              "Try again. After several wrong tries, unlock the device first, or plug the security key in again.",
            ],
            [
              "The passkey is on another device.",
              "Plug in your security key, or choose “another device” in the window.",
            ],
            [
              "The passkey was removed.",
              "Give up here. Other passkeys, the password and the recovery key open the same backups.",
            ],
          ],
        },
      },
      NoWebAuthn: {
        title: "This browser cannot use passkeys here",
        lines: [
          "Open the address that your terminal shows now in another browser: a current Chrome, Edge, Firefox or Safari.",
        ],
        again: null,
      },
      NoPrf: {
        title: "This browser gets no secrets from passkeys",
        lines: [
          "It says that it does not support PRF. Open the address that your terminal shows now in another browser, unless a password manager adds what is missing.",
        ],
        again: "Try anyway",
      },
      SecurityError: {
        title: "This browser does not allow passkeys on this address",
        lines: [
          "Give up here and try another browser. Where none allows it, a passkey made with “--rp-id localhost” may work.",
        ],
      },
      NotSupportedError: {
        title: "Something needed here is not supported",
        lines: ["Either the browser or the passkey lacks it. Try another device or another browser."],
      },
      ConstraintError: {
        title: "This device cannot check who is using it",
        lines: ["Set up a screen lock, a fingerprint or a PIN, or choose another device. Then try again."],
      },
      InvalidStateError: {
        title: "This device refuses to make another passkey here",
        lines: ["Choose another place for it: a phone, a password manager or a security key."],
      },
      other: {
        title: "The browser reported a failure",
        lines: ["Try again. If it happens again, another browser or another device may help."],
      },
    },

    // How a ceremony ends without a passkey, by reason. What was left as it was comes first.
    // Nothing went wrong where it is calm.
    endings: {
      cancelled: {
        title: "Cancelled",
        calm: true,
        lines: ["You can close this page. The terminal says how to go on."],
      },
      closed: {
        title: "The terminal has stopped waiting",
        calm: true,
        lines: ["Run the command again when you are ready. You can close this page."],
      },
      "timed-out": {
        title: "The time ran out",
        calm: true,
        lines: ["Run the command again when you have your passkey at hand. You can close this page."],
      },
      foreign: {
        title: "That was not the answer to this question",
        lines: ["It belongs to another page, or to another passkey. Start again from the terminal."],
      },
      "no-prf": {
        title: "This passkey cannot open backups",
        lines: [
          "Its provider does not support PRF, which makes a secret of a tap. You can delete the new passkey if it is still listed.",
          "Known to work: iCloud Keychain, Google Password Manager, Windows Hello, 1Password, and security keys such as YubiKey 5. Run the command again and choose one of them in the window of your browser.",
        ],
      },
      "no-secret": {
        title: "The passkey answered without its secret",
        lines: [
          "This browser, or the way to the device, does not hand it over. Try another browser, or the device itself, or go on in the terminal with another way in.",
        ],
      },
      unstable: {
        title: "This passkey gives different secrets",
        lines: [
          "It was asked several times, and no two answers were the same. You can delete the new passkey if it is still listed.",
          "Update the device, or choose another one, and run the command again.",
        ],
      },
      unverified: {
        title: "The device did not check who is using it",
        lines: [
          "Backups need a passkey with a fingerprint, a face or a PIN. Set one up on the device, or choose another device, and run the command again.",
        ],
      },
      defect: {
        title: "Something went wrong in passkeep",
        lines: ["The terminal says more. You can close this page."],
      },
      other: { title: "That did not work", lines: [] },
    },
    // After an ending that leaves other passkeys to be asked.
    another: {
      title: "One moment",
      calm: true,
      lines: ["A new page asks for your other passkeys. You can close this one."],
    },

    lost: {
      title: "Nobody is waiting",
      lines: [
        "The program in the terminal has ended, or its terminal was closed.",
        "What is in your keyring is safe. Run the command again to go on; you can close this page.",
      ],
    },
    noKey: {
      title: "This page was opened without its key",
      lines: ["Start again from the terminal, or open the whole address that it shows."],
    },
    otherTab: {
      title: "This page is open in another tab",
      lines: ["Go on there. When that tab is closed, this one takes its place."],
    },
  },
};

export function language() {
  const wanted = (navigator.language || "en").slice(0, 2).toLowerCase();
  return Object.hasOwn(texts, wanted) ? wanted : "en";
}

export const text = texts[language()];

// The words for a failure in the step of `view`.
export function troubles(view, name) {
  const words = Object.hasOwn(text.troubles, name) ? text.troubles[name] : text.troubles.other;
  return { ...words, causes: words.causes?.[view.kind] };
}

// The words for the end: what the process reports, after the step of `view`.
export function howItEnded(view, { outcome, reason, message, hint }) {
  const { done, nothing } = text[view.purpose];
  if (outcome === "done") {
    return done;
  }
  if (view.more && !["closed", "timed-out", "defect"].includes(reason)) {
    return text.another;
  }
  if (!Object.hasOwn(text.endings, reason ?? "")) {
    return { ...text.endings.other, lines: [message, hint].filter(Boolean) };
  }
  const words = text.endings[reason];
  return { ...words, lines: [nothing, ...words.lines] };
}
