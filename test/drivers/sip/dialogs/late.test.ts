/** Documents that are late, lost or huge: no call is invented, lost or kept. */
import { describe, expect, test } from "bun:test";
import type { Dialog } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import { merge } from "../../../../drivers/sip/dialogs/merge.ts";
import { cpuMs } from "../../../support/cpu.ts";
import { dialog } from "../../../support/sip/documents.ts";
import { call, first, Phone, second, type Shown } from "../../../support/sip/phone.ts";

describe("after a lost or late document:", () => {
  const id = "b5a8c1e0d4f34a2b@203.0.113.7";
  const branch = (local: string, state: string): Shown => ({
    id,
    state,
    number: first,
    more: `call-id="77aa12bc" local-tag="${local}" remote-tag="r"`,
  });
  test("a branch that was never seen does not ring after the call was answered and has ended", () => {
    const phone = Phone.idle("kamailio");
    for (const state of ["early", "confirmed", "terminated"]) phone.document("partial", branch("a", state));
    phone.document("partial", branch("b", "early"));
    phone.sends(branch("a", "terminated"), branch("b", "early"));
    expect(phone.desk.sent).toEqual(call(1, first));
  });
  test.each(["1", "line-0000000000000001"])("%s is another call if it appears with another party after a gap", (name) => {
    const phone = Phone.idle("Counter/1.0");
    for (const state of ["early", "confirmed"]) phone.document("partial", { id: name, state, number: first });
    phone.skip();
    phone.document("partial", { id: name, state: "early", number: second });
    phone.sends({ id: name, state: "early", number: second });
    for (const state of ["confirmed", "terminated"]) phone.document("partial", { id: name, state, number: second });
    expect(phone.desk.sent).toEqual([...call(1, first), ...call(2, second)]);
  });
  test("a document that crosses the first report of a call does not end the call", () => {
    const phone = new Phone("kamailio (5.6.3)");
    const ringing = { id, state: "early", number: first, more: 'call-id="77aa12bc"' };
    phone.sends();
    phone.sends(ringing);
    expect([phone.sends(), phone.desk.asked.length]).toEqual([[], 1]);
    expect([phone.sends(ringing), phone.sends({ ...ringing, state: "confirmed" })]).toEqual([[], ["CallEstablished 1"]]);
    expect(phone.sends()).toEqual(["CallReleased 1"]);
  });
  test("it has ended when the full state omits it too", () => {
    const phone = new Phone("kamailio (5.6.3)");
    phone.sends();
    phone.sends({ id, state: "early", number: first });
    expect([phone.sends(), phone.sends()]).toEqual([[], ["CallReleased 1"]]);
  });
  test.each(["kamailio (5.6.3)", ""])(
    "it lives when one question about it is not answered, and has ended when the second is not (User-Agent %p)",
    (agent) => {
      const phone = Phone.idle(agent);
      phone.sends({ id, state: "early", number: first });
      const isUnanswered = () => {
        phone.sends({ id: "another-0000000000001", state: "early", number: second });
        return phone.desk.hear(phone.desk.tracker.noAnswer());
      };
      expect([isUnanswered(), isUnanswered()]).toEqual([[], ["CallReleased 1"]]);
    },
  );
  test("the end of a call under another Call-ID causes a query", () => {
    const phone = Phone.idle("Rewriter/1.0");
    const shown = (state: string, callId: string): Shown => ({ id, state, number: first, more: `call-id="${callId}"` });
    for (const state of ["early", "confirmed"]) phone.document("partial", shown(state, "77aa12bc"));
    expect([phone.document("partial", shown("terminated", "99dd")), phone.desk.asked.length]).toEqual([[], 1]);
    expect(phone.sends()).toEqual(["CallReleased 1"]);
  });
});

/** Kamailio 5.6 when the PUBLISH of a call's end overtakes an earlier one: the earlier state stays listed for hours. */
describe("an ended call that Kamailio still lists", () => {
  const stale = "padi-6b095965-1711-a2";
  const shown = (state: string, id = stale, number = "1002"): Shown => ({
    id,
    state,
    number,
    direction: "initiator",
    more: `call-id="of-${id}@127.0.0.1"`,
  });
  const left = shown("Trying");
  const busyDay = (phone: Phone, day: number) => {
    for (let n = 0; n < 20; n++) {
      for (const state of ["early", "confirmed", "terminated"]) {
        phone.sends(left, { ...shown(state, `padi-6b095965-1712-${day}${n}`, first), direction: "recipient" });
      }
    }
  };
  test.each([
    ["after it was reported", ["Trying", "early", "confirmed"]],
    ["although its start was not seen", []],
  ])("starts no call after a restart, %s", (_, states) => {
    const phone = Phone.idle("kamailio (5.6.3 (x86_64/linux))");
    for (const state of states) phone.sends(shown(state));
    phone.sends(left, shown("terminated"));
    const calls = [1, 2].map((day) => {
      busyDay(phone, day);
      const before = phone.desk.calls;
      return [before, phone.restart(left), phone.desk.calls];
    });
    expect(calls).toEqual([[[], [], []], [[], [], []]]);
  });
});

test.each<[string, (n: number) => Partial<Dialog>]>([
  ["all different", (n) => ({ id: String(n) })],
  ["all the same", () => ({})],
  ["all branches of one call", (n) => ({ localTag: `tag-${n}`, remoteTag: "r" })],
])("thousands of dialogs in one document, %s, are processed quickly", async (_, part) => {
  const dialogs = Array.from({ length: 30_000 }, (_, n) => dialog("a", "early", part(n)));
  expect(await cpuMs(() => merge(dialogs))).toBeLessThan(2000);
});

test.each<[string, (n: number) => Partial<Dialog>]>([
  ["Call-IDs", (n) => ({ callId: `c${n}` })],
  ["tags", (n) => ({ localTag: `tag-${n}`, remoteTag: "r" })],
])("a live dialog is read although a hundred ended ones of its id, with other %s, are listed before it", (_, part) => {
  const over = Array.from({ length: 100 }, (_, n) => dialog("a", "terminated", part(n)));
  const live = dialog("a", "confirmed", part(100));
  expect(merge([...over, live]).map(({ dialog }) => dialog)).toContainEqual(live);
});
