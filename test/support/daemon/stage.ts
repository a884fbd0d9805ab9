/** The compiled binary between a simulated switch and a CRM that can misbehave, with an agent at every desk. */
import { sendCallout } from "../../../simulator/crm/mod.ts";
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { WildCrm } from "../faults/wild-crm.ts";
import { quietPort } from "../ports.ts";
import { Box, type BoxOptions } from "./box.ts";

/** What a test plays with. */
export interface Stage {
  readonly sim: Simulator;
  readonly crm: WildCrm;
  readonly box: Box;
}

/** Plays on a stage whose daemon is connected; afterwards the daemon is killed. */
export async function onStage(
  options: Partial<BoxOptions> & Pick<BoxOptions, "folder">,
  play: (stage: Stage) => Promise<void>,
): Promise<void> {
  const sim = new Simulator({});
  await sim.start();
  const crm = await WildCrm.open();
  const box = new Box({ port: await quietPort(), switchPort: sim.port, ...options });
  try {
    await box.start();
    for (const desk of options.desks ?? ["1001"]) await register(box.port, desk, crm.port);
    await box.connected();
    await play({ sim, crm, box });
  } finally {
    await box.kill();
    crm.close();
    await sim.stop();
  }
}

/** Registers the agent `agent-DESK` at a desk, for a CRM that listens on this port. */
export function register(port: number, desk: string, crmPort: number): Promise<string> {
  const agent = { telesetNumber: desk, agentID: `agent-${desk}`, port: String(crmPort) };
  return sendCallout(port, "/", { FunctionName: "Register", ...agent });
}
