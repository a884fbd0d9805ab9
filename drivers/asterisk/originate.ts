/** The request of a MakeCall, and what the answers to it mean. Pure. */
import type { CommandResult, DialCommand } from "../../src/core/line.ts";
import { autoAnswers } from "../shared/auto-answer.ts";
import { handsetFailure } from "../shared/causes.ts";
import type { AsteriskConfig } from "./config.ts";
import { dialPrefix } from "./leg.ts";
import { type Answer, type Asked, refusalOf } from "./wire/rest.ts";

/** The id of the channel of a dial: a repeat of the command cannot ring the phone twice. */
export function channelOf({ call }: Pick<DialCommand, "call">): string {
  return `${dialPrefix}${call}`;
}

/** What is rung for a desk. */
function dialStringOf({ dial }: Pick<AsteriskConfig, "dial">, extension: string): string {
  return dial.replaceAll("{extension}", extension);
}

/** Whether the phone's own channel is the one with our id; otherwise the dialplan rings the phone for it. */
export function isDirect({ dial, technology }: Pick<AsteriskConfig, "dial" | "technology">): boolean {
  return dial.toLowerCase().startsWith(`${technology.toLowerCase()}/`);
}

/**
 * The originate: rings the phone, and sends it into the dialplan with the number when it is answered. `callerId` sets what the
 * phone shows (the connected line) and the caller of the channel, which the customer would see: so the latter is then set to the
 * number of the site, or to the extension, as when the keypad dials.
 * @throws RangeError if the call or number contains characters that could change the request.
 */
export function originate(command: DialCommand, config: AsteriskConfig): Asked {
  const { desk, call, number } = command;
  if (!/^[0-9*#+]{1,32}$/.test(number)) {
    throw new RangeError(`The number to dial is ${JSON.stringify(number)}: expected at most 32 of 0-9 * # +`);
  }
  if (!/^[0-9A-Za-z-]{1,50}$/.test(call)) {
    throw new RangeError(`The call id is ${JSON.stringify(call)}: expected at most 50 letters, digits and -`);
  }
  return {
    method: "POST",
    path: "channels",
    body: {
      endpoint: dialStringOf(config, desk),
      extension: number,
      context: config.context,
      priority: 1,
      channelId: channelOf(command),
      callerId: `"${number}" <${number}>`,
      timeout: config.ringSeconds,
      variables: {
        "CALLERID(num)": config.callerId ?? desk,
        "CALLERID(name)": "",
        ...(isDirect(config) ? autoAnswer(config) : {}),
      },
    },
  };
}

/** The headers that ask a phone of this make to answer automatically, as variables of chan_pjsip's channel. */
function autoAnswer({ phoneMake, host, technology }: AsteriskConfig): Record<string, string> {
  if (technology.toLowerCase() !== "pjsip") return {};
  const { callInfo, alertInfo } = autoAnswers[phoneMake];
  return {
    ...(callInfo ? { "PJSIP_HEADER(add,Call-Info)": `<sip:${host.includes(":") ? `[${host}]` : host}>;answer-after=0` } : {}),
    ...(alertInfo === undefined ? {} : { "PJSIP_HEADER(add,Alert-Info)": alertInfo }),
  };
}

/** Why an originate was refused. Asterisk answers 500 "Allocation failed" if no contact of the phone is registered. */
export function refusalResult(
  answer: Answer,
  desk: string,
  { user, dial }: Pick<AsteriskConfig, "user" | "dial">,
): CommandResult {
  const { status, text } = answer;
  if (status === 500 && /allocation failed/i.test(text)) {
    return { outcome: "failed", ...handsetFailure("USER_NOT_REGISTERED", desk) };
  }
  const refused = (why: string): CommandResult => ({ outcome: "failed", cause: `HTTP_${status}`, why });
  if (status === 403) return refused(`The switch does not let user ${user} dial (read_only in ari.conf): ask the administrator.`);
  if (status === 401) return refused(`The switch no longer accepts the password of user ${user}: ask the administrator.`);
  if (status === 409) return refused(`Phone ${desk} could not be rung: the switch has a call with this id already. Try again.`);
  return refused(`Phone ${desk} could not be rung by ${dial}: the switch says ${refusalOf(answer)}. Ask the administrator.`);
}
