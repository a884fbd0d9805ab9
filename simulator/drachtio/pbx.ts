/**
 * A small SIP switch behind the scripted drachtio-server: it authenticates requests, reports its phones' dialogs to subscribers,
 * rings phones and accepts REFERs. Tests script people, and answers that differ from the normal ones.
 */
import { challenge, type DigestOptions, parts, proves } from "./digest.ts";
import { DrachtioServer, type Network, type Sent, type ServerOptions } from "./server.ts";
import { header, parameter, type SipMessage, userOf } from "./sip.ts";

/** Settings of a switch. */
export interface PbxOptions extends Partial<DigestOptions>, Partial<Omit<ServerOptions, "network">> {
  readonly domain?: string;
  /** The status of its challenges; none: no authentication. */
  readonly challenge?: 401 | 407 | "none";
}

/**
 * A scripted answer in place of the normal one: undefined for the normal answer, "silence" for no answer; `unreached`: the
 * answer of drachtio-server if it cannot reach the switch.
 */
export type Instead =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly unreached: "Service Unavailable" | "DNS Error" }
  | "silence"
  | undefined;

/** A dialog of a phone, as in its documents. */
export interface PhoneDialog {
  readonly id: string;
  readonly extension: string;
  readonly direction: "initiator" | "recipient";
  remote: string;
  state: "trying" | "early" | "confirmed" | "terminated";
  held: boolean;
}

/** A subscription of a client. */
export interface Sub {
  sent: Sent;
  readonly callId: string;
  readonly extension: string;
  version: number;
  cseq: number;
  expires: number;
}

/** An INVITE from the box to a phone. */
interface Ringing {
  readonly sent: Sent;
  readonly dialog: PhoneDialog;
  cseq: number;
  /** Answered or declined. */
  answered: boolean;
  referred: boolean;
}

/** The switch. */
export class SipPbx implements Network {
  readonly server: DrachtioServer;
  readonly dialogs: PhoneDialog[] = [];
  readonly subscriptions = new Map<string, Sub>();
  /** All requests that were authenticated or need no authentication, in order. */
  readonly requests: SipMessage[] = [];
  /** The answers to its own requests, by transaction. */
  readonly answers = new Map<string, SipMessage>();
  /** What a phone does when the box rings it; `declines first`: the subscriber is notified after the box. */
  handset: "answers" | "declines" | "declines first" | "waits" | "voicemail" = "answers";
  /** The outcome of a REFER: the statuses of its NOTIFYs, in order. */
  refer: readonly number[] = [100, 180, 200];
  /** Sends a NOTIFY of the last REFER with this status. */
  refers: (status: number) => void = () => {
    throw new Error("Cannot send a NOTIFY of a REFER: there was no REFER");
  };
  /** Called first for every request. */
  instead: (message: SipMessage) => Instead = () => undefined;
  /** The last INVITE. */
  invite: Sent | undefined;
  /** Whether a document is sent immediately after a subscription. */
  sendsFirstDocument = true;
  readonly #options: PbxOptions;
  readonly #digest: DigestOptions;
  readonly #nonces = new Set<string>();
  /** The registered contact of the box. */
  #contact: string | undefined;
  readonly #ringing = new Map<string, Ringing>();

  constructor(options: PbxOptions = {}) {
    this.#options = options;
    const { realm = "pbx", password = "s3cret", algorithm = "MD5" } = options;
    this.#digest = { realm, password, algorithm };
    this.server = new DrachtioServer({ ...options, network: this });
  }

  /** The number of INVITEs and of REFERs outside dialogs received. */
  dials(): number {
    return this.requests.filter(({ method, headers }) =>
      method === "INVITE" || (method === "REFER" && !headers.some(([name, value]) => name === "To" && value.includes("tag=")))
    ).length;
  }

  /** The number of requests received with this method. */
  count(method: string): number {
    return this.requests.filter((message) => message.method === method).length;
  }

  /** Kills drachtio-server: its connections and their subscriptions are lost. */
  kill(): void {
    this.subscriptions.clear();
    this.server.stop();
  }

  /** Forgets all nonces, so that the next response to a challenge is stale. */
  forgetNonces(): void {
    this.#nonces.clear();
  }

