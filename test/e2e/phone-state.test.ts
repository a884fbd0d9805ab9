/** One state of the phone: MakeCall, CheckStatus, Ready, status and readiness never contradict each other. */
import { expect, setDefaultTimeout, test } from "bun:test";
import type { SwitchEvent } from "../../simulator/freeswitch/events.ts";
import { start } from "../support/daemon/acd-office.ts";

setDefaultTimeout(60_000);

const lost = "Phone 1001 is not registered: check its cable and power.";
const unknown = "The switch does not know extension 1001: ask the administrator.";

test.concurrent("the SIP profile is stopped: what MakeCall learns is what everything says, until the phone is back", async () => {
  const all = await start();
  all.sim.phones.contacts = () => [];
  expect(await all.checkStatus()).toBe("ok");
  expect(await all.dial()).toBe(lost);
  expect(await all.checkStatus()).toBe(lost);
  expect(all.desk()).toMatchObject({ phone: "unregistered", trouble: lost });
  Reflect.deleteProperty(all.sim.phones, "contacts");
  all.sim.sw.heartbeat();
  await all.until("the phone", () => all.desk()?.phone === "registered");
  expect(await all.checkStatus()).toBe("ok");
  await all.stop();
});

test.concurrent("the directory loses the extension: MakeCall, CheckStatus and status say so", async () => {
  const all = await start();
  const { knows } = all.sim.phones;
  all.sim.phones.knows = () => false;
  expect(await all.dial()).toBe(unknown);
  expect(await all.checkStatus()).toBe(unknown);
  expect(all.desk()?.trouble).toBe(unknown);
  all.sim.phones.knows = knows;
  await all.sim.inbound({ from: "14155550123", to: "1001" });
  await all.until("the phone", () => all.desk()?.phone === "registered");
  expect(all.desk()?.trouble).toBeUndefined();
  await all.stop();
});

test.concurrent("the report that no phone was rung cannot be read: the agent learns it, and the desk may dial again seconds later", async () => {
  const all = await start();
  const publish = all.sim.server.publish.bind(all.sim.server);
  const isReport = (event: SwitchEvent) => event["Event-Name"] === "BACKGROUND_JOB";
  all.sim.server.publish = (event) => {
    const text = isReport(event) ? `{"Event-Name":"BACKGROUND_JOB","Job-UUID":"${event["Job-UUID"]}","_body":"-ERR` : undefined;
    publish(event, text && `Content-Length: ${text.length}\nContent-Type: text/event-json\n\n${text}`);
  };
  all.sim.phones.contacts = () => [];
  const notKnown = (number: string) =>
    `The switch's report cannot be read: it is not known whether ${number} is being dialled. Check the phone before dialling again.`;
  expect(await all.dial("14155550123")).toBe(notKnown("14155550123"));
  expect(await all.dial("14155550199")).toBe("Phone 1001 is still dialling 14155550123: hang up first.");
  await all.until("the phone's state", () => all.desk()?.phone === "unregistered");
  for (let outcome = "asked"; outcome === "asked"; await Bun.sleep(20)) outcome = (await all.dials()).at(-1)?.outcome ?? "";
  expect(await all.dial("14155550199")).toBe(notKnown("14155550199"));
  await all.stop();
});
