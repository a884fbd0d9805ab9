/** A minimal CRM for demo and replay: sends callouts and records events. */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A received event. */
export interface ReceivedEvent {
  readonly name: string;
  /** Names and values of its data, occtSourceID among them. */
  readonly data: Readonly<Record<string, string>>;
  /** The body as received. */
  readonly xml: string;
}

/** A CRM that listens on loopback. */
export class SmallCrm {
  readonly events: ReceivedEvent[] = [];
  readonly #server: Server;
  readonly #onEvent: (event: ReceivedEvent) => void;
  #wake = Promise.withResolvers<void>();

  private constructor(onEvent: (event: ReceivedEvent) => void) {
    this.#onEvent = onEvent;
    this.#server = createServer((request, answer) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        this.#arrived(Buffer.concat(parts).toString());
        answer.writeHead(200, { "Content-Length": 0 }).end();
      });
    });
  }

  /** Opens a CRM on a free port. */
  static async open(onEvent: (event: ReceivedEvent) => void = () => {}): Promise<SmallCrm> {
    const crm = new SmallCrm(onEvent);
    await new Promise<void>((listening) => crm.#server.listen(0, "127.0.0.1", listening));
    return crm;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves with true when `count` events have been received, with false after `ms`. */
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

  /** Closes the CRM. */
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

/** Sends a callout as UWQ does, and returns the body of the answer. */
export function sendCallout(port: number, path: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const query = new URLSearchParams(parameters).toString();
  return new Promise((resolve, reject) => {
    const callout = request({ host: "127.0.0.1", port, path: `${path}?${query}`, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => resolve(Buffer.concat(parts).toString()));
    });
    callout.on("error", reject);
    callout.end();
  });
}

function readEvent(xml: string): ReceivedEvent {
  const [event] = elementsIn(Bun.XML.parse(xml, { compact: false }));
  const data = (event ? elementsIn(event) : []).map(({ attributes }) => [attributes["name"] ?? "", attributes["value"] ?? ""]);
  return { name: event?.attributes["name"] ?? "", data: Object.fromEntries(data), xml };
}

function elementsIn({ children }: Bun.XML.Node): Bun.XML.Node[] {
  return children.filter((child): child is Bun.XML.Node => typeof child !== "string" && "name" in child);
}
