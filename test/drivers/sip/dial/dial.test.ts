/** Dialling from a desk's phone: INVITE and REFER, or REFER alone, with many kinds of switches and phones. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { header, userOf } from "../../../../simulator/drachtio/mod.ts";
import { referAfter, shownWithin, stillStands } from "../../../../drivers/sip/dial/step.ts";
import type { LegFacts } from "../../../../src/core/line.ts";
import { answers, Rig } from "../../../support/sip/rig.ts";

setDefaultTimeout(60_000);

const absent = (status: number) =>
  `Phone 1001 is probably not registered: the switch cannot ring it (${status}). Check its cable and power.`;
/** Dials, and lets the wait before the REFER pass. */
const handsOver = async (rig: Rig, call?: string, number?: string) => {
  const result = await rig.dial(call, "1001", number);
  await rig.waits(referAfter);
  return result;
};
const firstEnd = (rig: Rig) => rig.facts(({ ended }) => ended !== undefined);
const hasReported = (rig: Rig, sign: keyof LegFacts) => rig.events.some((event) => event.type === "leg" && event.facts[sign]);
const ask = (rig: Rig, method: string) =>
  rig.pbx.requests.find((message) => message.method === method) ?? { headers: [], body: "" };

describe("INVITE and REFER:", () => {
  test.concurrent("rings the phone on hold, transfers it when it is answered, and leaves", async () => {
    await using rig = await Rig.ready({ config: { referTellsAnswer: true } });
    expect(await handsOver(rig, "call-1")).toEqual({ outcome: "done" });
    await rig.until(() => rig.pbx.count("BYE") === 1);
    const invite = ask(rig, "INVITE");
    expect([invite.uri, header(invite, "from")?.split(";")[0], header(invite, "call-info")]).toEqual([
      "sip:1001@pbx",
      "<sip:1009@pbx>",
      "<sip:pbx>;answer-after=0",
    ]);
    expect(invite.body).toContain("a=inactive\r\n");
    expect(invite.body).toContain("m=audio 9 RTP/AVP 0 8 9 101\r\n");
    const refer = ask(rig, "REFER");
    expect([header(refer, "refer-to"), header(refer, "call-id")]).toEqual(["<sip:914155550123@pbx>", header(invite, "call-id")]);
    expect(await rig.facts(({ farAnswered }) => farAnswered === true)).toMatchObject({
      call: "call-1",
      direction: "to-desk",
      answered: true,
    });
    expect([rig.pbx.dials(), rig.pbx.count("ACK")]).toEqual([1, 1]);
  });

  test.concurrent("it is not transferred if it was put down right after it was answered", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.handset = "waits" });
    const dial = rig.dial("call-1");
    await rig.until(() => rig.pbx.dialogs.length === 1);
    rig.pbx.answerHandset();
    expect(await dial).toEqual({ outcome: "done" });
    const bye = rig.pbx.invite?.client.ask("BYE", rig.pbx.invite.message, {}, "", 50) ?? "";
    await rig.until(() => rig.pbx.answers.has(bye));
    await rig.waits(referAfter);
    // A REFER of the first would have been sent before that of the second.
    rig.pbx.handset = "answers";
    await handsOver(rig, "call-2");
    await rig.until(() => rig.pbx.count("REFER") > 0);
    expect(header(ask(rig, "REFER"), "call-id")).toBe(header(rig.pbx.invite?.message ?? ask(rig, "INVITE"), "call-id"));
  });

  test.concurrent("# of a number is escaped, * and + stay", async () => {
    await using rig = await Rig.ready();
    await handsOver(rig, "call-1", "*72#+1");
    await rig.until(() => rig.pbx.count("REFER") === 1);
    expect(header(ask(rig, "REFER"), "refer-to")).toBe("<sip:*72%23+1@pbx>");
  });

  const makes: ["yealink" | "polycom" | "none", string | undefined, string | undefined][] = [
    ["yealink", "<sip:pbx>;answer-after=0", "info=alert-autoanswer;delay=0"],
    ["polycom", undefined, "Ring Answer"],
    ["none", undefined, undefined],
  ];
  test.concurrent.each(makes)(
    "a phone of make %s gets its own header for auto-answer",
    async (phone, callInfo, alertInfo) => {
      await using rig = await Rig.ready({ config: { phoneMake: phone } });
      await rig.dial();
      expect([header(ask(rig, "INVITE"), "call-info"), header(ask(rig, "INVITE"), "alert-info")]).toEqual([callInfo, alertInfo]);
    },
  );

  test.concurrent("drachtio-server cannot reach the switch: the reason names the switch, not the phone", async () => {
    await using rig = await Rig.ready();
    answers("INVITE", { unreached: "Service Unavailable" })(rig.pbx);
    const why = "The switch did not answer the request to ring phone 1001: try again.";
    expect(await rig.dial()).toEqual({ outcome: "failed", cause: "SIP 408", why });
  });

  test.concurrent("not answered in time: the phone stops ringing, and the agent gets the reason", async () => {
    await using rig = await Rig.ready({ config: { ringSeconds: 20 }, before: (pbx) => pbx.handset = "waits" });
    const dial = rig.dial();
    await rig.facts(({ rings }) => rings === true);
    await rig.waits(20_000);
    expect(await dial).toEqual({ outcome: "failed", cause: "NO_ANSWER", why: "Phone 1001 was not answered in time." });
    expect([rig.pbx.count("CANCEL"), rig.pbx.count("REFER"), rig.pbx.dialogs.length]).toEqual([1, 0, 0]);
  });

  const refusals: [number, Record<string, string>, string][] = [
    [486, {}, "Phone 1001 is busy or has declined the call."],
    [603, {}, "Phone 1001 has declined the call."],
    [404, {}, absent(404)],
    [404, { Reason: "Q.850;cause=3" }, absent(404)],
    [404, { Reason: 'Q.850;cause=3;text="No route to destination"' }, absent(404)],
    [403, { Reason: "Q.850;cause=21" }, "Phone 1001 has declined the call."],
    [480, { Reason: "Q.850;cause=17" }, "Phone 1001 is busy or has declined the call."],
    [480, { Reason: "SIP;cause=17" }, "Phone 1001 cannot be reached: it is not registered, or set not to be disturbed."],
    [410, {}, absent(410)],
    [604, {}, absent(604)],
    [480, { Reason: "Q.850;cause=20" }, absent(480)],
    [
      404,
      { Reason: 'Q.850;cause=1;text="UNALLOCATED_NUMBER"' },
      "Phone 1001 could not be rung: the switch says UNALLOCATED_NUMBER.",
    ],
    [488, {}, "Phone 1001 and the switch have no codec in common: ask the administrator."],
    [480, {}, "Phone 1001 cannot be reached: it is not registered, or set not to be disturbed."],
    [480, { Reason: 'Q.850;cause=20;text="USER_NOT_REGISTERED"' }, "Phone 1001 is not registered: check its cable and power."],
    [403, {}, "The switch does not allow this box to ring phone 1001: ask the administrator."],
    [408, {}, "Phone 1001 does not answer the switch: check its network."],
    [503, {}, "Phone 1001 could not be reached: try again, then ask the administrator."],
    [499, {}, "Phone 1001 could not be rung: the switch says SIP 499."],
  ];
  test.concurrent.each(refusals)("%d %o: %s", async (status, headers, why) => {
    await using rig = await Rig.ready({ before: answers("INVITE", { status, headers }) });
    expect(await rig.dial()).toMatchObject({ outcome: "failed", why });
  });

  test.concurrent.each<[number, Record<string, string>]>([
    [480, { Reason: 'Q.850;cause=20;text="USER_NOT_REGISTERED"' }],
    [480, { Reason: 'SIP;cause=480;text="USER_NOT_REGISTERED"' }],
    [404, {}],
    [404, { Reason: "Q.850;cause=3" }],
  ])("a phone that %d %o shows not to be registered is reported as such, until there is news of it", async (status, headers) => {
    await using rig = await Rig.ready({ before: answers("INVITE", { status, headers }) });
    await rig.dial();
    await rig.next("phone", ({ registered }) => !registered);
    const from = rig.events.length;
    rig.pbx.rings("14155550123");
    await rig.next("phone", ({ registered }) => registered, from);
  });

  test.concurrent.each(["declines", "declines first"] as const)(
    "the phone %s: the answer to the INVITE says why, whether the phone's dialog ends before it or after it",
    async (handset) => {
      await using rig = await Rig.ready({ before: (pbx) => pbx.handset = handset });
      const words = { cause: "USER_BUSY", why: "Phone 1001 is busy or has declined the call." };
      expect(await rig.dial()).toEqual({ outcome: "failed", ...words });
      expect((await firstEnd(rig)).ended).toEqual(words);
    },
  );

  test.concurrent("no response after it: the end of the phone's dialog is reported nevertheless", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.handset = "waits" });
    void rig.dial();
    await rig.facts(({ rings }) => rings === true);
    rig.pbx.change(rig.pbx.dialogs[0]?.id ?? "", { state: "terminated" });
    expect((await rig.outlast(firstEnd(rig))).ended?.cause).toBe("terminated");
  });

  test.concurrent("the number was called and the call has ended, without a reason: this is what the agent reads", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [200] });
    await handsOver(rig);
    await rig.facts(({ farCalled }) => farCalled === true);
    rig.pbx.change(rig.pbx.dialogs[0]?.id ?? "", { state: "terminated" });
    const { ended } = await firstEnd(rig);
    expect(ended?.far).toBe("The number was not reached: the phone system gives no reason.");
  });

  test.concurrent("something other than the phone answers: nothing is transferred", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.handset = "voicemail" });
    const dial = rig.dial();
    await rig.waits(shownWithin);
    expect(await dial).toMatchObject({ outcome: "failed", cause: "NOT_THE_PHONE" });
    await rig.until(() => rig.pbx.count("BYE") === 1);
    expect(rig.pbx.count("REFER")).toBe(0);
  });

  const refers = [405, 501, 603];
  test.concurrent.each(refers)(
    "a switch that answers %d to the REFER: the phone is let go, and the agent reads why",
    async (status) => {
      await using rig = await Rig.ready({ before: answers("REFER", { status }) });
      expect(await handsOver(rig)).toEqual({ outcome: "done" });
      const { ended } = await firstEnd(rig);
      expect(ended?.far).toBe(`The switch refuses to transfer the phone (${status}): dial the number on the phone itself.`);
      await rig.until(() => rig.pbx.count("BYE") === 1);
    },
  );

  const outcomes: [number, string][] = [
    [486, "The number is busy."],
    [404, "There is no such number: check it."],
    [480, "Nobody answers."],
    [603, "The call was declined."],
    [503, "The number was not reached (503): check it, or try again in a moment."],
  ];
  test.concurrent.each(outcomes)("the number says %d: %s", async (status, words) => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [100, status] });
    await handsOver(rig);
    expect((await firstEnd(rig)).ended?.far).toBe(words);
    expect(hasReported(rig, "farAnswered")).toBe(false);
  });

  const progress: [string, readonly number[]][] = [
    ["with the first ringback (Asterisk)", [100, 180, 200]],
    ["at once and nothing more (FreeSWITCH)", [200]],
  ];
  test.concurrent.each(progress)(
    "a switch that says 200 %s: called, and whether it is answered is not reported",
    async (_, refer) => {
      await using rig = await Rig.ready({ before: (pbx) => pbx.refer = refer });
      await handsOver(rig, "call-1");
      const facts = await rig.facts(({ answerUnreported }) => answerUnreported === true);
      expect(facts).toMatchObject({ call: "call-1", farCalled: true });
      rig.timers.advance(stillStands);
      expect(hasReported(rig, "farAnswered")).toBe(false);
    },
  );

  test.concurrent.each(progress)("a switch that says 200 %s, with line.referTellsAnswer: answered", async (_, refer) => {
    await using rig = await Rig.ready({ config: { referTellsAnswer: true }, before: (pbx) => pbx.refer = refer });
    await handsOver(rig, "call-1");
    await rig.facts(({ farAnswered }) => farAnswered === true);
    expect(hasReported(rig, "answerUnreported")).toBe(false);
  });

  test.concurrent("the phone dials on its own behind a proxy: its own dialog shows the answer", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [100] });
    await handsOver(rig, "call-1");
    await rig.until(() => rig.pbx.count("REFER") === 1);
    const own = rig.pbx.dialsOut("914155550123");
    rig.pbx.refers(200);
    await rig.until(() => rig.pbx.count("BYE") === 1);
    rig.pbx.change(own.id, { state: "confirmed" });
    expect(await rig.facts(({ farAnswered }) => farAnswered === true)).toMatchObject({ call: "call-1" });
    expect(hasReported(rig, "answerUnreported")).toBe(false);
  });

  test.concurrent("the agent dials another number at once: it is the new dial's call", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [100, 486] });
    await handsOver(rig, "call-1");
    await rig.until(() => rig.pbx.count("BYE") === 1 && rig.pbx.dialogs.length === 0);
    rig.pbx.refer = [180, 200];
    expect(await handsOver(rig, "call-2", "914155550999")).toEqual({ outcome: "done" });
    expect(await rig.facts(({ farCalled }) => farCalled === true)).toMatchObject({ call: "call-2" });
  });

  test.concurrent("requests of the switch inside the call are answered", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [100] });
    await handsOver(rig);
    await rig.until(() => rig.pbx.count("REFER") === 1);
    const { invite } = rig.pbx;
    const asked = (method: string) => invite?.client.ask(method, invite.message, {}, "", 50) ?? "";
    const answered = async (method: string) => {
      const transaction = asked(method);
      await rig.until(() => rig.pbx.answers.has(transaction));
      return rig.pbx.answers.get(transaction);
    };
    const again = await answered("INVITE");
    expect([again?.status, again?.body.includes("a=inactive")]).toEqual([200, true]);
    expect((await answered("INFO"))?.status).toBe(200);
    expect((await answered("PUBLISH"))?.status).toBe(501);
    expect((await answered("BYE"))?.status).toBe(200);
    expect(rig.pbx.count("BYE")).toBe(0);
  });
});

