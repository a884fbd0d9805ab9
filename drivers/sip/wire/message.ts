/** The messages between the driver and the SIP stack. */
import type { ConnectFailure } from "../../shared/connect-failure.ts";

/** A SIP request to send. */
export interface SipRequest {
  readonly method: string;
  /** The Request-URI; inside a dialog the server knows it. */
  readonly uri: string;
  /** The destination, a SIP URI; the Request-URI if absent. */
  readonly route?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The server's name for the dialog that it belongs to. */
  readonly dialog?: string;
}

/** The common part of all SIP messages. */
export interface SipText {
  /** A header's value unchanged; several of one name are joined with commas. */
  header(name: string): string | undefined;
  readonly body: string;
}

/** A response to a request of ours. */
export interface SipAnswer extends SipText {
  readonly status: number;
  readonly reason: string;
  /** Created by drachtio-server itself: nobody on the network has answered. */
  readonly own: boolean;
  /** The server's name for the dialog that it made. */
  readonly dialog: string;
  /** Confirms a 2xx to an INVITE. */
  ack(): void;
}

/** A request of ours that has been sent. */
export interface Sent {
  /** As it went out: with Call-ID, tags, CSeq. */
  readonly uri: string;
  header(name: string): string | undefined;
  /** Cancels an INVITE; its final response will follow. */
  cancel(): void;
}

/** Receives the progress of a request. */
export interface Watcher {
  /** It has been sent. */
  sent(sent: Sent): void;
  /** A response, provisional or final. */
  answer(answer: SipAnswer): void;
  /** There will be no final response: the connection is lost (StackClosed), or the request was not sent (NotSent). */
  failed(error: StackClosed | NotSent): void;
}

/** A request from the network. */
export interface SipIncoming extends SipText {
  readonly method: string;
  readonly uri: string;
  /** Answers it; may be called once. */
  answer(status: number, headers?: Readonly<Record<string, string>>, body?: string): void;
}

/** The connection is gone. `sent`: the request had been written, so that its outcome is unknown. */
export class StackClosed extends Error {
  constructor(why: string, readonly sent: boolean) {
    super(why);
  }
}

/**
 * Why there is no connection to drachtio-server: no TCP connection (`ConnectFailure`); `login-refused`; `login-unanswered` in
 * time; `login-lost`: the connection ended during the login, or the peer is not drachtio-server.
 */
export type OpenFailure = ConnectFailure | "login-refused" | "login-unanswered" | "login-lost";

/** There is no connection to drachtio-server: the message says why, for people; the code is for decisions. */
export class CannotOpen extends Error {
  constructor(why: string, readonly code: OpenFailure) {
    super(why);
  }
}

/** drachtio-server did not send the request. */
export class NotSent extends Error {
  /** @param reason the server's own. @param to the destination of the request. */
  static because(reason: string, to: string): NotSent {
    if (!/transport not available/.test(reason)) return new NotSent(`drachtio-server would not send: ${reason}`);
    const transport = /;transport=(\w+)/.exec(to)?.[1] ?? "udp";
    return new NotSent(
      `drachtio-server does not speak SIP over ${transport}: ` +
        `add a <contact> with transport=${transport} to <sip> in its drachtio.conf.xml, or change line.transport`,
    );
  }
}
