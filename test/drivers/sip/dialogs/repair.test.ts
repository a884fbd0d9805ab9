/** Documents that are not well-formed: clear ones are read, the rest is requested again and reported in the status. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { readDialogInfo } from "../../../../drivers/sip/dialogs/dialog-info.ts";
import { repaired } from "../../../../drivers/sip/dialogs/repair.ts";
import { readableWithin, refreshEvery } from "../../../../drivers/sip/watch/watch.ts";
import { Rig } from "../../../support/sip/rig.ts";
import { cpuMs } from "../../../support/cpu.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

/** A phone that rings, with this name and identity of its caller. */
function ringing(display: string, identity = "sip:14155550123@pbx", version = 1): string {
  return `<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="sip:1001@pbx">
<dialog id="11111111-aaaa-4bbb-8ccc-000000000001" direction="recipient"><state>early</state>
<remote><identity display="${display}">${identity}</identity><target uri='sip:x@pbx'/></remote></dialog></dialog-info>`;
}

describe("read all the same:", () => {
  test.each<[string, string, string, string]>([
    ["a raw & in a name", "Smith & Sons", "sip:14155550123@pbx", "Smith & Sons"],
    ["one without spaces", "AT&T", "sip:14155550123@pbx", "AT&T"],
    ["one at the end", "Smith &", "sip:14155550123@pbx", "Smith &"],
    ["beside a good one", "A &amp; B & C", "sip:14155550123@pbx", "A & B & C"],
    ["a raw < in a name", "Bob <Sales>", "sip:14155550123@pbx", "Bob <Sales>"],
    ["control characters", "Bob\u0000\u0001\u001f\u0008", "sip:14155550123@pbx", "Bob"],
    ["a URI in brackets", "Bob", "<sip:14155550123@pbx;a=b>", "Bob"],
    ["a name and a URI in brackets", "Bob", '"Bob" <sips:14155550123@pbx>', "Bob"],
    ["quotes in a name", 'Bob "the builder" B', "sip:14155550123@pbx", 'Bob "the builder" B'],
    ["quotes around a name", '"Bob"', "sip:14155550123@pbx", '"Bob"'],
    ["an entity of HTML", "Caf&eacute;&nbsp;B", "sip:14155550123@pbx", "Caf&eacute;&nbsp;B"],
    ["characters that XML cannot hold, by number", "B&#1;o&#0;&#xFFFF;&#xd800;&#99999999999;b", "sip:14155550123@pbx", "Bob"],
    ["half of a surrogate pair", "Bo\ud800b", "sip:14155550123@pbx", "Bob"],
    ["a parameter of the URI behind &", "Bob", "sip:14155550123@pbx?a=b&c=d", "Bob"],
  ])("%s", (_, display, identity, name) => {
    const body = ringing(display, identity);
    expect(() => readDialogInfo(body)).toThrow();
    const [dialog] = readDialogInfo(repaired(body)).dialogs;
    expect(dialog?.state).toBe("early");
    expect(dialog?.remote?.identity?.display).toBe(name);
    expect(dialog?.remote?.identity?.uri).toContain("14155550123@pbx");
  });
  test("a well-formed document stays unchanged", () => {
    const good = ringing("A &amp; B &#38; &lt;C&gt; 'd'");
    expect(repaired(good)).toBe(good);
  });
  test("nothing breaks it, and it is quick", async () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."<>&;\"'a/!?: ") }), (text) => typeof repaired(text) === "string"),
    );
    const long = ["<", "&", '<a b="', "&a"].map((text) => text.repeat(60_000));
    expect(await cpuMs(() => long.forEach((text) => repaired(text)))).toBeLessThan(2000);
  });
});

const unreadable = [
  ["cut off", ringing("Bob").slice(0, -20)],
  ["an attribute twice", ringing("Bob").replace("direction=", 'direction="initiator" direction=')],
  ["an element that does not end", ringing("Bob").replace("</remote>", "")],
  ["no XML", "hello"],
] as const;
const renewals = (rig: Rig) => rig.pbx.count("SUBSCRIBE");
const why = "pbx sends documents about phone 1001 that cannot be read (see the log)";

