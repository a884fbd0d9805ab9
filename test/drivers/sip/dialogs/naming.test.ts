/** How reliable a notifier's names for dialogs are: for every call, ends reported late or twice, branches under one name. */
import { describe, expect, test } from "bun:test";
import { namingOf, newNotifier } from "../../../../drivers/sip/dialogs/notifier.ts";
import type { DialogState } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import { connectedTracker, factsOf } from "../../../support/sip/desk.ts";
import { dialog, info } from "../../../support/sip/documents.ts";
import { call, first, Phone, second, type Shown } from "../../../support/sip/phone.ts";

describe("an id that stands for every call:", () => {
  const ids = [
    "1001",
    "sip:1001@192.0.2.10",
    "sips:1001@192.0.2.10:5061;transport=tls",
    "SIP:1001@PBX.EXAMPLE.COM",
    "1001@192.0.2.10",
    "1001@from-internal-context",
    "&lt;sip:1001@192.0.2.10&gt;",
    "sip%3A1001%40192.0.2.10",
    "PJSIP/1001",
    "SIP/1001-dialog-status",
    "dialog:sip:1001@192.0.2.10:5060",
    "extension-1001-presence",
    "1001-192.0.2.10",
    "urn:x-pbx:extension:1001",
    // Not made of the phone's name: only its use shows it.
    "line-0000000000000001",
    "0004f2a1b2c3d4e5-primary",
    "11111111-2222-4333-8444-555555555555",
    "Y2FsbGhhbGYtMTU1OTU6MA==",
  ];
  test.each(ids)("%s: each call is reported, also of the same caller, also after a restart", (id) => {
    const phone = new Phone();
    phone.sends({ id, state: "terminated" });
    for (const number of [first, second, second]) phone.call(id, number);
    expect(phone.desk.sent.splice(0)).toEqual([...call(1, first), ...call(2, second), ...call(3, second)]);
    phone.restart({ id, state: "terminated" });
    for (const number of [second, first]) phone.call(id, number);
    expect(phone.desk.sent).toEqual([...call(4, second), ...call(5, first)]);
  });

  test.each(ids)("%s: the same where an idle phone is shown as no dialog", (id) => {
    const phone = Phone.idle();
    for (const number of [first, first, second]) {
      phone.call(id, number);
      phone.sends();
    }
    expect(phone.desk.sent).toEqual([...call(1, first), ...call(2, first), ...call(3, second)]);
  });

  test.each(ids.filter((id) => !id.includes("2222")))("%s: the same after a restart", (id) => {
    const phone = Phone.idle();
    phone.call(id, first);
    for (let n = 2; n < 5; n++) {
      phone.desk.sent.splice(0);
      phone.restart();
      phone.call(id, n % 2 === 0 ? second : first);
      expect(phone.desk.sent).toEqual(call(n, n % 2 === 0 ? second : first));
    }
  });

  test.each(ids)("%s: an active call survives a restart", (id) => {
    const phone = new Phone();
    phone.sends({ id, state: "terminated" });
    phone.sends({ id, state: "early", number: first });
    phone.sends({ id, state: "confirmed", number: first });
    phone.restart({ id, state: "confirmed", number: first });
    phone.sends({ id, state: "terminated" });
    expect(phone.desk.sent).toEqual(call(1, first));
  });

  test.each(["sip:1001@192.0.2.10", "1001", "sub-1@192.0.2.99", "pickup-7f3a@192.0.2.10"])(
    "and so does the Call-ID %s",
    (callId) => {
      const phone = Phone.idle();
      for (const number of [first, first, second]) phone.call("sip:1001@192.0.2.10", number, `call-id="${callId}"`);
      expect(phone.desk.sent).toEqual([...call(1, first), ...call(2, first), ...call(3, second)]);
    },
  );

  test("a long id with a Call-ID for each call: the Call-ID names them, also after a restart", () => {
    const phone = Phone.idle();
    phone.call("sip:1001@192.0.2.10", first, 'call-id="one@192.0.2.7"');
    phone.restart();
    phone.call("sip:1001@192.0.2.10", first, 'call-id="two@192.0.2.7"');
    expect(phone.desk.sent).toEqual([...call(1, first), ...call(2, first)]);
  });

  test("a Call-ID that is always the same: another caller is another call", () => {
    const phone = Phone.idle();
    for (const number of [first, second]) phone.call("17", number, 'call-id="always@192.0.2.7"');
    expect(phone.desk.sent).toEqual([...call(1, first), ...call(2, second)]);
  });

  test("one of two ids that are used again: the same caller too, once another caller has shown it", () => {
    const phone = Phone.idle();
    const calls = [["line-a-0000000001", first], ["line-b-0000000001", first], ["line-a-0000000001", second]];
    for (const [id = "", number = ""] of [...calls, ["line-a-0000000001", second]]) phone.call(id, number);
    expect(phone.desk.sent).toEqual([...call(1, first), ...call(2, first), ...call(3, second), ...call(4, second)]);
  });

  test("the alias of a desk is the phone's name too", () => {
    const phone = Phone.idle("Some PBX", ["1001", "+14155557001"]);
    for (const number of [first, first]) phone.call("sip:+14155557001@192.0.2.10", number);
    expect(phone.desk.sent).toEqual([...call(1, first), ...call(2, first)]);
  });
});

