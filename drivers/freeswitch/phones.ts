/**
 * The desks' phones: whether each is registered, and where. Everything that is learned about a phone, from a query, an event, a
 * dial or a leg, passes through here, so that every answer comes from one state.
 */
import type { Failure, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import { handsetFailure } from "../shared/causes.ts";
import type { DeskNames } from "./commands.ts";
import type { Link } from "./wire/link.ts";
import { type Contact, readContacts } from "./whose-leg.ts";
import { omitUndefined } from "../../src/core/omit-undefined.ts";

type PhoneEvent = Extract<LineEvent, { type: "phone" }>;

/** What `Phones` needs from its session. */
export interface PhonesOptions {
  readonly link: Link;
  readonly desks: readonly DeskNames[];
  readonly log: Log;
  readonly report: (event: PhoneEvent) => void;
}

/** The phones of one connection. */
export class Phones {
  readonly #options: PhonesOptions;
  readonly #names: ReadonlyMap<string, DeskNames>;
  readonly #states = new Map<string, PhoneEvent>();
  readonly #contacts = new Map<string, readonly Contact[]>();
  #isHeld = true;
  /** The switch does not report registrations, so we query them. */
  areUnreported = false;

  constructor(options: PhonesOptions) {
    this.#options = options;
    this.#names = new Map(options.desks.map((names) => [names.extension, names]));
  }

  /** The registered contacts of a desk; undefined while they are not known. */
  contactsOf(desk: string): readonly Contact[] | undefined {
    return this.#contacts.get(desk);
  }

  /** Reports what is known about all phones, and from now on every change: after a connect the legs must come first. */
  release(): void {
    this.#isHeld = false;
    for (const state of this.#states.values()) this.#options.report(state);
  }

  /** Asks the switch where all phones are. Rejects with LinkClosed. */
  async lookUpAll(): Promise<void> {
    for (const { extension } of this.#options.desks) await this.#lookUp(extension);
  }

  /** Asks the switch where a phone is, soon. @param proven see `#lookUp`. */
  lookUp(desk: string, proven = false): void {
    this.#lookUp(desk, proven).catch(() => {});
  }

  /** A phone that is not registered is looked up: it may be back without an event, if its SIP profile was restarted. */
  onHeartbeat(): void {
    for (const { extension } of this.#options.desks) {
      if (this.areUnreported || this.#isUnregistered(extension)) this.lookUp(extension);
    }
  }

  /**
   * Asks the switch where a phone is. What was learned about it meanwhile is newer than the answer that it is nowhere.
   * @param proven whether the phone is known to be reachable: then the answer only shows where.
   */
  async #lookUp(desk: string, proven = false): Promise<void> {
    const names = this.#names.get(desk);
    if (!names) return;
    const before = this.#states.get(desk);
    const answers = await this.#ask(names);
    if (answers === undefined) return;
    if (answers.length > 0) {
      this.#contacts.set(desk, answers.flatMap(readContacts));
      return this.#learn({ type: "phone", desk, registered: true, contact: answers.join(",") });
    }
    if (proven) return;
    const why = await this.#whyNowhere(names);
    if (this.#states.get(desk) !== before) return;
    this.#contacts.set(desk, []);
    this.#learn({ type: "phone", desk, registered: false, ...omitUndefined({ why }) });
  }

  /** An event reports that the phone has registered. */
  onRegister(event: PhoneEvent): void {
    const known = this.#contacts.get(event.desk) ?? [];
    const [contact] = readContacts(`sofia/any/${/<([^>]*)>/.exec(event.contact ?? "")?.[1] ?? event.contact ?? ""}`);
    const isKnown = contact !== undefined && known.some(({ places }) => Bun.deepEquals(places, contact.places));
    if (isKnown) this.#learn(event);
    else this.#learnPlace(event);
  }

  /** The phone rings or was answered, so it can be reached. */
  onReached(desk: string): void {
    if (this.#isUnregistered(desk)) this.#learnPlace({ type: "phone", desk, registered: true });
  }

  /** A dial has failed. Unless the cause shows what is wrong with the phone, the phone is looked up. */
  onDialFailed(desk: string, { cause, why }: Failure): void {
    // While a profile stops, the switch still lists the contacts that were registered on it.
    const isExplained = cause === "SUBSCRIBER_ABSENT" || cause === "INVALID_PROFILE";
    if (cause !== "USER_NOT_REGISTERED" && !isExplained) return this.lookUp(desk);
    this.#contacts.set(desk, []);
    this.#learn({ type: "phone", desk, registered: false, ...(isExplained ? { why } : {}) });
  }

  #isUnregistered(desk: string): boolean {
    return this.#states.get(desk)?.registered === false;
  }

  /** The phone has a new address: until the switch lists it, every leg with the desk's presence id belongs to the desk. */
  #learnPlace(event: PhoneEvent): void {
    this.#contacts.delete(event.desk);
    this.#learn(event);
    this.lookUp(event.desk, true);
  }

  #learn(event: PhoneEvent): void {
    this.#states.set(event.desk, event);
    if (!this.#isHeld) this.#options.report(event);
  }

  /** The contacts of all presence ids of a desk, as listed by `sofia_contact`; undefined if the query is not possible. */
  async #ask({ extension, presence }: DeskNames): Promise<string[] | undefined> {
    const answers = new Set<string>();
    for (const id of presence) {
      const { ok, text } = await this.#options.link.command(`api sofia_contact */${id}`);
      if (!ok) {
        this.#contacts.delete(extension);
        this.#options.log.rarely(`no phone ${extension}`).warning(
          "Cannot ask whether the phone is registered: check the rights of line.user",
          { desk: extension, says: text.trim() },
        );
        return undefined;
      }
      const answer = text.trim();
      if (answer !== "" && !answer.startsWith("error/")) answers.add(answer);
    }
    return [...answers];
  }

  /**
   * Why a phone is registered nowhere: the switch's directory does not know it. Undefined if it does, or if the query is not
   * possible.
   */
  async #whyNowhere({ extension, presence }: DeskNames): Promise<string | undefined> {
    for (const id of presence) {
      const { text } = await this.#options.link.command(`api user_exists id ${id.replace("@", " ")}`);
      if (text.trim() === "true") return undefined;
      if (text.trim() !== "false") return this.#states.get(extension)?.why;
    }
    return handsetFailure("SUBSCRIBER_ABSENT", extension).why;
  }
}
