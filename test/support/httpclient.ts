/** A listener for tests, and an HTTP client that sees and sends every byte. */
import { connect, type Socket } from "node:net";
import { decodeAnswer } from "../../src/cctsdk/decode.ts";
import { defaultAnswers } from "../../src/cctsdk/profile.ts";
import type { Reply } from "../../src/core/crm.ts";
import { type HttpOptions, type Listener, openHttp } from "../../src/http/listener.ts";
import { openLog } from "../../src/log/log.ts";

/** The target of a callout that succeeds, and the body of its answer. */
export const ready = "/?FunctionName=Ready&telesetNumber=1001&agentID=SMITH";
export const success = "<CCTSDK></CCTSDK>";

/** A GET as sent on the wire. */
export const get = (target: string, headers = "Host: 127.0.0.1\r\n"): string => `GET ${target} HTTP/1.1\r\n${headers}\r\n`;

/** An answer as received on the wire. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A client that writes bytes and reads answers, on a real socket. */
export class Client {
  /** A byte a character: lengths count bytes. */
  #text = "";
  #ended = false;
  readonly #waiting = new Set<() => void>();
  readonly closed: Promise<void>;

  /** Connects; half open, so that the test decides when its side ends. `stays`: it does not, when the server's side has. */
  static async dial(port: number, { host = "127.0.0.1", stays = false } = {}): Promise<Client> {
    const client = new Client(connect({ port, host, allowHalfOpen: true }), stays);
    await new Promise<void>((resolve) => client.socket.once("connect", resolve));
    return client;
  }

  constructor(readonly socket: Socket, stays: boolean) {
    const wake = () => this.#waiting.forEach((check) => check());
    socket.on("data", (data) => {
      this.#text += data.toString("latin1");
      wake();
    });
    socket.on("error", () => {}).on("end", () => {
      this.#ended = true;
      if (!stays) socket.end();
      wake();
    });
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    void this.closed.then(wake);
  }

  send(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  /** The next answer, by its Content-Length; undefined if the connection ends first. */
  answer(headOnly = false): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const check = () => {
        const answer = this.#take(headOnly);
        if (answer === undefined && !this.#ended && !this.socket.closed) return;
        this.#waiting.delete(check);
        resolve(answer);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** What has arrived and belongs to no answer that was taken. */
  get rest(): string {
    return this.#text;
  }

  #take(headOnly: boolean): Answer | undefined {
    const end = this.#text.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const head = this.#text.slice(0, end);
    const length = headOnly ? 0 : Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN);
    const bytes = this.#text.slice(end + 4, end + 4 + length);
    if (bytes.length < length) return undefined;
    this.#text = this.#text.slice(end + 4 + length);
    return { status: Number(head.slice(9, 12)), head, body: Buffer.from(bytes, "latin1").toString("utf8") };
  }
}

const listeners: Listener[] = [];
const clients: Client[] = [];
/** Ends all that was opened so far: for `afterEach`, or `afterAll` where tests are concurrent. */
export async function cleanUp(): Promise<void> {
  for (const client of clients.splice(0)) client.socket.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
}

/** What a test wants otherwise. */
interface Part extends Partial<Omit<HttpOptions, "callouts">> {
  callouts?: Partial<HttpOptions["callouts"]>;
}

/** The monitors' endpoints, for tests of something else. */
export const quietMonitoring: HttpOptions["monitoring"] = {
  monitorAllow: [],
  ready: () => ({ ready: true, troubles: [], uwq: { desks: 1, registered: 1 }, waiting: 0 }),
  metrics: () => "",
};

/** Opens a listener whose callouts succeed. */
export async function open({ callouts, ...part }: Part = {}): Promise<Listener> {
  const log = openLog(() => {}, "trace", false);
  const listener = await openHttp({
    host: "127.0.0.1",
    port: 0,
    connections: 64,
    monitoring: quietMonitoring,
    log,
    callouts: {
      allow: ["127.0.0.0/8", "::1"],
      hostNames: ["box"],
      allowBrowsers: false,
      perSecond: 1000,
      burst: 1000,
      registerAllow: [],
      desks: () => ["1001"],
      submit: () => Promise.resolve<Reply>({ ok: true }),
      checkStatus: () => ({ ok: true }),
      log,
      now: () => 0,
      answers: defaultAnswers,
      parameters: {},
      ...callouts,
    },
    ...part,
  });
  listeners.push(listener);
  return listener;
}

/** Connects to it. */
export async function dial(port: number, options?: { host?: string; stays?: boolean }): Promise<Client> {
  const client = await Client.dial(port, options);
  clients.push(client);
  return client;
}

/** One request on a new connection, and its answer. */
export const ask = async (port: number, text: string | Uint8Array): Promise<Answer | undefined> =>
  (await dial(port)).send(text).answer();
/** An answer as its status and the text of its Error. */
export const complaint = (answer: Answer | undefined): readonly unknown[] => [answer?.status, decodeAnswer(answer?.body ?? "")];

/** Whether a port of loopback takes no connection. */
export function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });
}