test.each(
  [
    ["77aa12bc-9c01-4d@203.0.113.7", "unproven"],
    ["1001-77aa12bc9c014d@203.0.113.7", "unproven"],
    ["padi-6b0502bf-2a8e-1", "unproven"],
    ["10017", "counter"],
    ["17", "counter"],
    ["1001", "phone"],
  ] as const,
)("the reliability of %s: %s", (id, worth) => expect(namingOf(newNotifier(["1001"]), { id })).toBe(worth));

describe("late reports of an ended call:", () => {
  const callId = 'call-id="9f31c7aa@203.0.113.9"';
  const talking: Shown = { id: "9f31c7aa@203.0.113.9", state: "confirmed", number: first, more: callId };

  /** A call during which a second one is refused, whose states arrive in this order. */
  function refused(id: string, more: string, states: readonly string[], parties = true): Phone {
    const phone = new Phone("kamailio (5.6.4 (x86_64/linux))");
    phone.sends();
    phone.sends({ ...talking, state: "early" });
    phone.sends(talking);
    for (const state of states) {
      phone.sends(talking, { id, state, more, ...(parties ? { number: second } : { direction: "recipient" }) });
    }
    phone.sends({ ...talking, state: "terminated" }, { id, state: states.at(-1) ?? "", more, number: second });
    return phone;
  }
  const id = "77aa12bc-9c01-4d@203.0.113.7";
  const orders: [string, readonly string[]][] = [
    ["early after an end whose beginning was not seen", ["terminated", "early"]],
    ["confirmed after it", ["terminated", "confirmed"]],
    ["trying, then early", ["terminated", "trying", "early"]],
    ["again and again", ["terminated", "early", "terminated", "early"]],
  ];
  for (const more of ['call-id="77aa12bc-9c01-4d@203.0.113.7"', 'call-id="x"', ""]) {
    test.each(orders)(`%s, with ${more || "no Call-ID"}`, (_, states) => {
      const phone = refused(id, more, states);
      expect(phone.desk.sent).toEqual(call(1, first));
      expect(phone.desk.calls).toEqual([]);
    });
  }
  test.each(["early", "confirmed"])("%s, without a name", (state) => {
    expect(refused(id, "", ["terminated", state], false).desk.sent).toEqual(call(1, first));
  });
  test("early after the end of a reported call", () => {
    const phone = refused(id, 'call-id="77aa12bc"', ["early", "terminated", "early"]);
    expect(phone.desk.sent.filter((text) => text.includes("2"))).toEqual([
      "ScreenPop 1 14155550123",
      "ScreenPop 2 14155550999",
      "CallReleased 2",
    ]);
    expect(phone.desk.calls).toEqual([]);
  });
  test("early again, of a switch that gives each call an id, without a Call-ID", () => {
    const phone = Phone.idle("kamailio");
    phone.call("padi-6b050258-43f-1", first);
    for (const state of ["early", "terminated", "early"]) phone.sends({ id: "padi-6b050258-43f-2", state, number: second });
    expect(phone.desk.sent).toEqual([...call(1, first), "ScreenPop 2 14155550999", "CallReleased 2"]);
  });
  test("early again without the Call-ID that its end had", () => {
    const phone = Phone.idle("kamailio");
    const shown = { id: "padi-6b050258-43f-2", number: second };
    for (const state of ["early", "terminated"]) phone.sends({ ...shown, state, more: 'call-id="77aa12bc"' });
    phone.sends({ ...shown, state: "early" });
    expect(phone.desk.sent).toEqual(["ScreenPop 1 14155550999", "CallReleased 1"]);
  });
  test("of FreeSWITCH, whatever its other end: its ids are UUIDs", () => {
    const phone = Phone.idle("FreeSWITCH-mod_sofia/1.11");
    phone.call("11111111-aaaa-4bbb-8ccc-000000000001", first);
    phone.sends({ id: "11111111-aaaa-4bbb-8ccc-000000000001", state: "early", number: second });
    expect(phone.desk.sent).toEqual(call(1, first));
  });
  test("after a hundred documents that list the end of another one", () => {
    const phone = Phone.idle("kamailio");
    const listed = (name: string, state: string): Shown => ({ id: name, state, number: second, more: `call-id="${name}"` });
    phone.sends(listed("a-call-of-long-ago", "terminated"));
    for (let n = 0; n < 100; n++) phone.sends(listed("a-call-of-late", "terminated"));
    phone.sends(listed("a-call-of-long-ago", "early"));
    expect(phone.desk.sent).toEqual([]);
  });
  test("after as many ends of others as are remembered, while the switch keeps listing its own", () => {
    const phone = Phone.idle("kamailio");
    const listed = (name: string, state: string): Shown => ({ id: name, state, number: second, more: `call-id="${name}"` });
    for (let n = 0; n < 64; n++) {
      phone.sends(listed("a-call-of-long-ago", "terminated"), listed(`another-ended-call-${n}`, "terminated"));
    }
    phone.sends(listed("a-call-of-long-ago", "early"));
    expect(phone.desk.sent).toEqual([]);
  });
  test("in one document with its end", () => {
    const phone = Phone.idle("kamailio");
    const shown = { id, number: second, more: 'call-id="77aa12bc"' };
    phone.sends({ ...shown, state: "terminated" }, { ...shown, state: "early" });
    phone.sends({ ...shown, state: "early" }, { ...shown, state: "terminated" });
    phone.sends({ ...shown, state: "early" });
    expect(phone.desk.sent).toEqual([]);
  });
  test("still after a hundred other calls, while the switch keeps listing it", () => {
    const phone = Phone.idle("kamailio");
    const stale: Shown = { id, state: "early", number: second, more: 'call-id="77aa12bc"' };
    phone.sends({ ...stale, state: "terminated" });
    phone.sends(stale);
    for (let n = 1; n <= 100; n++) {
      for (const state of ["early", "terminated"]) {
        phone.sends(stale, { id: `call-number-${n}-of-many`, state, number: first, more: `call-id="n${n}"` });
      }
    }
    expect(phone.desk.sent).toHaveLength(200);
  });
  test("after a new subscription and a lost connection", () => {
    const phone = Phone.idle("kamailio");
    const stale: Shown = { id, state: "early", number: second, more: 'call-id="77aa12bc"' };
    phone.sends({ ...stale, state: "terminated" });
    phone.desk.tracker.subscribed();
    phone.sends(stale);
    phone.desk.tracker.connected();
    phone.sends(stale);
    expect(phone.desk.sent).toEqual([]);
  });
  test("a branch that rings after another has declined is not an echo: its tag differs", () => {
    const phone = Phone.idle("kamailio");
    const branch = (tag: string, state: string): Shown => ({
      id,
      state,
      number: second,
      more: `call-id="77aa12bc" local-tag="${tag}" remote-tag="r"`,
    });
    for (const [tag, state] of [["a", "early"], ["a", "terminated"], ["b", "early"], ["b", "confirmed"]] as const) {
      phone.document("partial", branch(tag, state));
    }
    expect(phone.desk.sent.filter((text) => text.startsWith("CallEstablished"))).toHaveLength(1);
  });
});

