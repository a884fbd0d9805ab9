/** What a peer does before it greets, which tells another program on that port from a slow switch. */
import { oneLine } from "../../../src/platform/text.ts";

/** How much of the first bytes is kept, in characters. */
const maxKeptChars = 64;

/** What one peer has sent before its greeting. */
export class Greeting {
  readonly #where: string;
  #sent = "";

  /** @param where its address, for people. */
  constructor(where: string) {
    this.#where = where;
  }

  /** Takes the first bytes. False if the peer is certainly not an event socket: the first line is not a header of a frame. */
  take(data: Buffer | string): boolean {
    if (this.#sent.length < maxKeptChars) this.#sent = (this.#sent + String(data)).slice(0, maxKeptChars);
    const [line = "", ...rest] = this.#sent.split("\n");
    return (rest.length === 0 && this.#sent.length < maxKeptChars) || /^[A-Za-z-]+:/.test(line);
  }

  /** Why there is no greeting, or not yet. */
  missing(isConnected: boolean): string {
    if (!isConnected) return `${this.#where} does not answer: is line.host right, is there a firewall in between?`;
    const does = this.#sent === "" ? "accepts the connection but sends nothing" : `does not greet${this.#quoted()}`;
    return `${this.#where} ${does}: is that FreeSWITCH's event socket? Check line.port`;
  }

  /** Why there will be no greeting: the peer has closed the connection. */
  closed(): string {
    return `${this.#where} closed the connection without a greeting${this.#quoted()}: ` +
      "is that FreeSWITCH's event socket, and does it allow this address (apply-inbound-acl)?";
  }

  /** The first words, as one line. */
  #quoted(): string {
    if (this.#sent === "") return "";
    return ` (it sent ${JSON.stringify(oneLine(this.#sent.slice(0, 60)).trim())})`;
  }
}
