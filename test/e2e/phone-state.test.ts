/** One state of the phone: MakeCall, CheckStatus, Ready, status and readiness never contradict each other. */
import { expect, setDefaultTimeout, test } from "bun:test";
import type { SwitchEvent } from "../../simulator/freeswitch/events.ts";
import { start } from "../support/daemon/acd-office.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

const lost = "Phone 1001 is not registered: check its cable and power.";
const unknown = "The switch does not know extension 1001: ask the administrator.";

test.concurrent("the SIP profile is stopped: MakeCall detects it and everything reports it, until the phone is back", async () => {
  await using office = await start();
  office.sim.phones.contacts = () => [];
  expect(await office.checkStatus()).toBe("ok");
  expect(await office.dial()).toBe(lost);
  expect(await office.checkStatus()).toBe(lost);
  expect(office.desk()).toMatchObject({ phone: "unregistered", trouble: lost });
  Reflect.deleteProperty(office.sim.phones, "contacts");
  office.sim.sw.heartbeat();
  await office.until("the phone", () => office.desk()?.phone === "registered");
  expect(await office.checkStatus()).toBe("ok");
});

test.concurrent("the directory loses the extension: MakeCall, CheckStatus and status report it", async () => {
  await using office = await start();
  const { knows } = office.sim.phones;
  office.sim.phones.knows = () => false;
  expect(await office.dial()).toBe(unknown);
  expect(await office.checkStatus()).toBe(unknown);
  expect(office.desk()?.trouble).toBe(unknown);
  office.sim.phones.knows = knows;
  await office.sim.inbound({ from: "14155550123", to: "1001" });
  await office.until("the phone", () => office.desk()?.phone === "registered");
  expect(office.desk()?.trouble).toBeUndefined();
});

test.concurrent("the report that no phone was rung cannot be read: the answer reports it, and the desk may dial again seconds later", async () => {
  await using office = await start();
  const publish = office.sim.server.publish.bind(office.sim.server);
  const isReport = (event: SwitchEvent) => event["Event-Name"] === "BACKGROUND_JOB";
  office.sim.server.publish = (event) => {
    const text = isReport(event) ? `{"Event-Name":"BACKGROUND_JOB","Job-UUID":"${event["Job-UUID"]}","_body":"-ERR` : undefined;
    publish(event, text && `Content-Length: ${text.length}\nContent-Type: text/event-json\n\n${text}`);
  };
  office.sim.phones.contacts = () => [];
  const notKnown =
    "The switch's report cannot be read: it is not known whether the number is being dialled. Check the phone before dialling again.";
  expect(await office.dial("14155550123")).toBe(notKnown);
  expect(await office.dial("14155550199")).toBe("Phone 1001 is still dialling another number: hang up first.");
  await office.until("the phone's state", () => office.desk()?.phone === "unregistered");
  await until("the dial has no outcome", async () => (await office.dials()).at(-1)?.outcome !== "asked");
  expect(await office.dial("14155550199")).toBe(notKnown);
});
