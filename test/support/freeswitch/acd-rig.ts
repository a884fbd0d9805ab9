/** The driver with an ACD, against the simulated switch; the switch can say which one it is, as the real one does. */
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { parse } from "valibot";
import type { Simulator } from "../../../simulator/freeswitch/mod.ts";
import type { AgentCommand, CommandResult, LineEvent } from "../../../src/core/line.ts";
import { answerInstead, Rig, type RigOptions } from "./rig.ts";

/** The agent of desk 1001 at mod_callcenter, and the commands of a Login there. */
export const name = "1001@default";
export const login = [
  `agent add ${name} callback`,
  `tier add support@default ${name} 1 1`,
  `agent set contact ${name} user/1001@127.0.0.1`,
  `agent set status ${name} 'On Break'`,
];

export interface AcdRigOptions extends RigOptions {
  /** Keys of `line.acd`. */
  readonly acd?: Readonly<Record<string, unknown>>;
  /** The pattern of the agent's name. */
  readonly acdAgent?: string;
  /** Answers of the switch that are not the simulator's: nothing for those that are. */
  readonly instead?: (command: string, arg: string) => string | undefined;
}

/** Makes the simulator answer `global_getvar core_uuid`, and what the test specifies. */
export function answering(sim: Simulator, instead: AcdRigOptions["instead"] = () => undefined): void {
  answerInstead(sim, (command, arg) => {
    const isCoreUuid = command === "global_getvar" && arg === "core_uuid";
    return instead(command, arg) ?? (isCoreUuid ? sim.sw.stamp.coreUuid : undefined);
  });
}

/** A driver that has queried the agents. */
export async function acdRig({ acd = {}, acdAgent, instead, ...options }: AcdRigOptions = {}): Promise<Rig> {
  const parsed = parse(freeswitchConfig, { driver: "freeswitch", password: "x", domain: "127.0.0.1", acd });
  const rig = await Rig.open({
    ...options,
    config: { acd: parsed.acd, ...(acdAgent === undefined ? {} : { acdAgent }), ...options.config },
    before: async (sim) => {
      answering(sim, instead);
      await options.before?.(sim);
    },
  });
  await rig.next("acd-reset");
  return rig;
}

/** Carries an agent command out: a Login of agent 7 at desk 1001, changed by `part`. Resolves with its result. */
export function setAgent(rig: Rig, part: Partial<AgentCommand> = {}): Promise<CommandResult> {
  const login = { type: "agent", desk: "1001", callout: "r1", agent: "7", login: true, mode: "not-ready" } as const;
  return rig.execute({ ...login, queue: "support@default", ...part });
}

/** A driver with an agent who has logged in: agent 7 at desk 1001, changed by `part`. */
export async function agentRig(part: Partial<AgentCommand> = {}, options: AcdRigOptions = {}): Promise<Rig> {
  const rig = await acdRig(options);
  await setAgent(rig, part);
  return rig;
}

/** The commands of callcenter_config from number `from` on that change something, and the filters of agents. */
export function acdCommands(rig: Rig, from = 0): string[] {
  const changes = (command: string) => /callcenter_config|CC-Agent/.test(command) && !command.includes("agent list");
  return rig.commands.slice(from).filter(changes).map((command) => command.replace("api callcenter_config ", ""));
}

/** What was reported about agents from event number `from` on: `1001 ready`. */
export function reportedModes(rig: Rig, from = 0): string[] {
  return rig.events.slice(from).flatMap((event: LineEvent) => event.type === "agent" ? [`${event.desk} ${event.mode}`] : []);
}

/** Resolves when everything that the switch has sent so far has arrived: a registration after it has. */
export async function heard(rig: Rig): Promise<void> {
  const from = rig.events.length;
  rig.sim.phones.register("1001");
  await rig.next("phone", () => true, from);
}

/** What is reported about agents while this happens, all that the switch sends for it included. */
export async function modesAfter(rig: Rig, act: () => unknown): Promise<string[]> {
  await heard(rig);
  const from = rig.events.length;
  await act();
  await heard(rig);
  return reportedModes(rig, from);
}

/** Holds back the events of agents at the switch, as a busy event queue does; returns a function that releases them in order. */
export function holdAgentEvents({ callcenter }: Simulator): () => void {
  const held: (() => void)[] = [];
  const info = callcenter.info.bind(callcenter);
  callcenter.info = (facts) => void held.push(() => info(facts));
  return () => {
    callcenter.info = info;
    for (const send of held.splice(0)) send();
  };
}

/** What the switch has of agents and tiers. */
export function acdState({ callcenter }: Simulator): unknown {
  const agents = [...callcenter.agents.values()].map(({ name, contact, status, state }) => ({ name, contact, status, state }));
  return { agents, tiers: callcenter.command("tier list") };
}

/** The filters for agents on the last connection. */
export function agentFilters(rig: Rig): string[] {
  const standing = new Set<string>();
  for (const command of rig.commands) {
    if (command.startsWith("auth")) standing.clear();
    const [, removed, agent = ""] = /^filter (delete )?CC-Agent (.*)$/.exec(command) ?? [];
    if (removed) standing.delete(agent);
    else if (agent !== "") standing.add(agent);
  }
  return [...standing];
}
