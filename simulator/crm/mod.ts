/** A CRM just large enough to watch: it registers an agent, sends callouts and keeps the events that it is told. For demo and replay. */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** An event as it arrived. */
export interface Arrived {
  readonly name: string;
  /** Names and values of its data, occtSourceID among them. */
  readonly data: Readonly<Record<string, string>>;
  /** The body as it came. */
  readonly xml: string;
}

/** A CRM that listens on loopback. */
export class SmallCrm {
  readonly events: Arrived[] = [];
  readonly #server: Server;
  readonly #onEvent: (event: Arrived) => void;
  #wake = Promise.withResolvers<void>();

  private constructor(onEvent: (event: Arrived) => void) {
    this.#onEvent = onEvent;
    this.#server = createServer((asked, answer) => {
      const parts: Buffer[] = [];
      asked.on("data", (part: Buffer) => parts.push(part));
      asked.on("end", () => {
        this.#arrived(Buffer.concat(parts).toString());
        answer.writeHead(200, { "Content-Length": 0 }).end();
      });
    });
  }

  /** Opens a CRM on a free port. */
  static async open(onEvent: (event: Arrived) => void = () => {}): Promise<SmallCrm> {
    const crm = new SmallCrm(onEvent);
    await new Promise<void>((listening) => crm.#server.listen(0, "127.0.0.1", listening));
    return crm;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when so many events have come, or after `ms`: then with false. */
  async until(count: number, ms: number): Promise<boolean> {
    const late = Date.now() + ms;
    while (this.events.length < count && Date.now() < late) {
      const timer = Promise.withResolvers<void>();
      const handle = setTimeout(timer.resolve, late - Date.now());
      await Promise.race([this.#wake.promise, timer.promise]);
      clearTimeout(handle);
    }
    return this.events.length >= count;
  }

  /** Ends the CRM. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #arrived(xml: string): void {
    const event = readEvent(xml);
    this.events.push(event);
    this.#onEvent(event);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** Sends a callout as UWQ does, and gives the answer's body. */
export function sendCallout(port: number, path: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const query = new URLSearchParams(parameters).toString();
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path: `${path}?${query}`, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => resolve(Buffer.concat(parts).toString()));
    });
    asked.on("error", reject);
    asked.end();
  });
}

function readEvent(xml: string): Arrived {
  const [event] = elementsIn(Bun.XML.parse(xml, { compact: false }));
  const data = (event ? elementsIn(event) : []).map(({ attributes }) => [attributes["name"] ?? "", attributes["value"] ?? ""]);
  return { name: event?.attributes["name"] ?? "", data: Object.fromEntries(data), xml };
}

function elementsIn({ children }: Bun.XML.Node): Bun.XML.Node[] {
  return children.filter((child): child is Bun.XML.Node => typeof child !== "string" && "name" in child);
}
