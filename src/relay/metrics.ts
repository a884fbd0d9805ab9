/** The metrics of a relay itself. */
import type { Family } from "../metrics/exposition.ts";
import type { Relay, RelayCounts } from "./relay.ts";

const helps: Readonly<Record<keyof RelayCounts, string>> = {
  events: "Events of the switch's line.",
  published: "Messages published to boxes.",
  syncs: "Questions of boxes for what they have missed.",
  states: "Of these, the ones that were answered with the whole state of the desk.",
  dials: "Dials of boxes that were executed.",
  agentChanges: "Changes of agents' states that were executed.",
  refused: "Commands of boxes that the rules have refused.",
  dropped: "Questions that were not answered: unreadable, late, for another relay, or with a foreign reply subject.",
};

/** A relay that has just started, for the page of the documentation. */
export const noRelay: Pick<Relay, "counts" | "size" | "switch"> = {
  counts: { events: 0, published: 0, syncs: 0, states: 0, dials: 0, agentChanges: 0, refused: 0, dropped: 0 },
  size: 0,
  switch: { up: false, why: "not connected yet" },
};

/** The families. `relay` and `broker` are read at each scrape. */
export function relayFamilies(
  relay: Pick<Relay, "counts" | "size" | "switch">,
  broker: { readonly server: string | undefined; readonly connections: number },
): readonly Family[] {
  const gauge = (name: string, help: string, value: () => number): Family => ({
    name,
    type: "gauge",
    help,
    labels: [],
    series: () => `${name} ${value()}\n`,
  });
  const counters = (Object.keys(helps) as (keyof RelayCounts)[]).map((key): Family => {
    const name = `telesetd_relay_${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
    return { name, type: "counter", help: helps[key], labels: [], series: () => `${name} ${relay.counts[key]}\n` };
  });
  return [
    gauge("telesetd_relay_switch_up", "Whether the relay is connected to the switch.", () => relay.switch.up ? 1 : 0),
    gauge("telesetd_relay_broker_up", "Whether the relay is connected to the broker.", () => broker.server === undefined ? 0 : 1),
    gauge("telesetd_relay_broker_connections", "Connections to the broker since the start.", () => broker.connections),
    gauge("telesetd_relay_desks", "Desks that the relay serves.", () => relay.size),
    ...counters,
  ];
}