describe("a switch that does not report the outcome of the REFER:", () => {
  const isUnreported = (rig: Rig) =>
    rig.facts(({ farCalled, answerUnreported }) => farCalled === true && answerUnreported === true);
  /** The switch leaves the call, and the box has processed that. */
  const leaves = async (rig: Rig) => {
    const bye = rig.pbx.invite?.client.ask("BYE", rig.pbx.invite.message, {}, "", 50) ?? "";
    await rig.until(() => rig.pbx.answers.has(bye));
  };

  test.concurrent("no NOTIFY at all: the box leaves, and the number counts as called if the call is still active", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [] });
    await handsOver(rig);
    await rig.outlast(rig.until(() => rig.pbx.count("BYE") === 1));
    expect(hasReported(rig, "farCalled")).toBe(false);
    await rig.outlast(isUnreported(rig));
    expect(hasReported(rig, "farAnswered")).toBe(false);
  });

  test.concurrent("a BYE instead: the same", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [] });
    await handsOver(rig);
    await rig.until(() => rig.pbx.count("REFER") === 1);
    await leaves(rig);
    await rig.waits(stillStands);
    await isUnreported(rig);
    expect(rig.pbx.count("BYE")).toBe(0);
  });

  test.concurrent("a BYE between the NOTIFYs: those after it count too", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [180] });
    await handsOver(rig);
    await rig.facts(({ farCalled }) => farCalled === true);
    await leaves(rig);
    rig.timers.advance(stillStands);
    expect(hasReported(rig, "farAnswered")).toBe(false);
    const headers = { Event: "refer", "Subscription-State": "terminated;reason=noresource", "Content-Type": "message/sipfrag" };
    rig.pbx.invite?.client.ask("NOTIFY", rig.pbx.invite.message, headers, "SIP/2.0 200 OK\r\n", 51);
    await isUnreported(rig);
  });

  test.concurrent("the agent hangs up while the REFER is in progress: the number was not reached", async () => {
    await using rig = await Rig.ready({ before: answers("REFER", { status: 481 }) });
    await handsOver(rig);
    const { ended } = await firstEnd(rig);
    expect(ended?.far).toBe("The handset was put down before the number was dialled.");
    rig.timers.advance(stillStands);
    expect(hasReported(rig, "farCalled")).toBe(false);
  });

  test.concurrent("the agent hangs up after the REFER was accepted: the number was not reached", async () => {
    await using rig = await Rig.ready({ before: (pbx) => pbx.refer = [] });
    await handsOver(rig);
    await rig.until(() => rig.pbx.count("REFER") === 1);
    const [dialog] = rig.pbx.dialogs;
    await leaves(rig);
    rig.pbx.change(dialog?.id ?? "", { state: "terminated" });
    await firstEnd(rig);
    rig.timers.advance(stillStands);
    expect(hasReported(rig, "farCalled")).toBe(false);
  });
});

