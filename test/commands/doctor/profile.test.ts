/** What the doctor shows of settings that change the messages to and from UWQ. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Place } from "../../support/doctor/rig.ts";

setDefaultTimeout(60_000);

test("settings of the wire are shown with their hops, and no header's value; without settings nothing is", async () => {
  await using place = await Place.open();
  const plain = await place.examined();
  expect([plain.hop("http").details, plain.hop("CRM 1001").details]).toEqual([undefined, undefined]);
  place.configure({
    http: { answer: { success: { CheckStatus: "OK\n" }, errorStatus: 500 }, parameters: { dialString: ["Number"] } },
    crm: { path: "/uwq", headers: { "X-Site": "s3cret", Cookie: "s3cret" }, delivered: ["200-299", 302], port: 7777 },
  });
  const report = await place.examined();
  expect(report.hop("http").details).toEqual([
    'The wire of callouts differs from the default: http.answer.success is {"CheckStatus":"OK\\n"}, http.answer.errorStatus is 500, http.parameters adds number for dialString.',
  ]);
  expect(report.hop("CRM 1001").details).toEqual([
    'The wire of events differs from the default: crm.path is "/uwq", crm.headers adds X-Site, Cookie, crm.delivered is 200-299, 302, crm.port is 7777.',
  ]);
  place.configure({ http: { answer: { success: "none" } } });
  expect((await place.examined()).hop("http").details).toEqual([
    'The wire of callouts differs from the default: http.answer.success is "none".',
  ]);
});
