/** The subscription to a phone's dialogs at a switch that does what RFC 6665 allows, and what it does not. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { header, type Instead, type SipMessage } from "../../../../simulator/drachtio/mod.ts";
import { Rig } from "../../../support/sip/rig.ts";

setDefaultTimeout(60_000);

/** Answers the first requests of a method so, one after the other; then as the switch is. */
function first(method: string, ...answers: Instead[]): (message: SipMessage) => Instead {
  return (message) => message.method === method && answers.length > 0 ? answers.shift() : undefined;
}
const isRenewal = (message: SipMessage) => message.method === "SUBSCRIBE" && (header(message, "to") ?? "").includes("tag=");

const renewals = (rig: Rig) => rig.pbx.requests.filter(isRenewal).length;

describe("digest:", () => {
  const kinds = [
    { challenge: 407, algorithm: "MD5" },
    { challenge: 401, algorithm: "MD5" },
    { challenge: 407, algorithm: "SHA-256" },
    { challenge: "none", algorithm: "MD5" },
  ] as const;
  test.each(kinds)("%o", async (pbx) => {
    await using rig = await Rig.ready({ pbx });
    expect(rig.links()).toEqual(["up"]);
  });

  test("a nonce that was too old is answered once more", async () => {
    await using rig = await Rig.open({
      before: (pbx) => {
        let seen = 0;
        pbx.instead = () => (++seen === 2 ? pbx.forgetNonces() : undefined, undefined);
      },
    });
    await rig.next("phone");
    expect(rig.links()).toEqual(["up"]);
  });

  test("a proxy and the switch behind it both challenge: one request answers both", async () => {
    await using rig = await Rig.open({
      pbx: { challenge: 401 },
      before: (pbx) =>
        pbx.instead = (message) =>
          message.method === "OPTIONS" || header(message, "proxy-authorization") !== undefined
            ? undefined
            : { status: 407, headers: { "Proxy-Authenticate": 'Digest realm="proxy", nonce="n", qop="auth"' } },
    });
    await rig.next("phone");
    const proved = rig.pbx.requests.find(({ method }) => method === "SUBSCRIBE") ?? { headers: [], body: "" };
    expect(header(proved, "proxy-authorization")).toContain('realm="proxy",nonce="n"');
    expect(header(proved, "proxy-authorization")).toContain("nc=00000002");
    expect(header(proved, "authorization")).toContain('realm="pbx"');
  });

  test("a wrong password: reported with the reason, and not tried again soon", async () => {
    await using rig = await Rig.open({ pbx: { password: "other" } });
    const { why } = await rig.next("link-down");
    expect(why).toBe("pbx refuses the password of user 1009: check line.user and line.password");
    let more = 0;
    rig.pbx.instead = () => (more++, undefined);
    await rig.waits(30_000);
    await rig.until(() => more > 0);
    expect(rig.pbx.subscriptions.size).toBe(0);
    expect(rig.lines.filter((line) => line.includes("refuses the password"))).toHaveLength(1);
    expect(rig.lines.join()).not.toContain("s3cret");
  });

  test("a challenge that must not be echoed, at a renewal: the link continues with a new subscription", async () => {
    const faults: unknown[] = [];
    const note = (error: unknown) => void faults.push(error);
    process.on("unhandledRejection", note);
    await using rig = await Rig.ready({ timeFlows: true, config: { refreshSeconds: 2 } });
    let once = 0;
    rig.pbx.instead = (message) =>
      isRenewal(message) && once++ === 0
        ? { status: 407, headers: { "Proxy-Authenticate": 'Digest realm="\u00e9", nonce="n"' } }
        : undefined;
    const [old] = rig.pbx.subscriptions.keys();
    await rig.until(() => [...rig.pbx.subscriptions.keys()].some((key) => key !== old));
    process.off("unhandledRejection", note);
    expect([faults, rig.links()]).toEqual([[], ["up"]]);
  });

  test("no password where one is required", async () => {
    await using rig = await Rig.open({ config: { password: undefined } });
    expect((await rig.next("link-down")).why).toBe("pbx asks for the password of user 1009: line.password is not set");
  });

  test("a challenge of another kind: the reason is not a missing password", async () => {
    const headers = { "Proxy-Authenticate": 'NTLM realm="pbx"' };
    await using rig = await Rig.open({ before: (pbx) => pbx.instead = first("SUBSCRIBE", { status: 407, headers }) });
    expect((await rig.next("link-down")).why).toContain("in a way that is not supported");
  });
});

