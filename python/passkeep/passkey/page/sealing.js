// Seals PRF outputs to the process that serves this page: see sealing.py.

import { fromBase64url, toBase64url } from "./webauthn.js";

const INFO = new TextEncoder().encode("passkeep loopback/1");
const CURVE = { name: "ECDH", namedCurve: "P-256" };

// secret: Uint8Array, filled with zeros afterwards. challenge: base64url.
export async function seal(secret, processKey, challenge) {
  try {
    const theirs = fromBase64url(processKey);
    const pair = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
    const ours = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const peer = await crypto.subtle.importKey("raw", theirs, CURVE, false, []);
    const shared = new Uint8Array(
      await crypto.subtle.deriveBits({ name: "ECDH", public: peer }, pair.privateKey, 256),
    );
    const material = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
    shared.fill(0);
    const salt = new Uint8Array([...theirs, ...ours]);
    const key = await crypto.subtle.deriveKey(
      { name: "HKDF", hash: "SHA-256", salt, info: INFO },
      material,
      { name: "AES-GCM", length: 256 },
      false,
      ["encrypt"],
    );
    const parameters = {
      name: "AES-GCM",
      iv: new Uint8Array(12), // the key is used once
      additionalData: fromBase64url(challenge),
    };
    const box = await crypto.subtle.encrypt(parameters, key, secret);
    return { key: toBase64url(ours), box: toBase64url(new Uint8Array(box)) };
  } finally {
    secret.fill(0);
  }
}
