/** Outages of drachtio-server, the switch and the network; several desks; the registration of the box. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { header, type SipMessage } from "../../../simulator/drachtio/mod.ts";
import { answers, Rig } from "../../support/sip/rig.ts";

setDefaultTimeout(60_000);

describe("drachtio-server", () => {
  test.concurrent("is restarted: reported once, and the phone is watched again", async () => {
    await using rig = await Rig.ready({ timeFlows: true });
    const dialog = rig.pbx.rings("14155550123");
    await rig.facts(({ rings }) => rings === true);
    const from = rig.events.length;
    rig.pbx.kill();
    expect((await rig.next("link-down", () => true, from)).why).toMatch(/drachtio-server .*(closed|failed)/);
    await rig.next("link-down", ({ why }) => why.startsWith("nothing listens on"), from);
    await rig.pbx.server.listen();
    const { legs } = await rig.next("snapshot", () => true, from);
    expect(legs).toMatchObject([{ leg: dialog.id, rings: true }]);
    expect(rig.lines.filter((line) => line.includes("No connection to drachtio-server") && line.includes("nothing listens")))
      .toHaveLength(1);
  });

  test.concurrent("refuses the secret", async () => {
    await using rig = await Rig.open({ pbx: { secret: "other" } });
    expect((await rig.next("link-down")).why).toMatch(/^drachtio-server at .* refuses the login: check line.drachtioSecret$/);
    expect(rig.lines.join()).not.toContain("cymru");
  });

  test.concurrent.each([false, true])(
    "does not speak the transport, register %p: the <contact> is missing",
    async (register) => {
      await using rig = await Rig.open({ timeFlows: true, config: { transport: "tls", register } });
      const why = "drachtio-server does not speak SIP over tls: " +
        "add a <contact> with transport=tls to <sip> in its drachtio.conf.xml, or change line.transport";
      expect((await rig.next("link-down")).why).toBe(why);
      // It keeps trying.
      await rig.next("link-down", () => true, rig.events.length);
    },
  );

  const torn = ["12#id|sip", "garbage", "#", "5"];
  test.concurrent.each(torn)("sends garbage (%j) and closes: the phone is watched again", async (bytes) => {
    await using rig = await Rig.ready({ timeFlows: true });
    const from = rig.events.length;
    for (const client of rig.pbx.server.clients) {
      client.raw(Buffer.from(bytes));
      client.socket.end();
    }
    await rig.next("link-down", () => true, from);
    await rig.next("snapshot", () => true, from);
  });
});

describe("the switch", () => {
  const options = { timeFlows: true, config: { pingSeconds: 2, answerSeconds: 2 } };
  const dead = () => "silence" as const;

  test.concurrent("is gone, with its subscriptions: the link goes down in bounded time, and comes back on its own", async () => {
    await using rig = await Rig.ready(options);
    await rig.until(() => rig.pbx.count("OPTIONS") > 1);
    rig.pbx.rings("14155550123");
    await rig.facts(({ rings }) => rings === true);
    rig.pbx.instead = dead;
    const from = rig.events.length;
    expect((await rig.next("link-down", () => true, from)).why).toBe("pbx does not answer");
    expect(await rig.dial()).toMatchObject({ outcome: "failed", cause: "NO_LINK" });
    rig.pbx.subscriptions.clear();
    rig.pbx.dialogs.splice(0);
    rig.pbx.instead = () => undefined;
    expect((await rig.next("snapshot", () => true, from)).legs).toEqual([]);
    expect(rig.pbx.subscriptions.size).toBe(1);
  });

  test.concurrent("misses one OPTIONS: the link stays up", async () => {
    await using rig = await Rig.ready();
    await rig.waits(1000);
    await rig.until(() => rig.pbx.count("OPTIONS") === 1);
    let missed = 0;
    rig.pbx.instead = ({ method }) => method === "OPTIONS" && missed++ === 0 ? "silence" : undefined;
    await rig.waits(20_000);
    await rig.waits(8000);
    await rig.waits(1000);
    await rig.until(() => rig.pbx.count("OPTIONS") === 2);
    expect(rig.links()).toEqual(["up"]);
  });

  test.concurrent.each([408, 503, 504])("answers OPTIONS with %d twice: it is gone, as if it did not answer", async (status) => {
    await using rig = await Rig.ready({ timeFlows: true, config: { pingSeconds: 2 } });
    await rig.until(() => rig.pbx.count("OPTIONS") > 1);
    rig.pbx.instead = ({ method }) => method === "OPTIONS" ? { status } : undefined;
    expect((await rig.next("link-down")).why).toBe("pbx does not answer");
  });

  const unreached: ["Service Unavailable" | "DNS Error", string][] = [
    ["Service Unavailable", "pbx does not answer"],
    ["DNS Error", "the name pbx is not known: set line.proxy to an IP address"],
  ];
  test.concurrent.each(unreached)("is not reached by drachtio-server (%s): %s", async (unreached, why) => {
    await using rig = await Rig.open({ before: (pbx) => pbx.instead = () => ({ unreached }) });
    expect((await rig.next("link-down")).why).toBe(why);
  });

  test.concurrent("has just started, accepts the SUBSCRIBE and sends nothing: the request is repeated before this is reported", async () => {
    await using rig = await Rig.open({ timeFlows: true, before: (pbx) => pbx.sendsFirstDocument = false });
    await rig.until(() => rig.pbx.subscriptions.size === 1);
    rig.pbx.sendsFirstDocument = true;
    await rig.next("link-up");
    expect([rig.links(), rig.pbx.subscriptions.size]).toEqual([["up"], 1]);
  });

  test.concurrent("never answers OPTIONS: this has no meaning", async () => {
    let pings = 0;
    await using rig = await Rig.open({
      ...options,
      before: (pbx) =>
        pbx.instead = ({ method }) => method === "OPTIONS" ? (pings++, pbx.server.changed(), "silence") : undefined,
    });
    await rig.next("phone");
    await rig.until(() => pings >= 4);
    expect(rig.links()).toEqual(["up"]);
  });
});

describe("two desks:", () => {
  test.concurrent("the switch knows one and not the other: each has its own link", async () => {
    const refused = (message: SipMessage) => message.uri?.includes("1003") ? { status: 404 } : undefined;
    await using rig = await Rig.open({ desks: ["1001", "1003"], before: (pbx) => pbx.instead = refused });
    expect(await rig.next("link-up")).toMatchObject({ desks: ["1001"] });
    expect(await rig.next("link-down")).toEqual({
      type: "link-down",
      why: "pbx does not know extension 1003 (404)",
      desks: ["1003"],
    });
    expect(await rig.dial("c1", "1003")).toMatchObject({ outcome: "failed", cause: "NO_LINK" });
    expect((await rig.next("snapshot")).desks).toEqual(["1001"]);
  });

  test.concurrent("each gets its own calls", async () => {
    await using rig = await Rig.open({ desks: ["1001", "1002"] });
    await rig.until(() => rig.events.filter(({ type }) => type === "phone").length === 2);
    const dialog = rig.pbx.rings("14155550123", "1002");
    expect(await rig.facts(({ rings }) => rings === true)).toMatchObject({ desk: "1002", leg: dialog.id });
  });
});

describe("registration:", () => {
  const register = { register: true };
  const registrations = (rig: Rig) => rig.pbx.requests.filter(({ method }) => method === "REGISTER");

  test.concurrent("before the subscriptions, in the box's own name, and removed at the end", async () => {
    const rig = await Rig.ready({ config: register });
    expect(rig.pbx.requests.map(({ method }) => method).slice(0, 2)).toEqual(["REGISTER", "SUBSCRIBE"]);
    const [first] = registrations(rig);
    expect([first?.uri, header(first ?? { headers: [], body: "" }, "to")]).toEqual(["sip:pbx", "<sip:1009@pbx>"]);
    rig.stop();
    await rig.ended;
    const last = registrations(rig).at(-1);
    expect(last && header(last, "expires")).toBe("0");
    rig.pbx.server.stop();
  });

  test.concurrent("renewed after half of the granted duration", async () => {
    await using rig = await Rig.ready({ config: { ...register, expiresSeconds: 100 } });
    await rig.waits(50_000);
    await rig.until(() => registrations(rig).length === 2);
  });

  test.concurrent("423: asks for the duration that the switch requires", async () => {
    let refused = 0;
    await using rig = await Rig.ready({
      config: register,
      before: (pbx) =>
        pbx.instead = ({ method }) =>
          method === "REGISTER" && refused++ === 0 ? { status: 423, headers: { "Min-Expires": "3600" } } : undefined,
    });
    expect(registrations(rig).map((message) => header(message, "expires"))).toEqual(["3600"]);
  });

  test.concurrent("refused: reported, and nothing is subscribed to", async () => {
    await using rig = await Rig.open({
      config: register,
      before: answers("REGISTER", { status: 404 }),
    });
    expect((await rig.next("link-down")).why).toBe("pbx does not know user 1009 (404): check line.user");
    expect(rig.pbx.count("SUBSCRIBE")).toBe(0);
  });
});
