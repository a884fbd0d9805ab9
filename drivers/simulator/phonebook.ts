/** The extensions of the house and which of their phones are registered. Source: mod_sofia's sofia_reg.c; recordings. */
import type { Handset } from "./parties.ts";
import type { Switch } from "./switch.ts";

export class Phonebook {
  readonly domain: string;
  readonly #sw: Switch;
  readonly #extensions: Set<string>;
  readonly #registered: Set<string>;

  /** All extensions are registered to begin with. */
  constructor(sw: Switch, domain: string, extensions: readonly string[]) {
    this.#sw = sw;
    this.domain = domain;
    this.#extensions = new Set(extensions);
    this.#registered = new Set(extensions);
  }

  knows(extension: string): boolean {
    return this.#extensions.has(extension);
  }

  isRegistered(extension: string): boolean {
    return this.#registered.has(extension);
  }

  /** The phone of an extension. Throws when there is no such extension. */
  handset(extension: string, device = 0): Handset {
    if (!this.knows(extension)) {
      throw new Error(`Cannot find the phone of ${extension}: want one of ${[...this.#extensions].join(", ")}`);
    }
    return { extension, domain: this.domain, contact: contact(extension, device) };
  }

  /** The phone registers, or renews: `sofia::register`. */
  register(extension: string): void {
    const { contact } = this.handset(extension);
    this.#registered.add(extension);
    this.#sw.fire("CUSTOM", {
      "profile-name": "internal",
      "from-user": extension,
      "from-host": this.domain,
      "presence-hosts": this.domain,
      contact: `"" <sip:${contact}>`,
      "call-id": crypto.randomUUID(),
      rpid: "unknown",
      status: "Registered(UDP)",
      expires: "60",
      "to-user": extension,
      "to-host": this.domain,
      ...this.#network(extension),
      username: extension,
      realm: this.domain,
      "user-agent": "simulator",
      user_name: extension,
      domain_name: this.domain,
    }, "sofia::register");
  }

  /** The phone says goodbye: `sofia::unregister`. */
  unregister(extension: string): void {
    const { contact } = this.handset(extension);
    this.#registered.delete(extension);
    this.#sw.fire("CUSTOM", {
      "profile-name": "internal",
      "from-user": extension,
      "from-host": this.domain,
      contact: `"" <sip:${contact}>`,
      "call-id": crypto.randomUUID(),
      rpid: "unknown",
      expires: "0",
    }, "sofia::unregister");
  }

  /** The phone is gone and its registration runs out: `sofia::expire`. */
  expire(extension: string): void {
    this.handset(extension);
    this.#registered.delete(extension);
    this.#sw.fire("CUSTOM", {
      "profile-name": "internal",
      "call-id": crypto.randomUUID(),
      user: extension,
      host: this.domain,
      contact: `"" <sip:${contact(extension, 0)}>`,
      expires: String(Math.floor(Number(this.#sw.now()) / 1e6)),
      "user-agent": "simulator",
    }, "sofia::expire");
  }

  /** The answer to `sofia_contact [PROFILE/]USER@DOMAIN`. */
  contactOf(query: string): string {
    const [user = "", domain = this.domain] = query.replace(/^.*\//, "").split("@");
    if (domain !== this.domain || !this.isRegistered(user)) return "error/user_not_registered";
    return `sofia/internal/sip:${contact(user, 0)}`;
  }

  #network(extension: string): Record<string, string> {
    return { "network-ip": "127.0.0.1", "network-port": String(port(extension, 0)) };
  }
}

/** `1001-0x55cdefd68f40@127.0.0.1:5110`: what a phone writes in its Contact. */
function contact(extension: string, device: number): string {
  const hash = [...`${extension}/${device}`].reduce(
    (sum, each) => Math.imul(sum ^ each.charCodeAt(0), 0x01000193) >>> 0,
    0x811c9dc5,
  );
  return `${extension}-0x55${hash.toString(16).padStart(8, "0")}40@127.0.0.1:${port(extension, device)}`;
}

function port(extension: string, device: number): number {
  return 5100 + (Number(extension.slice(-3)) || 0) % 100 * 10 + device;
}
