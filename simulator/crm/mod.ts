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

/** A CRM that listens on this machine. */
export class SmallCrm {
  readonly events: ReceivedEvent[] = [];
  readonly #server: Server;
  readonly #onEvent: (event: ReceivedEvent) => void;
  #wake = Promise.withResolvers<void>();

  private constructor(onEvent: (event: ReceivedEvent) => void, status: number) {
    this.#onEvent = onEvent;
    this.#server = createServer((request, answer) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const event = readEvent(Buffer.concat(parts).toString());
        answer.writeHead(event ? status : 400, { "Content-Length": 0 }).end();
        if (event) this.#arrived(event);
      });
    });
  }

  /** Opens a CRM on a free port of an address, which confirms each event with this status. */
  static async open(
    onEvent: (event: ReceivedEvent) => void = () => {},
    { host = "127.0.0.1", status = 200 }: { readonly host?: string; readonly status?: number } = {},
  ): Promise<SmallCrm> {
    const crm = new SmallCrm(onEvent, status);
    await new Promise<void>((listening, failed) => crm.#server.once("error", failed).listen(0, host, listening));
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

  #arrived(event: ReceivedEvent): void {
    this.events.push(event);
    this.#onEvent(event);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** Sends a callout as UWQ does, and returns the body of the answer. */
export function sendCallout(
  port: number,
  path: string,
  parameters: Readonly<Record<string, string>>,
  host = "127.0.0.1",
): Promise<string> {
  const query = new URLSearchParams(parameters).toString();
  return new Promise((resolve, reject) => {
    const callout = request({ host, port, path: `${path}?${query}`, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => resolve(Buffer.concat(parts).toString()));
    });
    callout.on("error", reject);
    callout.end();
  });
}

/** The event of a body; undefined if it is not XML. */
function readEvent(xml: string): ReceivedEvent | undefined {
  let event: Bun.XML.Node | undefined;
  try {
    [event] = elementsIn(Bun.XML.parse(xml, { compact: false }));
  } catch {
    return undefined;
  }
  const data = (event ? elementsIn(event) : []).map(({ attributes }) => [attributes["name"] ?? "", attributes["value"] ?? ""]);
  return { name: event?.attributes["name"] ?? "", data: Object.fromEntries(data), xml };
}

function elementsIn({ children }: Bun.XML.Node): Bun.XML.Node[] {
  return children.filter((child): child is Bun.XML.Node => typeof child !== "string" && "name" in child);
}
