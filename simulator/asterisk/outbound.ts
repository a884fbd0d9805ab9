/** Calls that a phone makes: on its keypad, and because ARI has dialled for it (POST /channels). */
import { type Asterisk, outgoing } from "./asterisk.ts";
import type { Channel } from "./channel.ts";
import { type Answer, type AriRequest, error } from "./server.ts";
import { channelJson } from "./channel.ts";

/** The far leg of a call, from the moment at which the dialplan calls it. */
export class FarLeg {
  readonly far: Channel;
  readonly phone: Channel;
  readonly #pbx: Asterisk;
  readonly #string: string;

  /** The dialplan calls a number: `9` and an outside number, or a colleague. */
  constructor(pbx: Asterisk, phone: Channel, number: string) {
    [this.#pbx, this.phone] = [pbx, phone];
    const outside = number.startsWith("9") && number.length > 4;
    const [uri, caller] = [`sip:${number.slice(1)}@127.0.0.1:5490`, { ...phone.caller }];
    this.#string = outside ? `trunk/${uri}` : number;
    pbx.executes(phone, "Dial", outside ? `PJSIP/trunk/${uri},40` : `PJSIP/${number},30`);
    for (const variable of ["DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME"]) pbx.setVariable(phone, variable);
    const context = outside ? "from-trunk" : "default";
    const far = pbx.create({
      endpoint: outside ? "PJSIP/trunk" : `PJSIP/${number}`,
      context,
      exten: number,
      ...(outside ? { caller: { number, name: phone.connected.name } } : {}),
    });
    [this.far, far.connected, far.linkedId] = [far, caller, phone.linkedId];
    pbx.executes(far, "AppDial", outgoing);
    pbx.dial(phone, far, { string: this.#string });
    // Nothing changes if the phone's channel shows the number already.
    if (phone.connected.number !== far.caller.number) pbx.connects(phone, far.caller.number, far.caller.name);
  }

  rings(): void {
    this.#pbx.setState(this.far, "Ringing");
    this.#pbx.dial(this.phone, this.far, { status: "RINGING" });
  }

  answer(): void {
    const [pbx, { phone, far }] = [this.#pbx, this];
    pbx.setState(far, "Up");
    pbx.setVariable(phone, "DIALSTATUS", "ANSWER");
    pbx.setVariable(phone, "DIALEDPEERNAME", far.name);
    pbx.setVariable(phone, "DIALEDPEERNUMBER", this.#string);
    far.exten = "";
    pbx.dial(phone, far, { status: "ANSWER" });
    if (phone.state !== "Up") pbx.setState(phone, "Up");
    pbx.setVariable(phone, "BRIDGEPEER", far.name);
  }

  /** The far end is busy; the dialplan ends the call. */
  isBusy(): void {
    const [pbx, { phone, far }] = [this.#pbx, this];
    pbx.dial(phone, far, { status: "BUSY" });
    pbx.destroy(far, 17, 486);
    pbx.setVariable(phone, "DIALSTATUS", "BUSY");
    pbx.executes(phone, "Hangup", "17");
    pbx.hangupRequest(phone, { cause: 16, soft: true });
    pbx.destroy(phone, 17, 486);
  }

  /** The far end hangs up. */
  hangsUp(): void {
    const [pbx, { phone, far }] = [this.#pbx, this];
    pbx.setVariable(phone, "BRIDGEPEER");
    pbx.destroy(far, 16);
    this.#ends();
  }

  /** The phone hangs up, after the answer. */
  phoneHangsUp(): void {
    this.#pbx.hangupRequest(this.phone);
    this.#pbx.setVariable(this.phone, "BRIDGEPEER");
    this.#pbx.destroy(this.far, 16);
    this.#ends();
  }

  #ends(): void {
    this.#pbx.setVariable(this.phone, "DIALSTATUS", "ANSWER");
    this.#pbx.hangupRequest(this.phone, { cause: 16, soft: true });
    this.#pbx.destroy(this.phone, 16);
  }

  /** The phone ends the call before the far end has answered. */
  gaveUp(): void {
    const [pbx, { phone, far }] = [this.#pbx, this];
    // A phone that was called by the switch sends BYE, one that dialled CANCEL.
    const cancelled = phone.state === "Up" ? {} : { tech_cause: 487 };
    pbx.hangupRequest(phone, phone.state === "Up" ? {} : { cause: 127, ...cancelled });
    pbx.dial(phone, far, { status: "CANCEL" });
    pbx.setVariable(phone, "DIALSTATUS", "CANCEL");
    pbx.destroy(far, 16);
    pbx.hangupRequest(phone, { cause: 16, soft: true, ...cancelled });
    phone.state === "Up" ? pbx.destroy(phone, 0) : pbx.destroy(phone, 127, 487);
  }
}

/** A phone dials a number on its keypad. */
export function keypad(pbx: Asterisk, number: string, extension = "1001"): FarLeg {
  const phone = pbx.create({ endpoint: `PJSIP/${extension}`, state: "Ring", exten: number });
  pbx.setVariable(phone, "SIPDOMAIN", "127.0.0.1");
  return new FarLeg(pbx, phone, number);
}

/** A phone dials a number that the dialplan does not have, or a feature that plays something. */
export function wrongNumber(pbx: Asterisk, number: string, extension = "1001"): void {
  const phone = pbx.create({ endpoint: `PJSIP/${extension}`, state: "Ring", exten: number });
  pbx.setVariable(phone, "SIPDOMAIN", "127.0.0.1");
  pbx.hangupRequest(phone, { cause: 3, soft: true });
  pbx.destroy(phone, 3, 404);
}

/** What a phone does when ARI rings it. */
export type Handset = "answers" | "declines" | "waits";

/** POST /channels: rings a phone, and leads it into the dialplan when it answers. */
export class Originator {
  /** What the phone does. */
  handset: Handset = "answers";
  /** The far leg does this after the phone has answered; by default it rings. */
  far: (leg: FarLeg) => void = (leg) => leg.rings();
  /** The requests that were carried out. */
  readonly dials: AriRequest[] = [];
  /** The calls whose phone has answered. */
  readonly legs: FarLeg[] = [];
  readonly #pbx: Asterisk;

  constructor(pbx: Asterisk) {
    this.#pbx = pbx;
    pbx.originate = (request) => this.#originate(request);
  }

  #originate(request: AriRequest): Answer {
    const pbx = this.#pbx;
    const asked = { ...request.query, ...request.body };
    const text = (name: string) => typeof asked[name] === "string" ? asked[name] : "";
    const [endpoint, id] = [text("endpoint"), text("channelId")];
    if (endpoint === "") return error(400, "Endpoint must be specified");
    this.dials.push(request);
    if (id !== "" && pbx.channels.has(id)) return error(409, "Channel with given unique ID already exists");
    // PJSIP/1001, or PJSIP/1001/sip:CONTACT
    const name = endpoint.split("/").slice(0, 2).join("/");
    if (pbx.endpoints.get(name)?.state !== "online") return { status: 500, body: { error: "Allocation failed" } };
    const channel = pbx.create({ endpoint: name, ...(id === "" ? {} : { id }), context: text("context") || "default" });
    const body = channelJson(channel);
    this.#ring(channel, text("extension"), /^(?:"?(.*?)"? *<(.*)>|(.*))$/.exec(text("callerId")) ?? [], variablesOf(asked));
    return { status: 200, body };
  }

  #ring(
    channel: Channel,
    extension: string,
    [, name = "", number, plain = ""]: readonly string[],
    variables: [string, string][],
  ): void {
    const [pbx, resource] = [this.#pbx, channel.name.slice("PJSIP/".length).replace(/-\w+$/, "")];
    pbx.executes(channel, "AppDial2", outgoing);
    channel.caller = { name, number: number ?? plain };
    if (channel.caller.number !== "") {
      pbx.event("ChannelCallerId", channel, {
        caller_presentation: 0,
        caller_presentation_txt: "Presentation Allowed, Not Screened",
      });
      pbx.connects(channel, channel.caller.number, channel.caller.name);
    }
    for (const [variable, value] of variables) pbx.setVariable(channel, variable, value);
    pbx.dial(undefined, channel, { string: resource });
    pbx.dial(undefined, channel, { status: "RINGING", string: resource });
    pbx.setState(channel, "Ringing");
    // The answer to the request comes first.
    if (this.handset === "declines") setImmediate(() => this.declines(channel, resource));
    if (this.handset === "answers") setImmediate(() => this.answers(channel, extension, resource));
    pbx.server.changed();
  }

  declines(channel: Channel, resource = "1001"): void {
    const pbx = this.#pbx;
    pbx.hangupRequest(channel, { cause: 17, tech_cause: 486 });
    pbx.dial(undefined, channel, { status: "BUSY", string: resource });
    pbx.destroy(channel, 17, 486);
  }

  answers(channel: Channel, extension: string, resource = "1001"): void {
    const pbx = this.#pbx;
    if (!pbx.channels.has(channel.id)) return;
    pbx.setState(channel, "Up");
    pbx.dial(undefined, channel, { status: "ANSWER", string: resource });
    channel.exten = extension;
    const leg = new FarLeg(pbx, channel, extension);
    this.legs.push(leg);
    this.far(leg);
    pbx.server.changed();
  }

  /** The phone does not answer in the time of the request. */
  notAnswered(channel: Channel): void {
    this.#pbx.destroy(channel, 19, 480);
  }
}

/** The variables of a request. */
function variablesOf({ variables }: Readonly<Record<string, unknown>>): [string, string][] {
  return typeof variables === "object" && variables !== null
    ? Object.entries(variables).map(([name, value]) => [name, String(value)])
    : [];
}
