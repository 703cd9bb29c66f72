// For an application's own page: one step of a ceremony, answered as JSON.
//
//   import { answer } from "./answer.js";
//   const response = await answer(options); // as the backend's `step.options`
//
// The JSON holds the secret that opens the slot: send it over TLS to the backend that
// keeps the step's state, and nowhere else.

import { fromCredential, toBase64url, toOptions } from "./webauthn.js";

const HALF = 32;

export async function answer(options, signal) {
  const method = options.publicKey.rp ? "create" : "get";
  const credential = await navigator.credentials[method](toOptions(options, signal));
  const { json, secret } = fromCredential(credential);
  if (secret?.length === 2 * HALF) {
    json.clientExtensionResults.prf.results = {
      first: toBase64url(secret.subarray(0, HALF)),
      second: toBase64url(secret.subarray(HALF)),
    };
  }
  secret?.fill(0);
  return json;
}
