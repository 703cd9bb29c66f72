/**
 * @file Between WebAuthn's JSON and its buffers, by hand: toJSON() and parse…FromJSON() lose or
 * garble PRF fields in some browsers, and some password managers return arrays of numbers
 * where the standard says ArrayBuffer.
 */

/**
 * @param {string} text Base64url, padded or not.
 * @returns {Uint8Array}
 */
export function fromBase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} Base64url without padding.
 */
export function toBase64url(bytes) {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * The bytes of whatever a browser or an extension returned.
 *
 * @param {unknown} value An ArrayBuffer, a view of one, or an array of numbers.
 * @returns {Uint8Array | null} A view where that is possible, so that filling it with zeros
 *   reaches the original; null if there are no bytes.
 */
export function toBytes(value) {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  // Not instanceof: an extension's buffer may come from another realm.
  if (Object.prototype.toString.call(value) === "[object ArrayBuffer]") {
    return new Uint8Array(value);
  }
  return Array.isArray(value) ? Uint8Array.from(value) : null;
}

/**
 * @param {{ publicKey: object }} options As JSON; `publicKey.extensions.prf` is required.
 * @param {AbortSignal} [signal]
 * @returns {CredentialCreationOptions | CredentialRequestOptions} What navigator.credentials
 *   takes.
 */
export function toOptions({ publicKey }, signal) {
  const options = { ...publicKey, challenge: fromBase64url(publicKey.challenge) };
  if (publicKey.user) {
    options.user = { ...publicKey.user, id: fromBase64url(publicKey.user.id) };
  }
  if (publicKey.allowCredentials) {
    options.allowCredentials = publicKey.allowCredentials.map((credential) => ({
      ...credential,
      id: fromBase64url(credential.id),
    }));
  }
  options.extensions = { ...publicKey.extensions, prf: toPrf(publicKey.extensions.prf) };
  return { publicKey: options, signal };
}

/**
 * @param {PublicKeyCredential} credential
 * @returns {{ json: object, secret: Uint8Array | null }} Its JSON without the PRF results, and
 *   these results as one buffer (null if there are none). The browser's own copies are filled
 *   with zeros.
 */
export function fromCredential(credential) {
  const { response } = credential;
  const results = credential.getClientExtensionResults?.() ?? {};
  const fields = { clientDataJSON: encode(response.clientDataJSON) };
  if (response.attestationObject) {
    fields.attestationObject = encode(response.attestationObject);
    fields.transports = response.getTransports?.() ?? [];
  } else {
    fields.authenticatorData = encode(response.authenticatorData);
    fields.signature = encode(response.signature);
  }
  const id = encode(credential.rawId);
  const extensions = { prf: { enabled: results.prf?.enabled === true } };
  if (typeof results.credProps?.rk === "boolean") {
    extensions.credProps = { rk: results.credProps.rk };
  }
  return {
    json: { id, rawId: id, type: credential.type, response: fields, clientExtensionResults: extensions },
    secret: takeResults(results.prf?.results),
  };
}

function toPrf({ eval: both, evalByCredential }) {
  const inputs = (pair) => ({ first: fromBase64url(pair.first), second: fromBase64url(pair.second) });
  if (both) {
    return { eval: inputs(both) };
  }
  const each = Object.entries(evalByCredential).map(([id, pair]) => [id, inputs(pair)]);
  return { evalByCredential: Object.fromEntries(each) };
}

function takeResults(results) {
  const parts = [results?.first, results?.second].map(toBytes).filter((part) => part?.length);
  if (parts.length === 0) {
    return null;
  }
  const secret = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    secret.set(part, offset);
    offset += part.length;
    part.fill(0);
  }
  return secret;
}

function encode(value) {
  return toBase64url(toBytes(value));
}
