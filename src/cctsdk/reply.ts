/** The answer to a callout, or to what is no callout, as this site's UWQ expects it. Pure. */
import type { CalloutName, Reply } from "../core/crm.ts";
import { encodeReply } from "./encode.ts";
import { type AnswerForm, type BodyForm, writeXml } from "./profile.ts";

/** An answer as it goes over HTTP. */
export interface WrittenReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer to a callout; `name` is absent when the function is unknown, which is always an Error. */
export function replyTo(name: CalloutName | undefined, reply: Reply, form: AnswerForm): WrittenReply {
  if (!reply.ok) return withBody(form.errorStatus, writeXml(encodeReply(reply), form), form);
  const success = name === undefined ? "element" : form.success[name];
  return withBody(200, success === "none" ? "" : success === "element" ? writeXml(encodeReply(reply), form) : success, form);
}

/** The answer to a request that did not count as a callout: the status says so, whatever the site sets for Errors. */
export function refusal(status: number, why: string, form: BodyForm): WrittenReply {
  return withBody(status, writeXml(encodeReply({ ok: false, why }), form), form);
}

/** The length is given, so that nothing is chunked: an old client may know HTTP/1.0 only. */
function withBody(status: number, body: string, { contentType }: BodyForm): WrittenReply {
  const headers = {
    "Content-Type": contentType,
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-store",
    ...(status === 405 ? { Allow: "GET" } : {}),
  };
  return { status, headers, body };
}
