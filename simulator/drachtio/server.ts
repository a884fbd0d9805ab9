/**
 * A drachtio-server on loopback: its protocol with the client, as in drachtio-server 0.9 (recordings/drachtio), and the
 * transactions. The network behind it is a scripted switch or a recording.
 */
import { createServer, type Server, type Socket } from "node:net";
import { header, parameter, readSip, reasonOf, type SipMessage, writeSip } from "./sip.ts";

/** A request sent by the client. */
export interface Sent {
  readonly client: Client;
  readonly transaction: string;
  /** As sent to the network: with Via, tags, Call-ID, CSeq. */
  readonly message: SipMessage;
}

/** The network behind the server. */
export interface Network {
  /** Receives a request of the client, including CANCEL with the INVITE's transaction. */
  request(sent: Sent): void;
  /** Receives the ACK of a 2xx to an INVITE. */
  acknowledged?(message: SipMessage): void;
  /** Receives the client's answer to a request of the network. */
  answer?(client: Client, transaction: string, message: SipMessage): void;
  /** Called when a client has logged in. */
  login?(client: Client): void;
}

/** Settings of a server. */
export interface ServerOptions {
  readonly network: Network;
  readonly secret?: string;
  readonly version?: string;
  readonly port?: number;
  /** Splits or delays the output, for tests: gets the bytes and calls `write` with parts of them. */
  readonly pace?: (bytes: Buffer, write: (part: Buffer) => void) => void;
  /** All frames, without their lengths. */
  readonly onFrame?: (direction: "in" | "out", text: string) => void;
}

/** A dialog created by a request of the client. */
interface Dialog {
  readonly id: string;
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly target: string;
  /** The client's contact, from the request that created the dialog. */
  readonly contact: string;
  cseq: number;
}

const sipAddress = "udp/127.0.0.1:5160";

/** The server. */
export class DrachtioServer {
  readonly clients = new Set<Client>();
  readonly #server: Server;
  readonly #waiters = new Set<() => void>();
  #port: number;

