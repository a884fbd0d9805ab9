/** Keys and JWTs, compared with the library of NATS; the file of the keys. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { nkeys } from "@nats-io/transport-node";
import fc from "fast-check";
import { isSealed, newKeys, openSecrets, publicKeys, sealSecrets } from "../../src/fleet/key-file.ts";
import { claimsIn, credentialsFile, issue } from "../../src/fleet/jwt.ts";
import { mergePatch } from "../../src/fleet/merge-patch.ts";
import { isSignedBy, keyFrom, newKey, publicKind } from "../../src/broker/nkey.ts";

setDefaultTimeout(60_000);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a key:", () => {
  test.each(["operator", "account", "user"] as const)("the library reads one of kind %s, and signs the same", (kind) => {
    const key = newKey(kind);
    const theirs = nkeys.fromSeed(bytes(key.seed));
    expect(theirs.getPublicKey()).toBe(key.public);
    expect(Buffer.from(theirs.sign(bytes("facts"))).equals(key.sign(bytes("facts")))).toBe(true);
    expect(keyFrom(key.seed).public).toBe(key.public);
    expect(publicKind(key.public)).toBe(kind);
  });

  test("we read one of the library", () => {
    const theirs = nkeys.createUser();
    const ours = keyFrom(new TextDecoder().decode(theirs.getSeed()));
    expect(ours.public).toBe(theirs.getPublicKey());
    expect(isSignedBy(ours.public, bytes("x"), theirs.sign(bytes("x")))).toBe(true);
  });

  test("a changed letter is noticed", () => {
    const { public: key, seed } = newKey("user");
    const changed = (text: string, at: number) => text.slice(0, at) + (text[at] === "B" ? "C" : "B") + text.slice(at + 1);
    expect(publicKind(changed(key, 20))).toBeUndefined();
    expect(() => keyFrom(changed(seed, 20))).toThrow("not an nkey");
    expect(() => keyFrom(key)).toThrow("not a seed");
    expect(publicKind(seed)).toBeUndefined();
  });

  test("any text is either a key or refused", () => {
    fc.assert(
      fc.property(fc.string(), (text) => publicKind(text) === undefined && !isSignedBy(text, bytes("x"), new Uint8Array(64))),
    );
  });
});

describe("a JWT:", () => {
  const issuer = newKey("account");
  const claims = { sub: newKey("user").public, name: "1001", nats: { type: "user", version: 2 } };

  test("is read again, with its issuer and time", () => {
    expect(claimsIn(issue(claims, issuer, 1_700_000_000_900))).toMatchObject({
      ...claims,
      iss: issuer.public,
      iat: 1_700_000_000,
    });
  });

  test("with another desk in it is refused", () => {
    const [head, body = "", signature] = issue(claims, issuer, 0).split(".");
    const forged = Buffer.from(Buffer.from(body, "base64url").toString().replace("1001", "1002")).toString("base64url");
    expect(claimsIn(`${head}.${forged}.${signature}`)).toBeUndefined();
    expect(claimsIn("x.y.z")).toBeUndefined();
  });

  test("and the seed are in the file of the credentials", () => {
    expect(credentialsFile("a.b.c", "SUX")).toMatch(
      /-----BEGIN NATS USER JWT-----\na\.b\.c\n[^]*-----BEGIN USER NKEY SEED-----\nSUX\n/,
    );
  });
});

describe("the file of the keys", () => {
  const keys = newKeys();

  test("without a passphrase has them in clear, and gives them back", () => {
    const file = sealSecrets({ keys, authorityKey: "pem" });
    const opened = openSecrets(file);
    expect(isSealed(file)).toBe(false);
    expect(publicKeys(opened.keys)).toEqual(publicKeys(keys));
    expect(opened.authorityKey).toBe("pem");
  });

  test("with a passphrase hides them, and opens with that alone", () => {
    const file = sealSecrets({ keys, authorityKey: "pem" }, "correct horse battery");
    expect(isSealed(file)).toBe(true);
    for (const { seed } of Object.values(keys)) expect(file).not.toContain(seed);
    expect(publicKeys(openSecrets(file, "correct horse battery").keys)).toEqual(publicKeys(keys));
    expect(() => openSecrets(file, "wrong")).toThrow("The passphrase is wrong");
  });
});

test.each([
  [{ a: 1, b: { c: 1, d: 2 } }, { b: { c: null, e: [3] } }, { a: 1, b: { d: 2, e: [3] } }],
  [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
  [1, { a: { b: null } }, { a: {} }],
  [{ a: 1 }, {}, { a: 1 }],
  [{}, JSON.parse('{"__proto__": {"x": 1}}'), JSON.parse('{"__proto__": {"x": 1}}')],
])("the patch of %j by %j (RFC 7386)", (value, patch, merged) => {
  expect(mergePatch(value, patch)).toEqual(merged);
  expect(({} as { x?: number }).x).toBeUndefined();
});
