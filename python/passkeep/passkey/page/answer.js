/**
 * @file For an application's own page: the steps of a ceremony, answered as JSON.
 *
 *     import { answerSteps, obstacle } from "./answer.js";
 *
 *     const why = await obstacle(); // null, or why passkeys cannot serve here
 *     const result = await answerSteps(options, (answer) => post("/answer", { answer }));
 *
 * `options` are the backend's `step.options`. An answer holds the secret that opens the slot:
 * send it over TLS to the backend that keeps the step's state, and nowhere else.
 *
 * Only this file and webauthn.js are needed. The browsers' own JSON functions (toJSON,
 * parseCreationOptionsFromJSON, …) are not used, because some lose PRF results.
 */

import { fromCredential, toBase64url, toOptions } from "./webauthn.js";

const HALF = 32; // bytes of one PRF result

/** A browser that refuses faster than a person can wants a click first. */
const INSTANT = 400; // milliseconds

/**
 * What the backend's `complete_…` functions take.
 *
 * Either RegistrationResponseJSON or AuthenticationResponseJSON of WebAuthn Level 3, PRF results
 * included, or `{ failure }`: the name of the browser's DOMException ("NotAllowedError" is
 * nearly everything that people do), "NoWebAuthn", "InsecureContext" or "NoPrf". The backend
 * makes an error with a message and a hint of it.
 *
 * @typedef {{ id: string, rawId: string, type: string, response: object,
 *   clientExtensionResults: object } | { failure: string }} Answer
 */

/**
 * Says why passkeys cannot serve on this page, before anything is asked.
 *
 * @returns {Promise<string | null>} The name of a failure (see {@link Answer}), or null where
 *   nothing speaks against it: whether a passkey has PRF shows only when it is made.
 */
export async function obstacle() {
  const failure = missing();
  if (failure) {
    return failure;
  }
  // A function of later browsers. What it does not name may still work.
  const known = await window.PublicKeyCredential.getClientCapabilities?.().catch(() => null);
  return known?.["extension:prf"] === false ? "NoPrf" : null;
}

/**
 * Answers one step.
 *
 * Some browsers want a click for each prompt: call it from the handler of one.
 *
 * @param {{ publicKey: object }} options `step.options` of the backend.
 * @param {AbortSignal} [signal] Ends the prompt; the answer is then an "AbortError".
 * @returns {Promise<Answer>} What the backend takes. Failures of the browser are answers, too.
 * @throws {TypeError} The options are not those of a step.
 */
export async function answer(options, signal) {
  const failure = missing();
  if (failure) {
    return { failure };
  }
  const method = options.publicKey.rp ? "create" : "get";
  const wanted = toOptions(options, signal);
  let found;
  try {
    // Where there is nothing, some extensions resolve to null instead of rejecting.
    const credential = await navigator.credentials[method](wanted);
    if (!credential) {
      return { failure: "NotAllowedError" };
    }
    found = fromCredential(credential);
  } catch (error) {
    return { failure: error?.name ?? "Error" };
  }
  const { json, secret } = found;
  if (secret?.length === 2 * HALF) {
    json.clientExtensionResults.prf.results = {
      first: toBase64url(secret.subarray(0, HALF)),
      second: toBase64url(secret.subarray(HALF)),
    };
  }
  secret?.fill(0);
  return json;
}

/**
 * Answers step after step, until the backend's reply holds no further options.
 *
 * @template {{ options?: { publicKey: object } }} Reply
 * @param {{ publicKey: object }} options The first step's.
 * @param {(answer: Answer) => Promise<Reply>} send Brings an answer to the backend. While
 *   its reply has `options`, they are those of the next step.
 * @param {object} [more]
 * @param {AbortSignal} [more.signal] Ends a prompt that is open.
 * @param {() => Promise<void>} [more.click] Asks for a click, and resolves when it came. Safari
 *   may want one for each prompt, and making a passkey takes two or three.
 * @returns {Promise<Reply>} The first reply without options.
 */
export async function answerSteps(options, send, { signal, click } = {}) {
  let reply = { options };
  for (let clicked = true; reply.options; clicked = false) {
    const started = performance.now();
    let given = await answer(reply.options, signal);
    const instantly = performance.now() - started < INSTANT;
    if (given.failure === "NotAllowedError" && instantly && !clicked && click) {
      await click();
      given = await answer(reply.options, signal);
    }
    reply = await send(given);
  }
  return reply;
}

function missing() {
  if (window.isSecureContext === false) {
    return "InsecureContext";
  }
  const { credentials } = navigator;
  return window.PublicKeyCredential && credentials?.create && credentials.get ? null : "NoWebAuthn";
}