describe("an answer to the SUBSCRIBE:", () => {
  const words: [number, string][] = [
    [403, "pbx does not allow user 1009 to watch extension 1001 (403)"],
    [404, "pbx does not know extension 1001 (404)"],
    [489, "pbx does not report the state of phones: it does not accept dialog subscriptions (489)"],
    [405, "pbx does not report the state of phones: it does not accept dialog subscriptions (405)"],
    [500, "pbx refuses to report the state of phone 1001 (500 Whatever)"],
    [408, "pbx does not answer"],
  ];
  test.concurrent.each(words)("%d: %s", async (status, why) => {
    await using rig = await Rig.open({ before: (pbx) => pbx.instead = first("SUBSCRIBE", { status }) });
    expect((await rig.next("link-down")).why).toBe(why);
  });

  test.concurrent("no response at all", async () => {
    await using rig = await Rig.open({
      timeFlows: true,
      config: { answerSeconds: 2 },
      before: (pbx) => pbx.instead = first("SUBSCRIBE", "silence"),
    });
    expect((await rig.next("link-down")).why).toBe("pbx does not answer");
    await rig.next("link-up");
  });

  test.concurrent("423: requests the duration that the switch requires, at once, and from then on", async () => {
    await using rig = await Rig.open({
      before: (pbx) => pbx.instead = first("SUBSCRIBE", { status: 423, headers: { "Min-Expires": "3600" } }),
    });
    await rig.next("phone");
    expect(rig.links()).toEqual(["up"]);
    expect(header(rig.sub.sent.message, "expires")).toBe("3600");
  });

  test.concurrent("503 with Retry-After: not before", async () => {
    await using rig = await Rig.open({
      before: (pbx) => pbx.instead = first("SUBSCRIBE", { status: 503, headers: { "Retry-After": "3" } }),
    });
    await rig.next("link-down");
    await rig.waits(3000);
    await rig.next("link-up");
  });

  test.concurrent("202 and then nothing: reported, and tried again", async () => {
    await using rig = await Rig.open({
      timeFlows: true,
      config: { answerSeconds: 4 },
      before: (pbx) => pbx.sendsFirstDocument = false,
    });
    expect((await rig.next("link-down")).why).toBe("pbx accepted the subscription to phone 1001, but sends no NOTIFY");
    rig.pbx.sendsFirstDocument = true;
    await rig.next("link-up");
  });
});

