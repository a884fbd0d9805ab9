/** What the doctor says of a wire that is not in the default form. */
import { expect, test } from "bun:test";
import { Place } from "./rig.ts";

const limit = 60_000;

test("settings of the wire are shown with their hops, and no header's value; without settings nothing is", async () => {
  await using place = await Place.open();
  const plain = await place.examined();
  expect([plain.hop("http").details, plain.hop("CRM 1001").details]).toEqual([undefined, undefined]);
  place.configure({
    http: { answer: { success: { CheckStatus: "OK\n" }, errorStatus: 500 } },
    crm: { path: "/uwq", headers: { "X-Site": "s3cret", Cookie: "s3cret" }, delivered: ["200-299", 302] },
  });
  const report = await place.examined();
  expect(report.hop("http").details).toEqual([
    'Answers are not in the default form: http.answer.success is {"CheckStatus":"OK\\n"}, http.answer.errorStatus is 500.',
  ]);
  expect(report.hop("CRM 1001").details).toEqual([
    'Events are not in the default form: crm.path is "/uwq", crm.headers adds X-Site, Cookie, crm.delivered is 200-299, 302.',
  ]);
  place.configure({ http: { answer: { success: "none" } } });
  expect((await place.examined()).hop("http").details).toEqual([
    'Answers are not in the default form: http.answer.success is "none".',
  ]);
}, limit);
