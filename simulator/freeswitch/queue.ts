/**
 * A caller in a queue of mod_callcenter, offered to a free agent. Source: mod_callcenter.c, `outbound_agent_thread_run`;
 * recordings.
 */
import type { Agent, Callcenter } from "./callcenter.ts";
import type { Channel } from "./channel.ts";
import type { HeaderValue } from "./events.ts";
import type { Site } from "./site.ts";
import { bridge, cancel } from "./pair.ts";
import { calledHandset, outsideCaller } from "./parties.ts";
import { Talk } from "./talk.ts";

/** A call to a queue. */
export interface QueueEntry {
  readonly from: string;
  /** Default `support@default`. */
  readonly queue?: string;
  /** The dialled number, default 7000. */
  readonly dialled?: string;
  /** Variables of the caller's leg. */
  readonly variables?: Readonly<Record<string, string>>;
}

export class QueueCall {
  readonly site: Site;
  readonly caller: Channel;
  readonly #cc: Callcenter;
  readonly #queue: string;
  readonly #member = crypto.randomUUID();
  readonly #joined: string;
  #agent: Agent | undefined;
  #leg: Channel | undefined;
  #talk: Talk | undefined;
  #left = false;
  /** Resolves when an agent's phone first rings for this caller. */
  readonly offered: Promise<void>;

  constructor(site: Site, cc: Callcenter, entry: QueueEntry) {
    const { sw } = site;
    this.site = site;
    this.#cc = cc;
    this.#queue = entry.queue ?? "support@default";
    this.caller = outsideCaller(sw, entry.from, entry.dialled ?? "7000");
    for (const [name, value] of Object.entries(entry.variables ?? {})) this.caller.variables.set(name, value);
    this.#joined = this.#seconds();
    sw.create(this.caller);
    this.caller.transfer(this.caller.profile.destination, sw.now());
    sw.earlyMedia(this.caller);
    sw.answer(this.caller);
    this.#info("member-queue-start", this.#memberFacts, this.caller);
    this.#count(1);
    this.caller.kill = () => void this.callerHangsUp();
    this.offered = this.#offer();
  }

  /** The agent's leg, once it rings. */
  get leg(): Channel | undefined {
    return this.#leg;
  }

  /** Waits for a free agent and rings the agent's phone. */
  async #offer(): Promise<void> {
    const agent = await this.#cc.free(this.#queue);
    if (this.#left) return;
    this.#agent = agent;
    this.#cc.setState(agent, "Receiving");
    const facts = { "CC-Agent": agent.name, "CC-Agent-Type": agent.type, "CC-Agent-System": "single_box" };
    const dnis = { "CC-Member-DNIS": this.caller.profile.destination };
    this.#info("agent-offering", { ...facts, ...this.#memberFacts, ...dnis });
    this.#ring(agent);
    await this.site.sent();
  }

