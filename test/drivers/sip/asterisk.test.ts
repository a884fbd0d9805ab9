/**
 * A switch that shows one dialog for all calls of a phone, and reports a REFER as done with the first ringback, as Asterisk 22
 * does: the documents and the order of its messages are recorded ones.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Sent, SipPbx, type Sub } from "../../../simulator/drachtio/mod.ts";
import { Rig } from "../../support/sip/rig.ts";

setDefaultTimeout(60_000);

/** See res_pjsip_dialog_info_body_generator.c. */
class Asterisk extends SipPbx {
  override document(sub: Sub): string {
    const mine = this.dialogs.filter(({ extension, state }) => extension === sub.extension && state !== "terminated");
    const [first] = mine;
    const isUp = mine.some(({ state, direction }) => state === "confirmed" || direction === "initiator");
    const parties = `<remote><identity>sip:${first?.remote}@pbx</identity><target uri="sip:${first?.remote}@pbx"/></remote>` +
      `<local><identity display="Phone">sip:${sub.extension}@pbx</identity><target uri="sip:${sub.extension}@pbx"/></local>`;
    const dialog = !first
      ? `<dialog id="${sub.extension}"><state>terminated</state></dialog>`
      : isUp
      ? `<dialog id="${sub.extension}"><state>confirmed</state></dialog>`
      : `<dialog id="${sub.extension}" direction="recipient">${parties}<state>early</state></dialog>`;
    const root = `xmlns="urn:ietf:params:xml:ns:dialog-info" version="${sub.version++}" state="full"`;
    return `<?xml version="1.0" encoding="UTF-8"?>\n<dialog-info ${root} entity="sip:${sub.extension}@pbx">${dialog}</dialog-info>`;
  }

  /** An unregistered phone (cause 3: no route to destination). */
  isRegistered = true;

  override request(sent: Sent): void {
    if (sent.message.method === "INVITE" && !this.isRegistered) {
      return sent.client.respond(sent, 404, { Reason: "Q.850;cause=3" });
    }
    super.request(sent);
  }
}

