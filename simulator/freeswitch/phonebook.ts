/** The extensions of the site and their registered phones. Source: mod_sofia's sofia_reg.c; recordings. */
import type { Handset } from "./parties.ts";
import type { Switch } from "./switch.ts";

/** A registered phone. An extension may have several (`multiple-registrations`), counted from 0. */
interface Registered {
  readonly device: number;
  readonly agent: string;
  /** Unplugged: its registration has not expired, but it answers nothing. */
  readonly silent: boolean;
}

/** A phone that gets an INVITE. */
export interface Contact {
  readonly handset: Handset;
  readonly silent: boolean;
}

export class Phonebook {
  readonly domain: string;
  /** The User-Agent of the phones. */
  userAgent = "simulator";
  readonly #sw: Switch;
  readonly #extensions: Set<string>;
  readonly #registered = new Map<string, readonly Registered[]>();

  /** The first phone of each extension is registered at the start. */
  constructor(sw: Switch, domain: string, extensions: readonly string[]) {
    this.#sw = sw;
    this.domain = domain;
    this.#extensions = new Set(extensions);
    for (const extension of extensions) this.#add(extension, { device: 0, agent: "", silent: false });
  }

  knows(extension: string): boolean {
    return this.#extensions.has(extension);
  }

  /** The phone of an extension. @throws Error for an unknown extension. */
  handset(extension: string, device = 0): Handset {
    if (!this.knows(extension)) {
      throw new Error(`Cannot find the phone of ${extension}: expected one of ${[...this.#extensions].join(", ")}`);
    }
    return { extension, domain: this.domain, contact: contact(extension, device) };
  }

  /** The registered phones of an extension, in order of registration. */
  contacts(extension: string): Contact[] {
    return this.#of(extension).map(({ device, silent }) => ({ handset: this.handset(extension, device), silent }));
  }