describe("REFER straight to the phone:", () => {
  const config = { dialMethod: "refer" as const };

  test.concurrent("the phone dials on its own: done, and its leg belongs to the command", async () => {
    await using rig = await Rig.ready({ config });
    expect(await rig.dial("call-2")).toEqual({ outcome: "done" });
    const refer = ask(rig, "REFER");
    expect([refer.uri, userOf(header(refer, "refer-to")), rig.pbx.count("INVITE")]).toEqual(["sip:1001@pbx", "914155550123", 0]);
    expect(await rig.facts(({ direction }) => direction !== undefined)).toMatchObject({ call: "call-2" });
  });

  const orders: [string, (rig: Rig, dialog: string) => void][] = [
    ["after", (rig, dialog) => (rig.pbx.change(dialog, { state: "terminated" }), rig.pbx.refers(486))],
    ["before", (rig, dialog) => (rig.pbx.refers(486), rig.pbx.change(dialog, { state: "terminated" }))],
  ];
  test.concurrent.each(orders)(
    "the number's answer comes %s the end of the phone's dialog: it is the reason",
    async (_, happens) => {
      await using rig = await Rig.ready({ config, before: (pbx) => pbx.refer = [100] });
      await rig.dial();
      happens(rig, rig.pbx.dialogs[0]?.id ?? "");
      expect((await firstEnd(rig)).ended?.far).toBe("The number is busy.");
    },
  );

  test.concurrent("the connection is lost before the phone has dialled: unknown", async () => {
    await using rig = await Rig.ready({ config, before: (pbx) => pbx.handset = "waits" });
    const result = rig.dial();
    await rig.until(() => rig.pbx.count("REFER") === 1);
    rig.pbx.kill();
    expect(await result).toMatchObject({ outcome: "unknown" });
  });

  test.concurrent("a phone that does not support it: the agent is referred to the administrator", async () => {
    await using rig = await Rig.ready({
      config,
      before: answers("REFER", { status: 501 }),
    });
    expect(await rig.dial()).toMatchObject({ outcome: "failed", why: expect.stringContaining("change line.dialMethod.") });
  });

  test.concurrent("a phone that declines it", async () => {
    await using rig = await Rig.ready({
      config,
      before: answers("REFER", { status: 603 }),
    });
    expect(await rig.dial()).toMatchObject({ outcome: "failed", why: "Phone 1001 has declined the call." });
  });
});

test("an ACD command is refused with the reason", async () => {
  await using rig = await Rig.ready();
  const command = { type: "agent", desk: "1001", callout: "x", agent: "A", login: true, mode: "ready" } as const;
  expect(await rig.execute(command)).toEqual({
    outcome: "failed",
    cause: "NOT_SUPPORTED",
    why: "This phone system has no call queues: telesetd alone keeps the state.",
  });
});