/** A rig at such a switch. */
async function office(before: (pbx: Asterisk) => unknown = () => {}): Promise<{ rig: Rig; pbx: Asterisk } & AsyncDisposable> {
  const pbx = new Asterisk();
  const rig = await Rig.ready({ at: pbx, timeFlows: true, before: () => before(pbx) });
  return { rig, pbx, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

const invites = (pbx: SipPbx) => pbx.count("INVITE");

describe("MakeCall while the phone", () => {
  const occupied: [string, (pbx: Asterisk) => void, string][] = [
    ["is on a call", (pbx) => pbx.change(pbx.rings("14155550123").id, { state: "confirmed" }), "is on a call"],
    ["is on hold", (pbx) => pbx.change(pbx.rings("14155550123").id, { state: "confirmed", held: true }), "is on a call"],
    ["has dialled on its own", (pbx) => void pbx.dialsOut("914155550123"), "is on a call"],
    ["rings", (pbx) => void pbx.rings("14155550123"), "is ringing"],
  ];
  test.concurrent.each(occupied)(
    "%s: refused at once with the reason, and the phone does not ring",
    async (_, happens, words) => {
      await using desk = await office();
      const { rig, pbx } = desk;
      happens(pbx);
      await rig.facts(({ answered, rings }) => words === "is ringing" ? rings === true : answered === true);
      const before = rig.events.length;
      expect(await rig.dial()).toEqual({
        outcome: "failed",
        cause: "PHONE_OCCUPIED",
        why: expect.stringContaining(`Phone 1001 ${words}, and this phone system shows only one call of a phone`),
      });
      expect([invites(pbx), rig.events.slice(before).map(({ type }) => type)]).toEqual([0, ["result"]]);
      pbx.change(pbx.dialogs[0]?.id ?? "", { state: "terminated" });
      await rig.facts(({ ended }) => ended !== undefined);
      expect(await rig.dial()).toEqual({ outcome: "done" });
    },
  );

  test.concurrent("starts to ring for a customer, and a voicemail answers the box's call: that is the reason", async () => {
    await using desk = await office((pbx) => pbx.handset = "voicemail");
    const { rig, pbx } = desk;
    pbx.instead = ({ method }) => {
      if (method === "INVITE") pbx.rings("14155550123");
      return undefined;
    };
    expect(await rig.dial()).toMatchObject({ outcome: "failed", cause: "PHONE_OCCUPIED" });
    await rig.until(() => pbx.count("BYE") === 1);
    expect(pbx.count("REFER")).toBe(0);
  });

  test.concurrent("is on the call of the MakeCall before", async () => {
    await using desk = await office();
    const { rig, pbx } = desk;
    expect(await rig.dial("call-1")).toEqual({ outcome: "done" });
    await rig.facts(({ answerUnreported }) => answerUnreported === true);
    expect(await rig.dial("call-2", "1001", "914155550999")).toMatchObject({ outcome: "failed", cause: "PHONE_OCCUPIED" });
    expect([invites(pbx), pbx.dialogs.length]).toEqual([1, 1]);
  });

  test.concurrent("is on a call at a switch that shows each call: it dials", async () => {
    await using rig = await Rig.ready();
    rig.pbx.change(rig.pbx.rings("14155550123").id, { state: "confirmed" });
    await rig.facts(({ answered }) => answered === true);
    expect(await rig.dial()).toEqual({ outcome: "done" });
  });
});

describe("MakeCall", () => {
  const gone = async (rig: Rig, pbx: Asterisk) => {
    pbx.change(pbx.dialogs[0]?.id ?? "", { state: "terminated" });
    return await rig.facts(({ ended }) => ended !== undefined);
  };
  test.concurrent("to a number that rings: called, and never reported as answered", async () => {
    await using desk = await office();
    const { rig, pbx } = desk;
    await rig.dial("call-1");
    await rig.until(() => pbx.count("BYE") === 1);
    await gone(rig, pbx);
    const facts = rig.events.flatMap((event) => event.type === "leg" ? [event.facts] : []);
    expect(facts.some(({ farCalled, answerUnreported }) => farCalled && answerUnreported)).toBe(true);
    expect(facts.filter(({ farAnswered }) => farAnswered)).toEqual([]);
    expect(facts.every(({ call }) => call === "call-1")).toBe(true);
  });

  test.concurrent("to a number that does not exist: the agent gets the reason", async () => {
    await using desk = await office((pbx) => pbx.refer = [100, 404]);
    const { rig } = desk;
    await rig.dial("call-1");
    const { ended } = await rig.facts(({ ended }) => ended !== undefined);
    expect(ended?.far).toBe("There is no such number: check it.");
    expect(rig.events.some((event) => event.type === "leg" && event.facts.answerUnreported)).toBe(false);
  });

  test.concurrent("from a phone that declines, then from one that is answered", async () => {
    await using desk = await office((pbx) => pbx.handset = "declines");
    const { rig, pbx } = desk;
    expect(await rig.dial("call-1")).toMatchObject({ outcome: "failed", cause: "USER_BUSY" });
    pbx.handset = "answers";
    expect(await rig.dial("call-2")).toEqual({ outcome: "done" });
    expect(await rig.facts(({ farCalled }) => farCalled === true)).toMatchObject({ call: "call-2" });
  });

  test.concurrent("from a phone that is not registered: reported, until it dials", async () => {
    await using desk = await office((pbx) => pbx.isRegistered = false);
    const { rig, pbx } = desk;
    expect(await rig.dial()).toMatchObject({
      outcome: "failed",
      why: "Phone 1001 is probably not registered: the switch cannot ring it (404). Check its cable and power.",
    });
    await rig.next("phone", ({ registered }) => !registered);
    const from = rig.events.length;
    pbx.publish("1001");
    pbx.dialsOut("914155550123");
    await rig.next("phone", ({ registered }) => registered, from);
  });
});

test("a switch that answers the call while the phone is dead: the reason is that the phone does not answer", async () => {
  const before = (pbx: SipPbx) => {
    const request = pbx.request.bind(pbx);
    let invite: Sent | undefined;
    pbx.request = (sent) => {
      if (sent.message.method === "CANCEL" && invite) return invite.client.respond(invite, 487);
      if (sent.message.method !== "INVITE") return request(sent);
      invite = sent;
    };
  };
  await using rig = await Rig.ready({ timeFlows: true, config: { ringSeconds: 5 }, before });
  const why = "Phone 1001 does not answer the switch: check its network.";
  expect(await rig.dial()).toEqual({ outcome: "failed", cause: "RECOVERY_ON_TIMER_EXPIRE", why });
});