  request(sent: Sent): void {
    const { message, client } = sent;
    const method = message.method ?? "";
    const instead = this.instead(message);
    if (instead === "silence") return;
    if (instead && "unreached" in instead) return client.notReached(sent, instead.unreached);
    if (instead) return client.respond(sent, instead.status, instead.headers);
    if (method !== "ACK" && method !== "CANCEL" && method !== "OPTIONS" && !this.#proved(sent)) return;
    this.requests.push(message);
    this.server.changed();
    switch (method) {
      case "SUBSCRIBE":
        return this.#subscribe(sent);
      case "INVITE":
        return this.#invite(sent);
      case "CANCEL":
        return this.#cancel(sent);
      case "REFER":
        return this.#refer(sent);
      case "BYE":
        return this.#bye(sent);
      case "REGISTER":
        return this.#register(sent);
      default:
        client.respond(sent, 200);
    }
  }

  acknowledged(message: SipMessage): void {
    this.requests.push(message);
    this.server.changed();
  }

  answer(_client: unknown, transaction: string, message: SipMessage): void {
    this.answers.set(transaction, message);
    this.server.changed();
  }

  /** A call rings at a phone. */
  rings(remote: string, extension = "1001"): PhoneDialog {
    return this.#begin({ id: crypto.randomUUID(), extension, direction: "recipient", remote, state: "early", held: false });
  }

  /** A phone dials, and the far end rings. */
  dialsOut(remote: string, extension = "1001"): PhoneDialog {
    return this.#begin({ id: crypto.randomUUID(), extension, direction: "initiator", remote, state: "early", held: false });
  }

  /** Changes a phone's dialog and notifies all subscribers. */
  change(id: string, changes: Partial<Pick<PhoneDialog, "state" | "held" | "remote">>): void {
    const dialog = this.dialogs.find((dialog) => dialog.id === id);
    if (!dialog) throw new Error(`Cannot change dialog ${id}: it does not exist`);
    Object.assign(dialog, changes);
    this.publish(dialog.extension);
    if (dialog.state === "terminated") this.dialogs.splice(this.dialogs.indexOf(dialog), 1);
  }

  /** Sends the state of this phone's dialogs to all its subscribers. */
  publish(extension: string): void {
    for (const sub of this.subscriptions.values()) if (sub.extension === extension) this.notify(sub);
  }

  /** Sends a NOTIFY with the full state, or with a scripted body. Returns the transaction. */
  notify(
    sub: Sub,
    { state = `active;expires=${sub.expires}`, body = this.document(sub) }: { state?: string; body?: string } = {},
  ): string {
    const headers = {
      Event: "dialog",
      "Subscription-State": state,
      ...(body === "" ? {} : { "Content-Type": "application/dialog-info+xml" }),
    };
    return sub.sent.client.ask("NOTIFY", sub.sent.message, headers, body, ++sub.cseq);
  }

  /** Ends a subscription for a reason, such as `deactivated` or `probation;retry-after=3`. */
  end(sub: Sub, reason: string): void {
    this.notify(sub, { state: `terminated;reason=${reason}`, body: "" });
    this.subscriptions.delete(sub.callId);
  }

  /** The document with all dialogs of a phone. */
  document(sub: Sub): string {
    const mine = this.dialogs.filter(({ extension }) => extension === sub.extension).map((dialog) => {
      const rendering = `<param pname="+sip.rendering" pvalue="${dialog.held ? "no" : "yes"}"/>`;
      return `<dialog id="${dialog.id}" direction="${dialog.direction}"><state>${dialog.state}</state>` +
        `<local><identity>sip:${sub.extension}@pbx</identity><target uri="sip:${sub.extension}@pbx">${rendering}</target></local>` +
        `<remote><identity>sip:${dialog.remote}@pbx</identity></remote></dialog>`;
    });
    const root = `xmlns="urn:ietf:params:xml:ns:dialog-info" version="${sub
      .version++}" state="full" entity="sip:${sub.extension}@pbx"`;
    return `<?xml version="1.0"?>\n<dialog-info ${root}>${mine.join("")}</dialog-info>\n`;
  }

  #begin(dialog: PhoneDialog): PhoneDialog {
    this.dialogs.push(dialog);
    this.publish(dialog.extension);
    return dialog;
  }

