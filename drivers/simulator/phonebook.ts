/** The extensions of the house and which of their phones are registered. Source: mod_sofia's sofia_reg.c; recordings. */
import type { Handset } from "./parties.ts";
import type { Switch } from "./switch.ts";

export class Phonebook {
  readonly domain: string;
  /** What the phones call themselves. */
  userAgent = "simulator";
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
      "user-agent": this.userAgent,
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
      "user-agent": this.userAgent,
    }, "sofia::expire");
  }

  /** The answer to `sofia_contact [PROFILE/]USER@DOMAIN`. */
  contactOf(query: string): string {
    const [user = "", domain = this.domain] = query.replace(/^.*\//, "").split("@");
    if (domain !== this.domain || !this.isRegistered(user)) return "error/user_not_registered";
    return `sofia/internal/sip:${contact(user, 0)}`;
  }

  /** `show registrations as json` (switch_core_sqldb.c). */
  registrations(): string {
    const rows = [...this.#registered].map((extension) => ({
      reg_user: extension,
      realm: this.domain,
      token: `${extension}-token`,
      url: `sofia/internal/sip:${contact(extension, 0)}`,
      expires: "1795000000",
      network_ip: "127.0.0.1",
      network_port: String(port(extension, 0)),
      network_proto: "udp",
      hostname: "simulator",
      metadata: "",
    }));
    return `${JSON.stringify(rows.length === 0 ? { row_count: 0 } : { row_count: rows.length, rows })}\n`;
  }

  /** `sofia status profile internal reg USER@DOMAIN` (mod_sofia.c). */
  status(query: string): string {
    const [user = "", domain = this.domain] = query.split("@");
    const line = "=".repeat(97);
    const found = domain === this.domain && this.isRegistered(user);
    const block = found
      ? [
        "Call-ID:    \tsimulated",
        `User:       \t${user}@${domain}`,
        `Contact:    \t"" <sip:${contact(user, 0)}>`,
        `Agent:      \t${this.userAgent}`,
        "Status:     \tRegistered(UDP)(unknown) EXP(2026-11-19 00:00:00) EXPSECS(60)",
        "Ping-Status:\tReachable",
        "Host:       \tsimulator",
        "IP:         \t127.0.0.1",
        `Port:       \t${port(user, 0)}`,
        `Auth-User:  \t${user}`,
        `Auth-Realm: \t${domain}`,
        "",
      ]
      : [];
    return `\nRegistrations:\n${line}\n${block.join("\n")}\nTotal items returned: ${found ? 1 : 0}\n${line}\n`;
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
