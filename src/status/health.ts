/** The state of each part at a glance, with what is wrong and the next step: the status, sorted by part. Pure. */
import { ago, count } from "../core/count.ts";
import { imageAdvice, type ImageState, imageTroubles, versionText } from "../image/state.ts";
import { masked } from "../log/log.ts";
import { refusalAdvice, refusalText } from "./refusals.ts";
import { type DeskStatus, type Status, storeAdvice, unattendedText, undeliveredAdvice } from "./status.ts";

/** `idle`: nothing is expected of it now. */
export type PartState = "good" | "warning" | "failed" | "idle";

/** One part: of a desk, or of the box. */
export interface Part {
  readonly name: "Switch" | "Phone" | "UWQ" | "Agent" | "Store" | "Outbox" | "Image";
  readonly state: PartState;
  /** The finding, as a sentence. */
  readonly message: string;
  /** Further findings, a sentence each. */
  readonly details?: readonly string[];
  /** The next step. */
  readonly advice?: string;
}

const askDoctor = "The doctor finds the hop that fails.";

/** The parts of a desk, in the order of the way from the phone to the CRM. `now`: the wall clock in ms. */
export function deskParts(desk: DeskStatus, status: Pick<Status, "desks" | "refused">, now: number): readonly Part[] {
  return [switchPart(desk), phonePart(desk), uwqPart(desk, status, now), agentPart(desk)];
}

/** The parts that all desks share. */
export function boxParts({ outbox, storeTrouble, desks, image }: Status): readonly Part[] {
  const store: Part = storeTrouble === undefined ? { name: "Store", state: "good", message: "Events and desks are on disk." } : {
    name: "Store",
    state: "failed",
    message: `Lost: events are kept only in memory: ${storeTrouble}`,
    advice: storeAdvice,
  };
  return [store, outboxPart(outbox, desks), ...(image ? [imagePart(image)] : [])];
}

/** The image works in any case: what is wrong is a version that it left, or an update that failed. */
function imagePart(image: ImageState): Part {
  const troubles = imageTroubles(image);
  const { waiting, update } = image;
  const details = [
    ...troubles,
    ...(waiting === undefined ? [] : [`Version ${waiting} runs after the next restart.`]),
    ...(update?.good ? [`Last update: ${update.message}`] : []),
  ];
  const advice = imageAdvice(image);
  const state = troubles.length > 0 ? "warning" : "good";
  return {
    name: "Image",
    state,
    message: `Version ${versionText(image)}.`,
    details,
    ...(advice === undefined ? {} : { advice }),
  };
}

/** The worst state of some parts. */
export function worst(parts: readonly Pick<Part, "state">[]): PartState {
  return (["failed", "warning", "good"] as const).find((state) => parts.some((part) => part.state === state)) ?? "idle";
}

function switchPart({ switch: state, trouble }: DeskStatus): Part {
  return state === "up"
    ? { name: "Switch", state: "good", message: "Connected." }
    : { name: "Switch", state: "failed", message: trouble ?? "Not connected.", advice: askDoctor };
}

function phonePart({ switch: link, phone, contact, trouble }: DeskStatus): Part {
  if (link === "down") return { name: "Phone", state: "idle", message: "Not known while the switch is not connected." };
  const at = contact === undefined ? [] : [contact];
  if (phone === "registered") return { name: "Phone", state: "good", message: "Registered at the switch.", details: at };
  if (phone === "assumed") return { name: "Phone", state: "good", message: "Its calls are watched." };
  const state = phone === "unregistered" ? "failed" : "warning";
  return { name: "Phone", state, message: trouble ?? "Not registered.", advice: askDoctor };
}

function uwqPart(desk: DeskStatus, { desks, refused }: Pick<Status, "desks" | "refused">, now: number): Part {
  const { extension, registered, undelivered = [], unattended } = desk;
  const served = desks.map(({ extension }) => extension);
  const ofDesk = refused.filter((refusal) => refusal.desk === extension || !served.includes(refusal.desk ?? ""));
  const [refusal] = ofDesk;
  const details = [
    ...ofDesk.slice(0, 2).map((refusal) => refusalText(refusal, now)),
    ...(unattended ? [unattendedText(unattended, now)] : []),
  ];
  const [trouble] = undelivered;
  if (trouble) {
    const message = `Events for agent ${trouble.agent} are not delivered: ${masked(trouble.why)}`;
    return { name: "UWQ", state: "failed", message, details, advice: undeliveredAdvice(trouble) };
  }
  const advice = refusal && (refusalAdvice(refusal, served) ?? "Change what the reason names; then have the agent log in again.");
  if (!registered) {
    const message = "Nobody has registered: the CRM gets no events.";
    return { name: "UWQ", state: "warning", message, details, advice: advice ?? "Have the agent log in to UWQ." };
  }
  const message = `Agent ${registered.agent} is registered, at ${registered.at}.`;
  if (!refusal || advice === undefined) return { name: "UWQ", state: "good", message, details };
  return { name: "UWQ", state: "warning", message, details, advice };
}

/** Many sites have no queues: nobody needs to log in there. */
function agentPart({ agents, registered }: DeskStatus): Part {
  const states = agents.filter(({ agent, mode }) => agent === registered?.agent || mode !== "logged-out")
    .map(({ agent, mode, why }) => `${agent} is ${mode.replace("-", " ")}${why === undefined ? "" : `: ${masked(why)}`}.`);
  const [first, ...others] = states;
  if (first === undefined) return { name: "Agent", state: "idle", message: "No agent has logged in to a queue." };
  const refused = agents.some(({ agent, why }) => agent === registered?.agent && why !== undefined);
  return { name: "Agent", state: refused ? "warning" : "good", message: first, details: others };
}

/** An event waits until UWQ has confirmed it: a young one is normal. */
const maxUsualSeconds = 10;

function outboxPart({ waiting, oldestSeconds = 0 }: Status["outbox"], desks: Status["desks"]): Part {
  if (waiting === 0) return { name: "Outbox", state: "good", message: "No event is waiting." };
  const message = `${count(waiting, "event")} waiting, the oldest for ${ago(oldestSeconds * 1000)}.`;
  const [trouble] = desks.flatMap(({ undelivered = [] }) => undelivered);
  if (oldestSeconds < maxUsualSeconds && !trouble) return { name: "Outbox", state: "good", message };
  const advice = trouble ? undeliveredAdvice(trouble) : "The page Events shows what each event waits for.";
  return { name: "Outbox", state: "warning", message, advice };
}
