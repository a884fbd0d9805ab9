/** Callers whom a document does not name: withheld, never named by this switch, or left out by accident. */
import { describe, expect, test } from "bun:test";
import type { Dialog, DialogState } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import { newTracker, step } from "../../../../drivers/sip/dialogs/step.ts";
import { factsOf, TestDesk } from "../../../support/sip/desk.ts";
import { dialog, end, info } from "../../../support/sip/documents.ts";

const asterisk = { userAgent: "Asterisk PBX 22.10.1" };

/** Desk 1001 on a switch that shows one dialog for all its calls. */
class Phone {
  readonly desk = new TestDesk();
  #version = 0;

  constructor() {
    this.shows(dialog("1001", "terminated"));
  }

  shows(...dialogs: Dialog[]): string[] {
    return this.desk.hear(this.desk.tracker.notify(info(this.#version++, "full", ...dialogs), asterisk));
  }

  /** @param who the caller that the document names. */
  incomplete(state: DialogState, who?: string): string[] {
    const remote = who === undefined ? {} : { remote: end(`sip:${who}@pbx`) };
    return this.shows(dialog("1001", state, { direction: "recipient", local: end("sip:1001@pbx"), ...remote }));
  }

  bare(state: DialogState): string[] {
    return this.shows(dialog("1001", state, { direction: "recipient" }));
  }
}

test("a caller who withholds the number is reported at once", () => {
  const phone = new Phone();
  expect(phone.incomplete("early", "anonymous")).toEqual(["ScreenPop 1"]);
  expect(phone.desk.asked).toEqual([]);
});

describe.each(["incomplete", "bare"] as const)("a caller whom the document does not name (%s)", (kind) => {
  const ringing = () => {
    const phone = new Phone();
    expect([phone[kind]("early"), phone.desk.asked]).toEqual([[], ["a document does not name the caller"]]);
    return phone;
  };
  test("is anonymous if the full state does not name them either, which is asked once", () => {
    const phone = ringing();
    expect([phone[kind]("early"), phone[kind]("early"), phone.desk.asked.length]).toEqual([["ScreenPop 1"], [], 1]);
  });
  test("is anonymous if the full state does not arrive", () => {
    expect(ringing().desk.tracker.noAnswer().events).toMatchObject([{ facts: { caller: { identity: "anonymous" } } }]);
  });
  test("is whom the full state names", () => {
    expect(ringing().incomplete("early", "14155550123")).toEqual(["ScreenPop 1 14155550123"]);
  });
  test("is whom the full state names after the answer", () => {
    expect(ringing().incomplete("confirmed", "14155550123")).toEqual(["ScreenPop 1 14155550123", "CallEstablished 1"]);
  });
  test("is not reported if it is a colleague", () => {
    const phone = ringing();
    expect([phone.incomplete("early", "1002"), phone.incomplete("confirmed", "1002")]).toEqual([[], []]);
  });
  test("is not reported if the call has ended before", () => {
    const phone = ringing();
    expect([phone[kind]("terminated"), phone.desk.hear(phone.desk.tracker.noAnswer())]).toEqual([[], []]);
  });
  test("is not the MakeCall that begins meanwhile", () => {
    const phone = ringing();
    phone.desk.tracker.dial({ call: "m1", number: "914155550123" });
    expect([phone[kind]("early"), phone.desk.tracker.legsOf("m1")]).toEqual([["ScreenPop 1"], []]);
  });
});

describe("the phone has answered before the full state arrives:", () => {
  test("where the documents name the desk, it may have been a colleague: nothing is sent", () => {
    const phone = new Phone();
    const sent = [phone.incomplete("early"), phone.bare("confirmed"), phone.bare("confirmed"), phone.desk.asked.length];
    expect([...sent, phone.bare("terminated")]).toEqual([[], [], [], 1, []]);
  });
  test("the same where they name the desk as the caller (Asterisk's chan_sip)", () => {
    const phone = new Phone();
    const asked = phone.shows(dialog("1001", "early", { remote: end("sip:1001@pbx") }));
    expect([asked, phone.bare("confirmed"), phone.desk.asked.length]).toEqual([[], [], 1]);
  });
  test("where they name nobody, the caller is anonymous", () => {
    const phone = new Phone();
    expect([phone.bare("early"), phone.bare("confirmed")]).toEqual([[], ["ScreenPop 1", "CallEstablished 1"]]);
  });
  test("a customer who is named later is reported", () => {
    const phone = new Phone();
    phone.incomplete("early");
    expect([phone.bare("confirmed"), phone.incomplete("confirmed", "14155550123")]).toEqual([
      [],
      ["ScreenPop 1 14155550123", "CallEstablished 1"],
    ]);
  });
});

test("the first document of a subscription is a full state: the caller whom it does not name is anonymous", () => {
  const desk = new TestDesk();
  const { events, asks } = desk.tracker.notify(info(0, "full", dialog("1001", "early", { direction: "recipient" })), asterisk);
  expect([factsOf(events)[0]?.caller, asks]).toEqual([{ identity: "anonymous", outside: true, unreported: true }, undefined]);
});

test("a question that is open asks for the caller, too, and the answer closes both", () => {
  const start = step(
    newTracker({ desk: "1001", users: ["1001"], self: "1009", seed: "made" }),
    { type: "connected", known: [] },
    0,
  );
  const documents = [
    [info(0, "full"), 0],
    [info(2, "partial", dialog("a", "early", { remote: end("sip:14155550123@pbx") })), 100],
    [info(3, "partial", dialog("b", "early")), 200],
    [info(4, "full", dialog("a", "early"), dialog("b", "early")), 300],
  ] as const;
  let { state } = start;
  const seen = documents.map(([info, now]) => {
    const made = step(state, { type: "document", info, envelope: {} }, now);
    state = made.state;
    return [made.output.asks, made.wakeAt];
  });
  expect(seen).toEqual([
    [undefined, undefined],
    ["versions between 0 and 2 are missing", 600],
    [undefined, 600],
    [undefined, undefined],
  ]);
});

test("the far end that is named only when it has answered was not put through: the phone has dialled it", () => {
  const desk = new TestDesk();
  const shows = (version: number, part: Partial<Dialog>) =>
    factsOf(
      desk.tracker.notify(info(version, "full", dialog("d", "confirmed", { direction: "initiator", ...part })), asterisk).events,
    );
  shows(0, {});
  expect(shows(1, { remote: end("sip:14155550123@pbx") })).toEqual([expect.not.objectContaining({ partner: expect.anything() })]);
});

test("two phones that ring for an unnamed caller are one call", () => {
  const desk = new TestDesk();
  const branch = (id: string, state: DialogState) => dialog(id, state, { callId: "c1", remoteTag: id });
  const shows = (version: number, state: "full" | "partial", ...dialogs: Dialog[]) =>
    desk.hear(desk.tracker.notify(info(version, state, ...dialogs), { userAgent: "Strict/1.0" }));
  shows(0, "full");
  const sent = [
    shows(1, "partial", branch("a", "early"), branch("b", "early")),
    desk.hear(desk.tracker.noAnswer()),
    shows(2, "partial", branch("b", "confirmed")),
    shows(3, "partial", branch("a", "terminated")),
    shows(4, "partial", branch("b", "terminated")),
  ];
  expect(sent).toEqual([[], ["ScreenPop 1"], ["CallEstablished 1"], [], ["CallReleased 1"]]);
});
