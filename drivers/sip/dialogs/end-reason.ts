/** The end of a dialog (RFC 4235, section 4.1.2) as a sentence for the agent and for the log. Pure. */
import type { Failure } from "../../../src/core/line.ts";
import type { Dialog } from "./dialog-info.ts";

/** The end of a dialog that a full state no longer lists. */
export const unlisted: Failure = {
  cause: "GONE",
  why: "The phone system no longer lists the call.",
};

/** The text about the number for the agent if a dial's leg ends without a reason (FreeSWITCH). */
export const unreached = "The number was not reached: the phone system gives no reason.";

/** Why a dialog ended, as far as its notifier reports it. */
export function endOf({ event, code }: Pick<Dialog, "event" | "code">): Failure {
  const cause = [event ?? (code === undefined ? "terminated" : "rejected"), ...(code === undefined ? [] : [code])].join(" ");
  return { cause, ...wordsOf(event, code) };
}

function wordsOf(event: Dialog["event"], code: number | undefined): { readonly why: string; readonly far?: string } {
  const busy = code === 486 || code === 600;
  const unanswered = code === 408 || code === 480 || code === 487;
  switch (event) {
    case "cancelled":
      return { why: "The call was cancelled before it was answered.", far: "The call was cancelled before the number answered." };
    case "rejected":
      if (busy) return { why: "The phone is busy or has declined the call.", far: "The number is busy." };
      return { why: "The phone has declined the call.", far: `The number was not reached${codeText(code)}.` };
    case "replaced":
      return { why: "Another call took the place of this one.", far: "Another call took the place of this one." };
    case "local-bye":
      return { why: "The handset was put down.", far: "The handset was put down." };
    case "remote-bye":
      return { why: "The other side hung up.", far: "The other side hung up." };
    case "timeout":
      return { why: "The phone did not answer in time.", far: "The number did not answer in time." };
    case "error":
      return { why: `The call failed${codeText(code)}.`, far: `The call failed${codeText(code)}.` };
    case undefined:
      if (busy) return { why: "The phone is busy or has declined the call.", far: "The number is busy." };
      if (unanswered) return { why: "The phone was not answered.", far: "The number did not answer." };
      if (code === undefined) return { why: "The call has ended: the phone system gives no reason." };
      return { why: `The call has ended${codeText(code)}.`, far: `The number was not reached${codeText(code)}.` };
  }
}

function codeText(code: number | undefined): string {
  return code === undefined ? "" : `: the phone system says ${code}`;
}