  /** The phone registers or renews: `sofia::register`. */
  register(extension: string, device = 0, agent = ""): void {
    const { contact } = this.handset(extension, device);
    this.#add(extension, { device, agent, silent: false });
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
      "network-ip": "127.0.0.1",
      "network-port": String(port(extension, device)),
      username: extension,
      realm: this.domain,
      "user-agent": agent || this.userAgent,
      user_name: extension,
      domain_name: this.domain,
    }, "sofia::register");
  }

  /** The phone is unplugged: it stays registered until it expires, but answers nothing. */
  unplug(extension: string, device = 0): void {
    const phone = this.#of(extension).find((phone) => phone.device === device);
    if (phone) this.#add(extension, { ...phone, silent: true });
  }

  /** The phone unregisters: `sofia::unregister`. */
  unregister(extension: string, device = 0): void {
    const { contact } = this.handset(extension, device);
    this.#remove(extension, device);
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

  /** The registration of the phone expires: `sofia::expire`. */
  expire(extension: string, device = 0): void {
    const { contact } = this.handset(extension, device);
    this.#remove(extension, device);
    this.#sw.fire("CUSTOM", {
      "profile-name": "internal",
      "call-id": crypto.randomUUID(),
      user: extension,
      host: this.domain,
      contact: `"" <sip:${contact}>`,
      expires: String(Math.floor(Number(this.#sw.now()) / 1e6)),
      "user-agent": this.userAgent,
    }, "sofia::expire");
  }

  /** The answer to `sofia_contact [PROFILE/]USER@DOMAIN`. */
  contactOf(query: string): string {
    const [user = "", domain = this.domain] = query.replace(/^.*\//, "").split("@");
    const phones = domain === this.domain ? this.contacts(user) : [];
    return phones.map(({ handset }) => `sofia/internal/sip:${handset.contact}`).join(",") || "error/user_not_registered";
  }

  /** `sofia status` (mod_sofia.c). */
  profiles(): string {
    const line = `${"=".repeat(97)}\n`;
    const rows = [
      [this.domain, "  alias", "internal", "ALIASED"],
      ...["external", "internal"].map(
        (name) => [name, "profile", `sip:mod_sofia@127.0.0.1:${name === "internal" ? 5060 : 5080}`, "RUNNING (0)"],
      ),
    ];
    const row = ([name = "", type, data = "", state]: string[]) =>
      `${name.padStart(25)}\t${type}\t  ${data.padStart(40)}\t${state}\n`;
    return `${" ".repeat(21)}Name\t   Type\t${" ".repeat(38)}Data\tState\n${line}${
      rows.map(row).join("")
    }${line}2 profiles 1 alias\n`;
  }

  /** `show registrations as json` (switch_core_sqldb.c). */
  registrations(): string {
    const rows = this.#all().map(({ extension, device }) => ({
      reg_user: extension,
      realm: this.domain,
      token: `${extension}-token`,
      url: `sofia/internal/sip:${contact(extension, device)}`,
      expires: "1795000000",
      network_ip: "127.0.0.1",
      network_port: String(port(extension, device)),
      network_proto: "udp",
      hostname: "simulator",
      metadata: "",
    }));
    return `${JSON.stringify(rows.length === 0 ? { row_count: 0 } : { row_count: rows.length, rows })}\n`;
  }

  /**
   * `sofia status profile internal reg|user TEXT` (mod_sofia.c): `reg` lists registrations whose contact contains the text,
   * `user` those of exactly this USER@DOMAIN.
   */
  status(by: string, text: string): string {
    const line = "=".repeat(97);
    const [user, domain] = text.split("@");
    const found = this.#all().filter(({ extension, device }) =>
      by === "user" ? extension === user && domain === this.domain : `"" <sip:${contact(extension, device)}>`.includes(text)
    );
    const blocks = found.flatMap((phone, index) => [...this.#block(phone, index), ""]);
    return `\nRegistrations:\n${line}\n${blocks.join("\n")}\nTotal items returned: ${found.length}\n${line}\n`;
  }

  #block({ extension, device, agent }: Registered & { extension: string }, index: number): string[] {
    return [
      `Call-ID:    \tsimulated-${index}`,
      `User:       \t${extension}@${this.domain}`,
      `Contact:    \t"" <sip:${contact(extension, device)}>`,
      `Agent:      \t${agent || this.userAgent}`,
      "Status:     \tRegistered(UDP)(unknown) EXP(2026-11-19 00:00:00) EXPSECS(60)",
      "Ping-Status:\tReachable",
      "Host:       \tsimulator",
      "IP:         \t127.0.0.1",
      `Port:       \t${port(extension, device)}`,
      `Auth-User:  \t${extension}`,
      `Auth-Realm: \t${this.domain}`,
    ];
  }

  #of(extension: string): readonly Registered[] {
    return this.#registered.get(extension) ?? [];
  }

  #all(): (Registered & { extension: string })[] {
    return [...this.#registered].flatMap(([extension, phones]) => phones.map((phone) => ({ extension, ...phone })));
  }

  /** Adds a registration; a renewal keeps its position. */
  #add(extension: string, phone: Registered): void {
    const before = this.#of(extension);
    const renewed = before.map((known) => known.device === phone.device ? phone : known);
    this.#registered.set(extension, before.some(({ device }) => device === phone.device) ? renewed : [...before, phone]);
  }

  #remove(extension: string, device: number): void {
    this.#registered.set(extension, this.#of(extension).filter((phone) => phone.device !== device));
  }
}

/** The contact of a phone: `1001-0x55cdefd68f40@127.0.0.1:5110`. */
function contact(extension: string, device: number): string {
  const hash = [...`${extension}/${device}`].reduce(
    (sum, character) => Math.imul(sum ^ character.charCodeAt(0), 0x01000193) >>> 0,
    0x811c9dc5,
  );
  return `${extension}-0x55${hash.toString(16).padStart(8, "0")}40@127.0.0.1:${port(extension, device)}`;
}

function port(extension: string, device: number): number {
  return 5100 + (Number(extension.slice(-3)) || 0) % 100 * 10 + device;
}