  constructor(readonly options: ServerOptions) {
    this.#port = options.port ?? 0;
    this.#server = createServer((socket) => {
      const client = new Client(this, socket);
      this.clients.add(client);
      socket.on("close", () => {
        this.clients.delete(client);
        this.changed();
      });
      this.changed();
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, on the previous port if there was one. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", () => {
        const address = this.#server.address();
        if (address !== null && typeof address === "object") this.#port = address.port;
        resolve();
      });
    });
  }

  /** Closes listener and connections, like a killed server. */
  stop(): void {
    this.#server.close();
    for (const client of this.clients) client.socket.destroy();
  }

  /** Resolves as soon as the condition is met; it is checked at every change. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }

  /** Rechecks the conditions of `until`. */
  changed(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/** One connection of a client. */
export class Client {
  /** The methods that the client receives from the network. */
  readonly routes = new Set<string>();
  authenticated = false;
  readonly #dialogs = new Map<string, Dialog>();
  readonly #requests = new Map<string, SipMessage>();
  readonly #asked = new Map<string, SipMessage>();
  #bytes: Buffer = Buffer.alloc(0);

  constructor(readonly server: DrachtioServer, readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (data) => this.#data(data as Buffer));
  }

  /** Writes one frame. */
  send(text: string): void {
    this.server.options.onFrame?.("out", text);
    this.raw(Buffer.from(`${Buffer.byteLength(text)}#${text}`));
  }

  /** Writes bytes unchanged. */
  raw(bytes: Buffer): void {
    const write = (part: Buffer) => {
      if (!this.socket.destroyed) this.socket.write(part);
    };
    const { pace } = this.server.options;
    if (pace) pace(bytes, write);
    else write(bytes);
  }

  /** Answers a request of the client, from the network. */
  respond(sent: Sent, status: number, headers: Readonly<Record<string, string>> = {}, body = ""): void {
    const { message, transaction } = sent;
    const toTag = parameter(header(message, "to"), "tag") ?? (status > 100 ? `t${transaction.slice(0, 12)}` : undefined);
    const to = (header(message, "to") ?? "").replace(/;\s*tag=[^;]*/, "");
    const answer: SipMessage = {
      status,
      reason: reasonOf(status),
      headers: [
        ["Via", header(message, "via") ?? ""],
        ["From", header(message, "from") ?? ""],
        ["To", toTag === undefined ? to : `${to};tag=${toTag}`],
        ["Call-ID", header(message, "call-id") ?? ""],
        ["CSeq", header(message, "cseq") ?? ""],
        ...Object.entries(headers),
      ],
      body,
    };
    this.#keepDialog(message, answer);
    if (message.method === "BYE" && status !== 401 && status !== 407) this.#dialogs.delete(this.#dialogId(message));
    this.fromNetwork(transaction, this.#dialogId(message), answer);
  }

  /** Answers a request of the client with 503, because the network was not reached. */
  notReached(sent: Sent, reason: string): void {
    const { message, transaction } = sent;
    const kept = message.headers.filter(([name]) => /^(via|from|to|call-id|cseq)$/i.test(name));
    const text = writeSip({ status: 503, reason, headers: kept, body: "" });
    this.send(`${crypto.randomUUID()}|sip|network|0|udp||0|${time()}|${transaction}||\r\n${text}`);
  }

  /** Sends a request from the network, in the dialog of the client's request or outside a dialog. */
  ask(method: string, request: SipMessage, headers: Readonly<Record<string, string>>, body = "", cseq = 1): string {
    const transaction = crypto.randomUUID();
    const toTag = parameter(header(request, "to"), "tag") ?? `t${this.#transactionOf(request).slice(0, 12)}`;
    const to = (header(request, "to") ?? "").replace(/;\s*tag=[^;]*/, "");
    const message: SipMessage = {
      method,
      uri: "sip:1009@127.0.0.1:5160",
      headers: [
        ["Via", `SIP/2.0/UDP 127.0.0.1;rport=5060;branch=z9hG4bK${transaction.slice(0, 13)}`],
        ["Max-Forwards", "70"],
        ["From", `${to};tag=${toTag}`],
        ["To", header(request, "from") ?? ""],
        ["Call-ID", header(request, "call-id") ?? ""],
        ["CSeq", `${cseq} ${method}`],
        ["Contact", "<sip:1001@127.0.0.1:5060>"],
        ...Object.entries(headers),
      ],
      body,
    };
    this.#asked.set(transaction, message);
    this.fromNetwork(transaction, this.#dialogId(request), message);
    return transaction;
  }

  /** Passes on a message from the network. */
  fromNetwork(transaction: string, dialog: string, message: SipMessage): void {
    const text = writeSip(message);
    const meta = `network|${Buffer.byteLength(text)}|udp|127.0.0.1|5060|${time()}|${transaction}|${dialog}|`;
    this.send(`${crypto.randomUUID()}|sip|${meta}\r\n${text}`);
  }

  #transactionOf(request: SipMessage): string {
    return [...this.#requests].find(([, message]) => message === request)?.[0] ?? "";
  }

  #dialogId(message: SipMessage): string {
    return `${header(message, "call-id")};from-tag=${parameter(header(message, "from"), "tag")}`;
  }

  #keepDialog(request: SipMessage, answer: SipMessage): void {
    const makes = request.method === "INVITE" || request.method === "SUBSCRIBE";
    if (!makes || answer.status === undefined || answer.status < 200 || answer.status > 299) return;
    const id = this.#dialogId(request);
    this.#dialogs.set(id, {
      id,
      callId: header(request, "call-id") ?? "",
      from: header(request, "from") ?? "",
      to: header(answer, "to") ?? "",
      target: "sip:1001@127.0.0.1:5060",
      contact: header(request, "contact") ?? "<sip:127.0.0.1:5160>",
      cseq: Number.parseInt(header(request, "cseq") ?? "1"),
    });
  }

  #data(data: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    for (let hash = this.#bytes.indexOf("#"); hash > 0; hash = this.#bytes.indexOf("#")) {
      const end = hash + 1 + Number(this.#bytes.toString("latin1", 0, hash));
      if (this.#bytes.length < end) return;
      const text = this.#bytes.toString("utf8", hash + 1, end);
      this.#bytes = this.#bytes.subarray(end);
      this.server.options.onFrame?.("in", text);
      this.#frame(text);
      this.server.changed();
    }
  }

  #frame(text: string): void {
    const end = text.indexOf("\r\n");
    const [id = "", type, ...rest] = (end < 0 ? text : text.slice(0, end)).split("|");
    const { secret = "cymru", version = "v0.9.10-1-g9c2dd4cb6a", network } = this.server.options;
    if (type === "authenticate") {
      this.authenticated = rest[0] === secret;
      this.#reply(id, this.authenticated ? `OK|${sipAddress}|${version}|${sipAddress}` : "NOK|incorrect secret");
      if (this.authenticated) network.login?.(this);
    } else if (!this.authenticated) this.socket.destroy();
    else if (type === "ping") this.#reply(id, "OK|pong");
    else if (type === "route") {
      this.routes.add(rest[0] ?? "");
      this.#reply(id, "OK");
    } else if (type === "sip" && !speaks(rest[2])) this.#reply(id, "NOK|requested protocol/transport not available");
    else if (type === "sip") this.#sip(id, rest[0] ?? "", rest[1] ?? "", readSip(text.slice(end + 2)));
    else this.#reply(id, "NOK|Unknown message type");
  }

  #reply(id: string, text: string): void {
    this.send(`${crypto.randomUUID()}|response|${id}|${text}`);
  }

  #sip(id: string, transaction: string, dialog: string, message: SipMessage): void {
    if (message.status !== undefined) return this.#answered(id, transaction, message);
    if (message.method === "CANCEL") {
      this.#reply(id, "OK");
      const invite = this.#requests.get(transaction);
      if (invite) this.server.options.network.request({ client: this, transaction, message: { ...invite, method: "CANCEL" } });
      return;
    }
    const known = this.#dialogs.get(dialog);
    if (dialog !== "" && !known) return this.#reply(id, "NOK|unable to find dialog for dialog id provided");
    const sent = crypto.randomUUID();
    const out = known ? inDialog(message, known) : outside(message);
    this.#requests.set(sent, out);
    this.#echo(id, sent, out);
    if (message.method === "ACK") return this.server.options.network.acknowledged?.(out);
    this.server.options.network.request({ client: this, transaction: sent, message: out });
  }

  #answered(id: string, transaction: string, message: SipMessage): void {
    if (!this.#asked.delete(transaction)) return this.#reply(id, "NOK|transaction not found");
    this.#echo(id, transaction, message);
    this.server.options.network.answer?.(this, transaction, message);
  }

  #echo(id: string, transaction: string, message: SipMessage): void {
    const text = writeSip(message);
    const meta = `OK|application|${Buffer.byteLength(text)}|udp|127.0.0.1|5160|${time()}|${transaction}|Msg sent:|`;
    this.send(`${crypto.randomUUID()}|response|${id}|${meta}\r\n${text}`);
  }
}

