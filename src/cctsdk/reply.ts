/** HTTP answers to callouts and to refused requests, as this site's UWQ expects them. Pure. */
import type { CalloutName, Reply } from "../core/crm.ts";
import { encodeReply } from "./encode.ts";
import { type AnswerForm, type BodyForm, writeXml } from "./profile.ts";

/** An HTTP answer. */
export interface WrittenReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer to a callout; `name` is absent for an unknown function, which is always an Error. */
export function replyTo(name: CalloutName | undefined, reply: Reply, form: AnswerForm): WrittenReply {
  if (!reply.ok) return withBody(form.errorStatus, writeXml(encodeReply(reply), form), form);
  const success = name === undefined ? "element" : form.success[name];
  return withBody(200, success === "none" ? "" : success === "element" ? writeXml(encodeReply(reply), form) : success, form);
}

/** The answer to a refused request, with its own status whatever the site sets for Errors. */
export function refusal(status: number, why: string, form: BodyForm): WrittenReply {
  return withBody(status, writeXml(encodeReply({ ok: false, why }), form), form);
}

/** With a Content-Length, so that the body is not chunked: old clients may know only HTTP/1.0. */
function withBody(status: number, body: string, { contentType }: BodyForm): WrittenReply {
  const headers = {
    "Content-Type": contentType,
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-store",
    ...(status === 405 ? { Allow: "GET" } : {}),
  };
  return { status, headers, body };
}