  #ring(agent: Agent): void {
    const { sw } = this.site;
    const extension = /user\/(\w+)@/.exec(agent.contact)?.[1] ?? "";
    const variables = {
      cc_queue: this.#queue,
      cc_queue_joined_epoch: this.#joined,
      cc_member_uuid: this.#member,
      cc_member_session_uuid: this.caller.uuid,
      cc_member_pre_answer_uuid: this.#member,
      cc_agent: agent.name,
      cc_agent_type: agent.type,
      cc_side: "agent",
      origination_caller_id_name: this.caller.profile.callerName,
      origination_caller_id_number: this.caller.profile.callerNumber,
    };
    const callerNumber = this.caller.profile.callerNumber;
    const leg = this.#leg = calledHandset(sw, this.site.handset(extension), undefined, { callerNumber, variables });
    sw.create(leg);
    sw.progress(leg);
    leg.kill = (cause) => void this.noAnswer(cause);
  }

  /** The agent answers; mod_callcenter connects the caller some 50 ms later, with `connect`. */
  async lift(): Promise<void> {
    this.site.sw.answer(this.#ringing.leg);
    await this.site.sent();
  }

  /** The agent answers, and is connected. */
  async answer(): Promise<void> {
    this.site.sw.answer(this.#ringing.leg);
    await this.connect();
  }

  /** The agent, who has answered, is connected with the caller. */
  async connect(): Promise<void> {
    const { sw } = this.site;
    const { agent, leg } = this.#ringing;
    const times = { "CC-Agent-Called-Time": this.#seconds(), "CC-Agent-Answered-Time": this.#seconds() };
    this.#info("bridge-agent-start", { ...this.#agentFacts(agent, leg), ...times, ...this.#memberFacts }, leg);
    this.#count(1);
    this.#connect(leg);
    this.#cc.setState(agent, "In a queue call");
    sw.update(this.caller);
    this.#talk = new Talk(this.site, { by: this.caller, leg, desk: leg }, () => this.#ended(agent, leg));
    await this.site.sent();
  }

  #connect(leg: Channel): void {
    const { sw } = this.site;
    const { profile } = this.caller;
    this.caller.transfer(profile.destination, sw.now(), "uuid_br");
    this.caller.profile = { ...this.caller.profile, calleeName: "Outbound Call", calleeNumber: leg.profile.calleeNumber };
    this.caller.state = "CS_SOFT_EXECUTE";
    leg.profile = { ...leg.profile, index: 2 };
    leg.other = this.caller.seenAs("originator");
    leg.other = { ...leg.other, profile: { ...leg.other.profile, calleeName: undefined, calleeNumber: undefined } };
    leg.callUuid = this.caller.uuid;
    const seen = leg.other;
    bridge(sw, this.caller, leg);
    leg.other = seen;
    leg.variables.set("cc_agent_bridged", "true");
    sw.update(leg);
  }

  #ended(agent: Agent, leg: Channel): void {
    this.#left = true;
    const facts = { "CC-Hangup-Cause": "SUCCESS", ...this.#agentFacts(agent, leg) };
    const times = { "CC-Bridge-Terminated-Time": this.#seconds() };
    this.#info("bridge-agent-end", { ...facts, "CC-Agent-Bridged": "true", ...times, ...this.#memberFacts }, leg);
    const end = { "CC-Cause": "Terminated", "CC-Member-Leaving-Time": this.#seconds() };
    this.#info("member-queue-end", { ...facts, ...end, ...this.#memberFacts }, this.caller);
    this.#cc.setState(agent, "Waiting");
    this.#cc.wake();
  }

  /** Nobody answers: the next free agent is offered the caller. After max_no_answer the switch sets the agent On Break. */
  async noAnswer(cause = "NO_ANSWER"): Promise<void> {
    const { sw } = this.site;
    const { agent, leg } = this.#ringing;
    sw.hangup(leg, cause);
    sw.callState(leg, "HANGUP");
    agent.noAnswerCount++;
    const enough = agent.maxNoAnswer > 0 && agent.noAnswerCount >= agent.maxNoAnswer;
    if (enough) this.#fireNoAnswer(agent);
    sw.complete(leg);
    sw.destroy(leg);
    if (enough) this.#cc.setStatus(agent, "On Break");
    const facts = { "CC-Hangup-Cause": cause, "CC-Agent": agent.name, "CC-Agent-System": "single_box" };
    this.#info("bridge-agent-fail", { ...facts, "CC-Agent-Aborted-Time": this.#seconds(), ...this.#memberFacts });
    this.#leg = this.#agent = undefined;
    this.#cc.setState(agent, "Waiting");
    void this.#offer();
    await this.site.sent();
  }

  #fireNoAnswer(agent: Agent): void {
    this.#cc.info({
      "CC-Agent": agent.name,
      "CC-Action": "agent-max-no-answer",
      "CC-Agent-No-Answer-Count": String(agent.noAnswerCount),
      "CC-Agent-No-Answer-Status": "On Break",
      "CC-Member-UUID": this.#member,
      "CC-Member-Session-UUID": this.caller.uuid,
    });
  }

  async agentHangsUp(): Promise<void> {
    await (this.#talk === undefined ? this.noAnswer("USER_BUSY") : this.#talk.agentHangsUp());
  }

  /** The caller hangs up while waiting, ringing or talking. */
  async callerHangsUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.farHangsUp();
    const agent = this.#agent;
    this.#left = true;
    const reason = { "CC-Cause": "Cancel", "CC-Cancel-Reason": "BREAK_OUT", "CC-Member-Leaving-Time": this.#seconds() };
    cancel(this.site.sw, this.caller, this.#leg === undefined ? [] : [this.#leg]);
    this.#info("member-queue-end", { ...reason, ...this.#memberFacts });
    this.#count(0);
    if (agent !== undefined) this.#cc.setState(agent, "Waiting");
    await this.site.sent();
  }

  get #ringing(): { agent: Agent; leg: Channel } {
    if (this.#agent === undefined || this.#leg === undefined || this.#leg.over) {
      throw new Error("Cannot continue: no agent's phone rings");
    }
    return { agent: this.#agent, leg: this.#leg };
  }

  get #memberFacts(): Record<string, string> {
    return {
      "CC-Member-Joined-Time": this.#joined,
      "CC-Member-UUID": this.#member,
      "CC-Member-Session-UUID": this.caller.uuid,
      "CC-Member-CID-Name": this.caller.profile.callerName,
      "CC-Member-CID-Number": this.caller.profile.callerNumber,
    };
  }

  #agentFacts(agent: Agent, leg: Channel): Record<string, string> {
    return { "CC-Agent": agent.name, "CC-Agent-System": "single_box", "CC-Agent-UUID": leg.uuid };
  }

  #count(members: number): void {
    this.#info("members-count", { "CC-Count": String(members), "CC-Selection": "Single-Queue" });
  }

  /** Fires `callcenter::info`, with or without a channel. */
  #info(action: string, facts: Readonly<Record<string, HeaderValue>>, channel?: Channel): void {
    const after = { "CC-Queue": this.#queue, "CC-Action": action, ...facts };
    if (channel === undefined) this.#cc.info(after);
    else this.site.sw.fireFor("CUSTOM", channel, { subclass: "callcenter::info", after });
  }

  #seconds(): string {
    return this.site.sw.now().slice(0, -6);
  }
}
