/** Who may do what on the broker: operator, accounts, and the rights of each role as templates. */
import type { Claims } from "./jwt.ts";
import type { KeyKind, KeyPair } from "../broker/nkey.ts";

/** The roles of the broker's users; each is signed with a key whose rights the account fixes. */
const roles = ["desk", "relay", "admin"] as const;

/** A role. */
export type Role = (typeof roles)[number];

/** The keys of a fleet and their kinds. `config` signs pushed configurations, the others are for the broker. */
export const keyKinds = {
  operator: "operator",
  account: "account",
  system: "account",
  desk: "account",
  relay: "account",
  admin: "account",
  config: "user",
} as const satisfies Record<string, KeyKind>;

/** The name of a key. */
export type KeyName = keyof typeof keyKinds;

/** The keys of a fleet. */
export type Keys = Readonly<Record<KeyName, KeyPair>>;

/** The public keys of a fleet. */
export type PublicKeys = Readonly<Record<KeyName, string>>;

/** Rights on subjects, and limits of one connection: subscriptions, and the bytes of a message. */
interface Rights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly subs: number;
  readonly payload: number;
}

/**
 * The rights of each role. The server replaces {{name()}} by the name in the user's JWT and {{tag(desk)}} by each of its desks,
 * so that a new box changes nothing on the server. A box is named after its first desk, by digits; the names of others start
 * with a letter, so that nobody gets the inbox of another. `prefix`: the first token of all subjects.
 */
export function rightsOf(prefix: string): Readonly<Record<Role, Rights>> {
  const inbox = "_INBOX.{{name()}}.>";
  return {
    desk: {
      publish: [`${prefix}.ask.{{tag(desk)}}.>`, `${prefix}.status.{{tag(desk)}}`, `${prefix}.view.{{tag(desk)}}`],
      subscribe: [`${prefix}.desk.{{tag(desk)}}.>`, `${prefix}.all.>`, "_INBOX.{{tag(desk)}}.>"],
      subs: 64,
      payload: 65_536,
    },
    relay: {
      publish: [`${prefix}.desk.>`, `${prefix}.all.>`, `${prefix}.relay.>`, "_INBOX.>"],
      subscribe: [
        ...["ask.>", "status.*", "view.*", "all.>", "relay.>", "admin.>"].map((subject) => `${prefix}.${subject}`),
        inbox,
      ],
      subs: -1,
      payload: -1,
    },
    admin: { publish: [`${prefix}.admin.>`], subscribe: [`${prefix}.all.>`, inbox], subs: 64, payload: -1 },
  };
}

const unlimited = { subs: -1, data: -1, payload: -1 };
const accountLimits = { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: 0 };

/** The operator: the owner of the servers. */
export function operatorClaims(keys: PublicKeys): Claims {
  return {
    sub: keys.operator,
    name: "telesetd",
    nats: { type: "operator", version: 2, system_account: keys.system },
  };
}

/** The account through which the administrator reaches the servers themselves. */
export function systemClaims(keys: PublicKeys): Claims {
  return { sub: keys.system, name: "SYS", nats: { type: "account", version: 2, limits: accountLimits } };
}

/**
 * The account of the fleet. `revoked`: by public key of a user, when it was revoked, in seconds since 1970; a JWT issued until
 * then is refused.
 */
export function accountClaims(keys: PublicKeys, prefix: string, revoked: Readonly<Record<string, number>>): Claims {
  const rights = rightsOf(prefix);
  const signers = roles.map((role) => {
    const { publish, subscribe, subs, payload } = rights[role];
    const template = { pub: { allow: publish }, sub: { allow: subscribe }, subs, data: -1, payload };
    return { kind: "user_scope", key: keys[role], role, template };
  });
  return {
    sub: keys.account,
    name: "telesetd",
    nats: { type: "account", version: 2, limits: accountLimits, signing_keys: signers, revocations: revoked },
  };
}

/** A user, to be signed with the key of its role, which gives it the rights. `user`: its public key. */
export function userClaims(
  user: string,
  { name, desks = [], until }: {
    readonly name: string;
    /** Its desks, if it is a box. */
    readonly desks?: readonly string[];
    /** When it ends, in seconds since 1970. */
    readonly until?: number;
  },
  { account }: Pick<PublicKeys, "account">,
): Claims {
  const tags = desks.length === 0 ? {} : { tags: desks.map((desk) => `desk:${desk}`) };
  const nats = { type: "user", version: 2, issuer_account: account, ...tags };
  return { sub: user, name, nats, ...(until === undefined ? {} : { exp: until }) };
}

/** A user of the system account, to be signed with its key. `until`: seconds since 1970. */
export function systemUserClaims(user: string, until: number): Claims {
  return { sub: user, name: "admin", exp: until, nats: { type: "user", version: 2, ...unlimited } };
}