describe("one document shows a dialog as both confirmed and ended:", () => {
  const shown = (state: string, more = ""): Shown => ({
    id: "9f31c7aa@203.0.113.9",
    state,
    number: first,
    more: `call-id="c1" ${more}`,
  });
  const tags = (local: string, remote = "r") => `local-tag="${local}" remote-tag="${remote}"`;

  /** A phone that is talking. */
  function talking(more = ""): Phone {
    const phone = Phone.idle("kamailio");
    phone.sends(shown("early", more));
    phone.sends(shown("confirmed", more));
    phone.desk.sent.splice(0);
    return phone;
  }
  const both = [[shown("confirmed"), shown("terminated")], [shown("terminated"), shown("confirmed")]];
  test.each(both)("without tags: the full state is requested, and nothing is reported before", (...dialogs) => {
    const phone = talking();
    expect([phone.sends(...dialogs), phone.desk.asked.length]).toEqual([[], 1]);
  });
  test.each(both)("it continues if the full state shows it as confirmed", (...dialogs) => {
    const phone = talking();
    phone.sends(...dialogs);
    expect(phone.sends(shown("confirmed"))).toEqual([]);
    expect(phone.desk.hear(phone.desk.tracker.noAnswer())).toEqual([]);
    expect(phone.sends(shown("terminated"))).toEqual(["CallReleased 1"]);
  });
  test.each(both)("it has ended if the full state repeats that, or does not arrive; and stays ended", (...dialogs) => {
    const answers = [
      (phone: Phone) => phone.sends(...dialogs),
      (phone: Phone) => phone.desk.hear(phone.desk.tracker.noAnswer()),
    ];
    for (const answer of answers) {
      const phone = talking();
      phone.sends(...dialogs);
      expect(answer(phone)).toEqual(["CallReleased 1"]);
      const { length } = phone.desk.asked;
      expect([phone.sends(...dialogs), phone.sends(shown("confirmed")), phone.desk.asked.length]).toEqual([[], [], length]);
    }
  });
  test("a partial document answers no question: nothing is believed before the full state", () => {
    const phone = talking();
    phone.sends(shown("confirmed"), shown("terminated"));
    expect(phone.document("partial", shown("confirmed"), shown("terminated"))).toEqual([]);
    expect(phone.sends(shown("confirmed"))).toEqual([]);
    expect(phone.desk.calls).toHaveLength(1);
  });
  test("branches under one id are one call, whatever the caller", () => {
    const phone = Phone.idle("Forker/1.0");
    const branch = (local: string, state: string): Shown => ({
      id: "9f31c7aa@203.0.113.9",
      state,
      number: "anonymous",
      more: tags(local),
    });
    phone.sends(branch("phone-a", "early"), branch("phone-b", "early"));
    phone.sends(branch("phone-a", "confirmed"), branch("phone-b", "terminated"));
    phone.sends(branch("phone-a", "terminated"), branch("phone-b", "terminated"));
    expect(phone.desk.sent).toEqual(["ScreenPop 1", "CallEstablished 1", "CallReleased 1"]);
  });
  test("a call that was not seen before is not reported before the full state is requested", () => {
    const phone = Phone.idle("kamailio");
    expect([phone.sends(shown("confirmed"), shown("terminated")), phone.desk.asked.length]).toEqual([[], 1]);
    expect(phone.sends(shown("confirmed"))).toEqual(["ScreenPop 1 14155550123", "CallEstablished 1"]);
  });
  test.each([tags("phone-b"), 'local-tag="phone-b"'])("with tags, %s has ended: it is another branch", (more) => {
    const phone = talking(tags("phone-a"));
    expect(phone.sends(shown("confirmed", tags("phone-a")), shown("terminated", more))).toEqual([]);
    expect(phone.sends(shown("terminated", more), shown("confirmed", tags("phone-a")))).toEqual([]);
    expect(phone.desk.asked).toEqual([]);
    expect(phone.sends(shown("terminated", tags("phone-a")), shown("terminated", more))).toEqual(["CallReleased 1"]);
  });
  test("a partial document ends another branch: the full state is requested, and the call continues", () => {
    const phone = talking(tags("phone-a"));
    expect([phone.document("partial", shown("terminated", tags("phone-b"))), phone.desk.asked.length]).toEqual([[], 1]);
    expect(phone.sends(shown("confirmed", tags("phone-a")))).toEqual([]);
    expect(phone.document("partial", shown("terminated", tags("phone-a")))).toEqual(["CallReleased 1"]);
  });
  test("no full state arrives for it and for an omitted branch: each of them ends once", () => {
    const tracked = connectedTracker();
    const talk = (state: DialogState, tag: string) => dialog("d1", state, { callId: "c1", localTag: tag, remoteTag: "r" });
    const kamailio = { userAgent: "kamailio" };
    tracked.notify(info(0, "full"), kamailio);
    tracked.notify(info(1, "full", talk("confirmed", "a"), talk("early", "b")), kamailio);
    tracked.notify(info(2, "full", talk("confirmed", "a"), talk("terminated", "a")), kamailio);
    expect(factsOf(tracked.noAnswer().events).map(({ ended }) => ended !== undefined)).toEqual([true, true]);
  });
  test("an old report of a branch that rang does not keep an answered call alive", () => {
    const phone = Phone.idle("kamailio");
    const stale = shown("early", tags("phone-b"));
    phone.sends(stale);
    phone.sends(stale, shown("confirmed", tags("phone-a")));
    expect(phone.sends(stale, shown("terminated", tags("phone-a")))).toEqual(["CallReleased 1"]);
    expect([phone.sends(stale), phone.desk.calls]).toEqual([[], []]);
  });
});
