/**
 * The subjects of a fleet on its broker. A desk's subjects contain its extension, so that the broker confines each box to its own
 * desk: who may publish on `P.ask.1001.dial` may dial from desk 1001 and no other. `P` is the prefix of the PBX.
 */

/** The prefix of a site with one PBX. */
export const usualPrefix = "tele";

/** The valid prefixes: tokens of letters, digits, `-` and `_`, separated by full stops. */
export const prefixPattern = /^[A-Za-z0-9_-]{1,32}(\.[A-Za-z0-9_-]{1,32}){0,3}$/;

/** What a box asks a relay: the state of its desk, a dial, a change of its agent's state. */
export type Question = "sync" | "dial" | "agent";

/** What else is published for one desk. */
export type DeskTopic = "line" | "config" | "view";

/** The subject of what a relay sends to the box of a desk. */
export function deskSubject(prefix: string, desk: string, topic: DeskTopic): string {
  return `${prefix}.desk.${desk}.${topic}`;
}

/** The subject of a box's question. `*` as desk and question: those of all boxes. */
export function askSubject(prefix: string, desk: string, question: Question | "*"): string {
  return `${prefix}.ask.${desk}.${question}`;
}

/** The subject of what a box reports on its own: its state, or an answer to a request to see its calls. */
export function reportSubject(prefix: string, kind: "status" | "view", desk: string): string {
  return `${prefix}.${kind}.${desk}`;
}

/** The subject of the relays' beats, which all boxes hear. */
export function beatSubject(prefix: string): string {
  return `${prefix}.all.relay`;
}

/** The subject on which a relay asks all boxes to report. */
export function reportsSubject(prefix: string): string {
  return `${prefix}.all.report`;
}

/** The subject on which relays announce the commands that they carry out, to each other. */
export function claimSubject(prefix: string): string {
  return `${prefix}.relay.claim`;
}

/** The subject on which a relay that has just started asks the others whether one of them knows a command. */
export function knownSubject(prefix: string): string {
  return `${prefix}.relay.known`;
}

/** The first part of the subjects on which the box of a desk receives answers. */
export function inboxOf(desk: string): string {
  return `_INBOX.${desk}.`;
}

/** The desk and the question in a subject of `askSubject`; undefined if it is not one. */
export function readAsk(prefix: string, subject: string): { readonly desk: string; readonly question: string } | undefined {
  if (!subject.startsWith(`${prefix}.ask.`)) return undefined;
  const [, desk, question] = /^(\d{1,20})\.([a-z]{1,20})$/.exec(subject.slice(prefix.length + 5)) ?? [];
  return desk === undefined || question === undefined ? undefined : { desk, question };
}