  #proved({ message, client, transaction }: Sent): boolean {
    const status = this.#options.challenge ?? 407;
    if (status === "none") return true;
    const given = parts(header(message, status === 407 ? "proxy-authorization" : "authorization"));
    const known = given !== undefined && this.#nonces.has(given["nonce"] ?? "");
    const right = given !== undefined && proves(given, message.method ?? "", message.uri ?? "", this.#digest);
    if (known && right) return true;
    const nonce = crypto.randomUUID();
    this.#nonces.add(nonce);
    const name = status === 407 ? "Proxy-Authenticate" : "WWW-Authenticate";
    client.respond({ client, message, transaction }, status, { [name]: challenge(this.#digest, nonce, right && !known) });
    return false;
  }

  /** A REGISTER without a Contact is a query (RFC 3261, section 10.2.3). */
  #register(sent: Sent): void {
    const expires = header(sent.message, "expires") ?? "60";
    const contact = header(sent.message, "contact");
    if (contact !== undefined) this.#contact = expires === "0" ? undefined : contact;
    sent.client.respond(sent, 200, { ...(this.#contact === undefined ? {} : { Contact: this.#contact }), Expires: expires });
  }

  #subscribe(sent: Sent): void {
    const { message, client } = sent;
    if (header(message, "event") !== "dialog") return client.respond(sent, 489);
    const callId = header(message, "call-id") ?? "";
    const expires = Number(header(message, "expires"));
    const known = this.subscriptions.get(callId);
    if (parameter(header(message, "to"), "tag") !== undefined && !known) return client.respond(sent, 481);
    const sub: Sub = known ?? { sent, callId, extension: userOf(message.uri), version: 0, cseq: 0, expires };
    sub.expires = expires;
    if (expires > 0) this.subscriptions.set(callId, sub);
    this.subscribed({ ...sub, sent });
    if (expires === 0) return this.end(sub, "timeout");
    if (this.sendsFirstDocument) this.notify(sub);
    this.server.changed();
  }

  /** Accepts a SUBSCRIBE. */
  subscribed({ sent, expires }: Sub): void {
    sent.client.respond(sent, 202, { Expires: String(expires), Contact: "<sip:1001@127.0.0.1:5060>" });
  }

  #invite(sent: Sent): void {
    const { client, message } = sent;
    this.invite = sent;
    const ringing: Ringing = {
      sent,
      dialog: {
        id: crypto.randomUUID(),
        extension: userOf(message.uri),
        direction: "recipient",
        remote: userOf(header(message, "from")),
        state: "early",
        held: false,
      },
      cseq: 0,
      answered: false,
      referred: false,
    };
    client.respond(sent, 100);
    if (this.handset === "voicemail") return client.respond(sent, 200, { "Content-Type": "application/sdp" }, "v=0\r\n");
    this.#ringing.set(header(message, "call-id") ?? "", ringing);
    client.respond(sent, 180);
    this.#begin(ringing.dialog);
    if (this.handset.startsWith("declines")) ringing.answered = true;
    if (this.handset === "declines") {
      this.change(ringing.dialog.id, { state: "terminated" });
      client.respond(sent, 486);
    } else if (this.handset === "declines first") {
      client.respond(sent, 486);
      this.change(ringing.dialog.id, { state: "terminated" });
    } else if (this.handset === "answers") this.answerHandset();
    this.server.changed();
  }

  /** Answers at the phones rung by the box. */
  answerHandset(): void {
    for (const ringing of this.#ringing.values()) {
      if (ringing.answered) continue;
      ringing.answered = true;
      this.change(ringing.dialog.id, { state: "confirmed" });
      ringing.sent.client.respond(
        ringing.sent,
        200,
        { Contact: "<sip:1001@127.0.0.1:5060>", "Content-Type": "application/sdp" },
        "v=0\r\n",
      );
    }
  }

  #cancel(sent: Sent): void {
    const ringing = this.#ringing.get(header(sent.message, "call-id") ?? "");
    if (!ringing || ringing.answered) return;
    this.change(ringing.dialog.id, { state: "terminated" });
    ringing.sent.client.respond(ringing.sent, 487);
  }

  #refer(sent: Sent): void {
    const { client, message } = sent;
    const ringing = this.#ringing.get(header(message, "call-id") ?? "");
    client.respond(sent, 202);
    const number = decodeURIComponent(userOf(header(message, "refer-to")));
    if (!ringing && this.handset === "answers") this.dialsOut(number, userOf(message.uri));
    if (ringing) ringing.referred = true;
    if (!ringing && this.handset === "waits") return;
    let cseq = 0;
    this.refers = (status) => {
      const state = status >= 200 ? "terminated;reason=noresource" : "active;expires=60";
      const headers = { Event: "refer", "Subscription-State": state, "Content-Type": "message/sipfrag" };
      const request = ringing?.sent.message ?? message;
      client.ask("NOTIFY", request, headers, `SIP/2.0 ${status} Whatever\r\n`, ringing ? ++ringing.cseq : ++cseq);
    };
    this.refer.forEach(this.refers);
  }

  /** After a REFER the phone talks to the number; without one the call has ended. */
  #bye(sent: Sent): void {
    const ringing = this.#ringing.get(header(sent.message, "call-id") ?? "");
    sent.client.respond(sent, 200);
    const failed = this.refer.some((status) => status >= 300);
    if (ringing && (!ringing.referred || failed) && this.dialogs.includes(ringing.dialog)) {
      this.change(ringing.dialog.id, { state: "terminated" });
    }
  }
}