describe("a document that cannot be read:", () => {
  test.concurrent.each(unreadable)("%s: the full state is requested at once, and nothing is lost", async (_, body) => {
    await using rig = await Rig.ready();
    const before = renewals(rig);
    rig.pbx.dialogs.push({
      id: "11111111-aaaa-4bbb-8ccc-000000000001",
      extension: "1001",
      direction: "recipient",
      remote: "14155550123",
      state: "early",
      held: false,
    });
    rig.pbx.notify(rig.sub, { body });
    expect(await rig.facts(({ rings }) => rings === true)).toMatchObject({ caller: { identity: "14155550123" } });
    expect([renewals(rig), rig.links()]).toEqual([before + 1, ["up"]]);
  });

  test.concurrent.each(unreadable)("%s again: it is reported, until one can be read, which is a snapshot", async (_, body) => {
    await using rig = await Rig.ready();
    const document = rig.pbx.document.bind(rig.pbx);
    rig.pbx.document = () => body;
    rig.pbx.notify(rig.sub);
    await rig.waits(readableWithin);
    expect((await rig.next("link-down")).why).toBe(why);
    expect(await rig.dial()).toMatchObject({ outcome: "failed", why: expect.stringContaining(why) });
    const from = rig.events.length;
    rig.pbx.document = document;
    rig.pbx.rings("14155550123");
    expect((await rig.next("snapshot", () => true, from)).legs).toMatchObject([{ rings: true }]);
    await rig.next("phone", ({ registered }) => registered, from);
    expect(rig.events.slice(from).map(({ type }) => type)).toEqual(["link-up", "snapshot", "phone"]);
    expect(rig.pbx.subscriptions.size).toBe(1);
  });

  test.concurrent("once, and a good one after it: nothing is reported", async () => {
    await using rig = await Rig.ready();
    rig.pbx.notify(rig.sub, { body: "hello" });
    await rig.until(() => renewals(rig) > 1);
    rig.pbx.rings("14155550123");
    await rig.facts(({ rings }) => rings === true);
    await rig.passes(readableWithin);
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent("the calls that ended meanwhile are released by the snapshot", async () => {
    await using rig = await Rig.ready();
    const { id } = rig.pbx.rings("14155550123");
    await rig.facts(({ rings }) => rings === true);
    const document = rig.pbx.document.bind(rig.pbx);
    rig.pbx.document = () => "hello";
    rig.pbx.change(id, { state: "terminated" });
    await rig.waits(readableWithin);
    await rig.next("link-down");
    const from = rig.events.length;
    rig.pbx.document = document;
    rig.pbx.publish("1001");
    expect((await rig.next("snapshot", () => true, from)).legs).toEqual([]);
  });

  test.concurrent("a flood of them causes one request", async () => {
    await using rig = await Rig.ready();
    const before = renewals(rig);
    rig.pbx.document = () => "hello";
    const flood = Array.from({ length: 50 }, () => rig.pbx.notify(rig.sub));
    await rig.until(() => flood.every((transaction) => rig.pbx.answers.has(transaction)) && renewals(rig) > before);
    await rig.waits(readableWithin);
    await rig.next("link-down");
    expect(renewals(rig)).toBe(before + 1);
    expect(refreshEvery).toBeGreaterThanOrEqual(5000);
  });

  test.concurrent("now and then: requested again only after a while", async () => {
    await using rig = await Rig.ready();
    let asked = 0;
    rig.pbx.instead = ({ method }) => (method === "SUBSCRIBE" && asked++, undefined);
    const answered = async (body?: string) => {
      const transaction = rig.pbx.notify(rig.sub, body === undefined ? {} : { body });
      await rig.until(() => rig.pbx.answers.has(transaction));
    };
    /** An unreadable document, and its consequence, which is sent before the answer to the next NOTIFY. */
    const fails = async () => {
      await answered("hello");
      await answered();
    };
    await fails();
    await rig.until(() => renewals(rig) === 2);
    const before = asked;
    await fails();
    expect(asked).toBe(before);
    await rig.passes(refreshEvery + 1);
    await fails();
    await rig.until(() => renewals(rig) === 3);
  });

  test.concurrent("the first of a subscription: the defect is reported, and the subscription continues", async () => {
    await using rig = await Rig.open({ before: (pbx) => pbx.document = () => "hello" });
    await rig.waits(readableWithin);
    expect((await rig.next("link-down")).why).toBe(why);
    await rig.passes(10_000);
    expect(rig.links()).toEqual([`down: ${why}`]);
  });

  test.concurrent("a repaired one is believed, and the full state is requested", async () => {
    await using rig = await Rig.ready();
    const before = renewals(rig);
    const body = ringing("Smith & Sons");
    rig.pbx.document = () => body.replace('version="1"', `version="${rig.sub.version++}"`);
    rig.pbx.notify(rig.sub);
    await rig.facts(({ rings }) => rings === true);
    await rig.until(() => renewals(rig) === before + 1);
    await rig.passes(readableWithin);
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent.each([
    ["an unknown state", '<dialog id="odd"><state>ringing</state></dialog>'],
    ["no id", "<dialog><state>early</state></dialog>"],
  ])("one dialog with %s: the others are read, none ends, and the full state is requested", async (_, odd) => {
    await using rig = await Rig.ready();
    const first = rig.pbx.rings("14155550999");
    rig.pbx.change(first.id, { state: "confirmed" });
    await rig.facts(({ answered }) => answered === true);
    const [before, from] = [renewals(rig), rig.events.length];
    const { version } = rig.sub;
    rig.pbx.notify(rig.sub, {
      body: ringing("Bob", "sip:14155550123@pbx", version).replace("</dialog-info>", `${odd}</dialog-info>`),
    });
    rig.sub.version++;
    expect(await rig.facts(({ rings }) => rings === true, from)).toMatchObject({ caller: { identity: "14155550123" } });
    await rig.until(() => renewals(rig) > before);
    expect(rig.events.slice(from).some((event) => event.type === "leg" && event.facts.leg === first.id && event.facts.ended))
      .toBe(false);
    expect(rig.links()).toEqual(["up"]);
  });
});