describe("renewal:", () => {
  const options = { timeFlows: true, config: { refreshSeconds: 2, answerSeconds: 2 } };
  test.concurrent("in time, inside the dialog, and its document is processed", async () => {
    await using rig = await Rig.ready(options);
    await rig.until(() => renewals(rig) >= 3);
    expect(rig.pbx.subscriptions.size).toBe(1);
    expect(rig.links()).toEqual(["up"]);
    // Not reported when it happened: the next renewal does.
    const dialog = {
      id: crypto.randomUUID(),
      extension: "1001",
      direction: "recipient",
      remote: "14155550123",
      state: "early",
      held: false,
    } as const;
    rig.pbx.dialogs.push({ ...dialog });
    expect(await rig.facts(({ rings }) => rings === true)).toMatchObject({ leg: dialog.id, caller: { identity: "14155550123" } });
  });

  test.concurrent("481: a new subscription at once, and the link stays up meanwhile", async () => {
    await using rig = await Rig.ready(options);
    const [old] = rig.pbx.subscriptions.keys();
    rig.pbx.subscriptions.clear();
    await rig.until(() => rig.pbx.subscriptions.size === 1 && !rig.pbx.subscriptions.has(old ?? ""));
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent("423: longer from then on", async () => {
    await using rig = await Rig.ready(options);
    let asked = 0;
    rig.pbx.instead = (message) =>
      isRenewal(message) && asked++ === 0 ? { status: 423, headers: { "Min-Expires": "900" } } : undefined;
    await rig.until(() => rig.pbx.requests.some((message) => header(message, "expires") === "900"));
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent("no answer twice: the link is down, although the subscription has not expired", async () => {
    await using rig = await Rig.ready(options);
    let unanswered = 0;
    rig.pbx.instead = (message) => message.method === "SUBSCRIBE" ? (unanswered++, "silence") : undefined;
    expect((await rig.next("link-down")).why).toBe("pbx does not answer");
    expect(unanswered).toBe(2);
    rig.pbx.instead = () => undefined;
    await rig.next("link-up", () => true, rig.events.findIndex(({ type }) => type === "link-down"));
  });

  test.concurrent("a single 500 does not end it", async () => {
    await using rig = await Rig.ready(options);
    let asked = 0;
    rig.pbx.instead = (message) => isRenewal(message) && asked++ === 0 ? { status: 500 } : undefined;
    await rig.until(() => renewals(rig) >= 2);
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent("a full state that is needed during a renewal is requested after it", async () => {
    await using rig = await Rig.ready(options);
    const ringing = rig.pbx.rings("14155550123");
    await rig.facts(({ rings }) => rings === true);
    // The document arrives before the answer to the renewal, and leaves the call open.
    const notify = rig.pbx.notify.bind(rig.pbx);
    const before = renewals(rig);
    rig.pbx.dialogs.splice(0);
    rig.pbx.instead = (message) => {
      if (isRenewal(message) && header(message, "proxy-authorization") !== undefined && renewals(rig) === before) notify(rig.sub);
      return undefined;
    };
    await rig.facts(({ leg, ended }) => leg === ringing.id && ended !== undefined);
    expect(rig.links()).toEqual(["up"]);
  });
});

describe("a NOTIFY", () => {
  const answerOf = async (rig: Rig, transaction: string) => {
    await rig.until(() => rig.pbx.answers.has(transaction));
    return rig.pbx.answers.get(transaction)?.status;
  };

  test.concurrent("before the answer to the SUBSCRIBE is processed", async () => {
    await using rig = await Rig.open({
      before: (pbx) => {
        const respond = pbx.subscribed.bind(pbx);
        pbx.subscribed = (sub) => (pbx.notify(sub), respond(sub));
      },
    });
    await rig.next("phone");
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent("with a partial document before the answer to the SUBSCRIBE: the full state is requested after it", async () => {
    const root = 'xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="partial" entity="sip:1001@pbx"';
    await using rig = await Rig.open({
      before: (pbx) => {
        const respond = pbx.subscribed.bind(pbx);
        pbx.sendsFirstDocument = false;
        pbx.subscribed = (sub) => (pbx.notify(sub, { body: `<dialog-info ${root}/>` }), respond(sub));
      },
    });
    await rig.until(() => renewals(rig) > 0);
    expect(rig.lines.join()).not.toContain("error");
  });

  test.concurrent("of a subscription that is not ours: 481", async () => {
    await using rig = await Rig.ready();
    const { sent } = rig.sub;
    const headers = sent.message.headers.map(([name, value]) => [name, name === "Call-ID" ? "another" : value] as const);
    const stranger = { ...rig.sub, sent: { ...sent, message: { ...sent.message, headers } } };
    expect(await answerOf(rig, rig.pbx.notify(stranger))).toBe(481);
  });

  test.concurrent("of another event package: 489, and the subscription continues", async () => {
    await using rig = await Rig.ready();
    const headers = { Event: "presence", "Subscription-State": "terminated;reason=noresource" };
    expect(await answerOf(rig, rig.sub.sent.client.ask("NOTIFY", rig.sub.sent.message, headers, "", 99))).toBe(489);
    rig.pbx.rings("14155550123");
    await rig.facts(({ rings }) => rings === true);
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent("of a fork: 481, and the first continues", async () => {
    await using rig = await Rig.ready();
    const { sent } = rig.sub;
    const headers = sent.message.headers.map(([name, value]) => [name, name === "To" ? `${value};tag=fork` : value] as const);
    const fork = { ...rig.sub, sent: { ...sent, message: { ...sent.message, headers } } };
    expect(await answerOf(rig, rig.pbx.notify(fork))).toBe(481);
    expect(await answerOf(rig, rig.pbx.notify(rig.sub))).toBe(200);
    expect(rig.lines.some((line) => line.includes("A second phone answers the subscription"))).toBe(true);
  });

  const odd = ["<html>", "<?xml version='1.0'?>", "<!DOCTYPE x><dialog-info/>", "\0\0", "x".repeat(300_000), "<dialog-info/>"];
  test.concurrent.each(odd.map((body) => [body.slice(0, 30), body]))(
    "with %j: 200, logged, and the link stays up",
    async (_, body) => {
      await using rig = await Rig.ready();
      expect(await answerOf(rig, rig.pbx.notify(rig.sub, { body }))).toBe(200);
      await rig.until(() => rig.lines.some((line) => line.includes("Cannot read what the switch reports of the phone")));
      rig.pbx.rings("14155550123");
      await rig.facts(({ rings }) => rings === true);
      expect(rig.links()).toEqual(["up"]);
    },
  );

  test.concurrent("without a body while it is pending: the desk waits, with the reason; then it is allowed", async () => {
    await using rig = await Rig.open({ before: (pbx) => pbx.sendsFirstDocument = false });
    await rig.until(() => rig.pbx.subscriptions.size === 1);
    expect(await answerOf(rig, rig.pbx.notify(rig.sub, { state: "pending;expires=300", body: "" }))).toBe(200);
    expect((await rig.next("link-down")).why).toBe("pbx waits for a person to allow the subscription to phone 1001");
    rig.pbx.publish("1001");
    await rig.next("link-up");
  });

  test.concurrent("without a body in an active subscription: the phone has no calls", async () => {
    await using rig = await Rig.open({ before: (pbx) => pbx.sendsFirstDocument = false });
    await rig.until(() => rig.pbx.subscriptions.size === 1);
    rig.pbx.notify(rig.sub, { body: "" });
    expect((await rig.next("snapshot")).legs).toEqual([]);
  });
});

test("when the daemon stops it unsubscribes", async () => {
  const rig = await Rig.ready();
  rig.stop();
  await rig.ended;
  expect(header(rig.pbx.requests.findLast(({ method }) => method === "SUBSCRIBE") ?? { headers: [], body: "" }, "expires")).toBe(
    "0",
  );
  expect(rig.pbx.subscriptions.size).toBe(0);
  rig.pbx.server.stop();
});