/** Whether the server has a contact for the transport of a request. */
function speaks(route: string | undefined): boolean {
  const transport = /;transport=(\w+)/.exec(route ?? "")?.[1] ?? "udp";
  return sipAddress.startsWith(`${transport}/`);
}

/** Adds the headers of the SIP stack to a request outside a dialog. */
function outside(message: SipMessage): SipMessage {
  const without = message.headers.filter(([name]) => !/^(from|to|call-id|cseq)$/i.test(name));
  const from = header(message, "from") ?? "";
  return {
    ...message,
    headers: [
      ["Via", `SIP/2.0/UDP 127.0.0.1:5160;rport;branch=z9hG4bK${crypto.randomUUID().slice(0, 13)}`],
      ["Max-Forwards", "70"],
      ["From", parameter(from, "tag") === undefined ? `${from};tag=${crypto.randomUUID().slice(0, 8)}` : from],
      ["To", header(message, "to") ?? ""],
      ["Call-ID", header(message, "call-id") ?? crypto.randomUUID()],
      ["CSeq", header(message, "cseq") ?? `1 ${message.method}`],
      ...without.map(([name, value]) => [name, value.replace("@localhost", "@127.0.0.1:5160")] as const),
    ],
  };
}

function inDialog(message: SipMessage, dialog: Dialog): SipMessage {
  // drachtio-server 0.9.10 drops all headers of a request without a body that has its own Contact (observed live).
  const lost = header(message, "contact") !== undefined && message.body === "";
  const without = lost ? [] : message.headers.filter(([name]) => !/^(from|to|call-id|cseq)$/i.test(name));
  const contact = /^(INVITE|SUBSCRIBE|REFER)$/.test(message.method ?? "") ? [["Contact", dialog.contact] as const] : [];
  dialog.cseq++;
  return {
    ...message,
    uri: dialog.target,
    headers: [
      ["Via", `SIP/2.0/UDP 127.0.0.1:5160;rport;branch=z9hG4bK${crypto.randomUUID().slice(0, 13)}`],
      ["From", dialog.from],
      ["To", dialog.to],
      ["Call-ID", dialog.callId],
      ["CSeq", `${dialog.cseq} ${message.method}`],
      ...contact,
      ...without,
    ],
  };
}

function time(): string {
  return `${new Date().toISOString().slice(11, 23)}000`;
}
