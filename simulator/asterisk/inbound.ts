/** A call to a phone: from outside by the endpoint `trunk`, or from a colleague; straight, through a queue, or by a transfer. */
import { type Asterisk, outgoing } from "./asterisk.ts";
import { type Channel, endpointOf } from "./channel.ts";

/** Who calls whom, and how the dialplan leads the call. */
export interface InboundOptions {
  readonly from: string;
  readonly name?: string;
  /** The phone that rings; default 1001. */
  readonly to?: string;
  /** The extension that was dialled; default the phone's. */
  readonly dialled?: string;
  /** The endpoint of the caller; default `PJSIP/trunk`. */
  readonly by?: string;
  /** The caller withholds the number. */
  readonly withheld?: boolean;
  /** Inherited variables, in the order in which the phone's channel gets them. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The call comes from app_queue. */
  readonly queue?: boolean;
}

/** The call: it rings when it has been created. */
export class InboundCall {
  readonly caller: Channel;
  readonly phone: Channel;
  readonly #pbx: Asterisk;
  readonly #queue: boolean;

  constructor(pbx: Asterisk, options: InboundOptions) {
    const { from, name = "", to = "1001", dialled = to, by = "PJSIP/trunk", withheld, variables = {}, queue = false } = options;
    [this.#pbx, this.#queue] = [pbx, queue];
    const context = by === "PJSIP/trunk" ? "from-trunk" : "default";
    this.caller = pbx.create({ endpoint: by, state: "Ring", caller: { number: from, name }, context, exten: dialled });
    const { caller } = this;
    pbx.setVariable(caller, "SIPDOMAIN", "127.0.0.1");
    pbx.executes(caller, queue ? "Queue" : "Dial", queue ? "support" : `PJSIP/${to},30,tT`);
    for (const variable of queue ? [] : ["DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME"]) pbx.setVariable(caller, variable);
    const phone = this.phone = pbx.create({ endpoint: `PJSIP/${to}` });
    phone.linkedId = caller.linkedId;
    if (withheld) {
      for (const part of ["num-pres", "pres"]) {
        phone.variables.set(`CONNECTEDLINE(${part})`, "prohib");
        caller.variables.set(`CALLERID(${part})`, "prohib");
      }
    }
    pbx.setVariable(phone, "DIALEDPEERNUMBER", to);
    for (const [variable, value] of Object.entries(variables)) pbx.setVariable(phone, `__${variable}`, value);
    [phone.exten, phone.connected] = [dialled, { number: from, name }];
    if (queue) {
      phone.app = "AppQueue";
      pbx.setState(phone, "Ringing");
    }
    pbx.executes(phone, queue ? "AppQueue" : "AppDial", outgoing);
    pbx.connects(phone, from, name);
    pbx.dial(caller, phone, { string: to });
    pbx.connects(caller, to, `Phone ${to}`);
    if (!queue) pbx.setState(phone, "Ringing");
    pbx.dial(caller, phone, { status: "RINGING" });
  }

  get id(): string {
    return this.phone.id;
  }

  answer(): void {
    const [pbx, { caller, phone }] = [this.#pbx, this];
    pbx.setState(phone, "Up");
    if (!this.#queue) {
      pbx.setVariable(caller, "DIALSTATUS", "ANSWER");
      pbx.setVariable(caller, "DIALEDPEERNAME", phone.name);
      pbx.setVariable(caller, "DIALEDPEERNUMBER", endpointOf(phone).replace(/^.*\//, ""));
      phone.exten = "";
    }
    pbx.dial(caller, phone, { status: "ANSWER" });
    pbx.setState(caller, "Up");
    if (!this.#queue) pbx.executes(phone, "AppDial", outgoing);
    pbx.setVariable(phone, "BRIDGEPEER", caller.name);
    pbx.setVariable(caller, "BRIDGEPEER", phone.name);
  }

  hold(): void {
    this.#pbx.setVariable(this.phone, "BRIDGEPEER", this.caller.name);
    this.#pbx.event("ChannelHold", this.phone, { musicclass: "default" });
  }

  retrieve(): void {
    this.#pbx.setVariable(this.phone, "BRIDGEPEER", this.caller.name);
    this.#pbx.event("ChannelUnhold", this.phone);
    this.#pbx.setVariable(this.phone, "BRIDGEPEER", this.caller.name);
  }

  /** The phone declines. */
  decline(): void {
    const [pbx, { caller, phone }] = [this.#pbx, this];
    pbx.hangupRequest(phone, { cause: 17, tech_cause: 486 });
    pbx.dial(caller, phone, { status: "BUSY" });
    pbx.destroy(phone, 17, 486);
    pbx.destroy(caller, 17, 486);
  }

  /** The phone hangs up. */
  hangUp(): void {
    const [pbx, { caller, phone }] = [this.#pbx, this];
    pbx.hangupRequest(phone);
    for (const channel of [phone, caller]) pbx.setVariable(channel, "BRIDGEPEER");
    pbx.destroy(phone, 16);
    pbx.hangupRequest(caller, { cause: 16, soft: true });
    pbx.destroy(caller, 16);
  }

  /** The caller hangs up, before the answer or after it. */
  callerHangsUp(): void {
    const [pbx, { caller, phone }] = [this.#pbx, this];
    if (phone.state === "Up") {
      pbx.hangupRequest(caller);
      for (const channel of [caller, phone]) pbx.setVariable(channel, "BRIDGEPEER");
      pbx.setVariable(caller, "DIALSTATUS", "ANSWER");
      pbx.hangupRequest(caller, { cause: 16, soft: true });
      pbx.destroy(caller, 16);
      return pbx.destroy(phone, 16);
    }
    pbx.hangupRequest(caller, { cause: 127, tech_cause: 487 });
    pbx.dial(caller, phone, { status: "CANCEL" });
    pbx.destroy(phone, 127, 500);
    pbx.destroy(caller, 127, 487);
  }
}
