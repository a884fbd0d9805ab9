/**
 * One SIP request with its final answer: answers the switch's challenges (digest.ts) and keeps a deadline. All requests of
 * the driver go this way.
 */
import { authorization, type Challenge, challengeOf, type Credentials } from "./digest.ts";
import { NotSent, type Sent, type SipAnswer, type SipRequest, type Watcher } from "./message.ts";
import type { Stack } from "./stack.ts";
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import { messageOf } from "../../../src/platform/text.ts";

/** How a request is sent. */
export interface RequestOptions {
  readonly credentials?: Credentials | undefined;
  /** Deadline for the final answer, in ms; undefined for an INVITE, whose caller cancels it. */
  readonly withinMs?: number;
  /** Called as soon as the request is sent, with Call-ID and tags, and again when it is sent with a password. */
  readonly onSent?: (sent: Sent) => void;
  readonly onProvisional?: (answer: SipAnswer) => void;
}

/** The final response to a request. */
export interface FinalResponse extends SipAnswer {
  /** The answer was given although the request had our password. */
  readonly authorized: boolean;
  /** There is a password for this request. */
  readonly hasPassword: boolean;
}

interface Outcome {
  /** Undefined if none came in time. */
  readonly answer?: SipAnswer;
  readonly sent?: Sent;
}

/** How often one request answers a challenge: a proxy's once, the switch's once, and again when a nonce was stale. */
const maxChallenges = 3;

/** The challenges that a request has been given, by the header that answers them, each with how often its nonce has been used. */
type Given = Map<"Authorization" | "Proxy-Authorization", { readonly challenge: Challenge; count: number }>;

/**
 * Sends a request, and resolves with the final response; 408 when none came in time (RFC 3261, section 8.1.3.1).
 * Rejects with StackClosed when the connection to drachtio-server is lost, with NotSent if it refused to send the request.
 */
export async function sendRequest(stack: Stack, request: SipRequest, options: RequestOptions = {}): Promise<FinalResponse> {
  let next: SipRequest | undefined = request;
  let last: Outcome = {};
  let challenges = 0;
  const given: Given = new Map();
  for (; next !== undefined; challenges++) {
    last = await once(stack, next, options);
    next = challenges < maxChallenges ? authorized(request, last, given, options.credentials) : undefined;
  }
  return { ...(last.answer ?? silence), authorized: challenges > 1, hasPassword: options.credentials !== undefined };
}

const silence: SipAnswer = {
  status: 408,
  reason: "no answer",
  own: true,
  dialog: "",
  body: "",
  header: () => undefined,
  ack: () => {},
};

function once(stack: Stack, request: SipRequest, { withinMs, onSent, onProvisional }: RequestOptions): Promise<Outcome> {
  const outcome = Promise.withResolvers<Outcome>();
  let way: Sent | undefined;
  const watcher: Watcher = {
    sent: (sent) => {
      way = sent;
      onSent?.(sent);
    },
    answer: (answer) => {
      if (answer.status < 200) onProvisional?.(answer);
      else outcome.resolve({ answer, ...(way ? { sent: way } : {}) });
    },
    failed: outcome.reject,
  };
  try {
    stack.send(request, watcher);
  } catch (error) {
    // A tag, nonce or dialog name from the other side may contain characters that must not be sent.
    outcome.reject(new NotSent(messageOf(error)));
  }
  if (withinMs === undefined) return outcome.promise;
  const cancel = stack.timers.after(withinMs, () => outcome.resolve(way ? { sent: way } : {}));
  return outcome.promise.finally(cancel);
}

/** The request with what its answers require; undefined if the last answer requires nothing, or did not accept our password. */
function authorized(
  request: SipRequest,
  { answer, sent }: Outcome,
  given: Given,
  credentials: Credentials | undefined,
): SipRequest | undefined {
  if (!answer || !sent || !credentials || (answer.status !== 401 && answer.status !== 407)) return undefined;
  const [asks, answers] = answer.status === 407
    ? ["proxy-authenticate", "Proxy-Authorization"] as const
    : ["www-authenticate", "Authorization"] as const;
  const challenge = challengeOf(answer.header(asks) ?? "");
  if (!challenge || (given.has(answers) && !challenge.stale)) return undefined;
  given.set(answers, { challenge, count: 0 });
  const { method } = request;
  const proofs = [...given].map(([name, use]) => {
    const cnonce = crypto.randomUUID().slice(0, 8);
    return [name, authorization(use.challenge, credentials, { method, uri: sent.uri, count: ++use.count, cnonce })] as const;
  });
  return {
    ...request,
    headers: {
      ...request.headers,
      ...(request.dialog === undefined ? sameAttempt(method, sent) : {}),
      ...Object.fromEntries(proofs),
    },
  };
}

/** The same Call-ID and From tag and the next CSeq (RFC 3261, section 22.2); inside a dialog the server adds them. */
function sameAttempt(method: string, sent: Sent): Record<string, string> {
  const number = Number(/^\d{1,10}/.exec(sent.header("cseq") ?? "")?.[0] ?? 0);
  const [from, id] = [sent.header("from"), sent.header("call-id")];
  return {
    ...omitUndefined({ From: from, "Call-ID": id }),
    CSeq: `${number + 1} ${method}`,
  };
}
