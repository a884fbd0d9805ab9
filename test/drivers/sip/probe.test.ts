/** The hops of `telesetd doctor` on the way to a SIP phone, each broken in turn. */
import { describe, expect, test } from "bun:test";
import { parse } from "valibot";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Hop } from "../../../drivers/driver.ts";
import { header, SipPbx } from "../../../simulator/drachtio/mod.ts";
import { type SipConfig, sipConfig } from "../../../drivers/sip/config.ts";
import { probe } from "../../../drivers/sip/probe.ts";
import { listeningLog } from "../../support/sip/peer.ts";
import { answers } from "../../support/sip/rig.ts";
import { systemTimers } from "../../../src/platform/timers.ts";

/** All hops, as `name verdict: message`. */
async function hops(
  pbx: SipPbx,
  part: Partial<SipConfig> = {},
  desks = ["1001"],
  signal = new AbortController().signal,
): Promise<{ shown: string[]; all: Hop[] }> {
  const settings = parse(sipConfig, { driver: "sip", port: pbx.server.port, domain: "pbx", user: "1009", password: "s3cret" });
  const context = {
    desks: desks.map((extension) => ({ extension, aliases: [] })),
    variables: [],
    log: listeningLog().log,
    timers: systemTimers,
  };
  const all: Hop[] = [];
  for await (const hop of probe({ ...settings, answerSeconds: 1, ...part }, context, signal)) {
    all.push(hop);
  }
  return { shown: all.map(({ name, verdict, message }) => `${name} ${verdict}: ${message}`), all };
}

async function pbxWith(change: (pbx: SipPbx) => unknown = () => {}, options = {}): Promise<SipPbx> {
  const pbx = new SipPbx(options);
  await pbx.server.listen();
  change(pbx);
  return pbx;
}

test("all is well, and the subscription is given back", async () => {
  const pbx = await pbxWith((pbx) => pbx.rings("14155550123"));
  const { shown } = await hops(pbx, { register: true });
  expect(shown).toEqual([
    `drachtio good: 127.0.0.1:${pbx.server.port} accepts connections.`,
    "drachtio login good: Logged in to drachtio-server v0.9.10-1-g9c2dd4cb6a.",
    "SIP listener good: drachtio-server listens for SIP on udp/127.0.0.1:5160.",
    "switch good: pbx answers (200).",
    "registration good: The switch knows user 1009 and the password; it is not registered now.",
    "phone 1001 good: pbx reports the calls of phone 1001 (1 active).",
  ]);
  const registers = pbx.requests.filter(({ method }) => method === "REGISTER");
  expect(registers.map((message) => header(message, "contact"))).toEqual([undefined]);
  expect(pbx.subscriptions.size).toBe(0);
  pbx.server.stop();
});

test("nothing listens", async () => {
  const pbx = await pbxWith();
  pbx.server.stop();
  const { all } = await hops(pbx);
  expect(all.map(({ verdict }) => verdict)).toEqual(["failed", "skipped", "skipped", "skipped", "skipped"]);
  expect(all[0]?.advice).toMatch(/^Start drachtio-server/);
});

test("a wrong secret", async () => {
  const pbx = await pbxWith(undefined, { secret: "other" });
  const { all } = await hops(pbx);
  expect(all.map(({ verdict }) => verdict)).toEqual(["good", "failed", "skipped", "skipped", "skipped"]);
  expect(all[1]?.advice).toContain("line.drachtioSecret");
  pbx.server.stop();
});

test.each<[string, (socket: Socket) => unknown, string]>([
  ["says nothing", () => {}, "Restart drachtio-server"],
  ["is another service", (socket) => socket.write("SSH-2.0-x\r\n"), "Compare line.host"],
  ["closes at once", (socket) => socket.end(), "Compare line.host"],
])("a program at drachtio's port that %s is not blamed on the secret", async (_, behaves, advice) => {
  const server = createServer((socket) => void behaves(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const pbx = await pbxWith();
  const { all } = await hops(pbx, { port, connectSeconds: 0.3 });
  expect(all[1]?.advice).toStartWith(advice);
  expect(all[1]).toMatchObject({ name: "drachtio login", verdict: "failed", advice: expect.stringContaining("line.port") });
  expect(all.slice(2).every(({ verdict }) => verdict === "skipped")).toBe(true);
  pbx.server.stop();
  server.close();
});

test("a refused registration does not mention watching phones, and the phone is checked nevertheless", async () => {
  const pbx = await pbxWith(answers("REGISTER", { status: 403 }));
  const { all } = await hops(pbx, { register: true });
  expect(all[4]).toMatchObject({
    verdict: "failed",
    message: "pbx does not allow user 1009 to register (403 Forbidden).",
    advice: expect.stringContaining("line.user"),
  });
  expect(all[5]?.verdict).toBe("good");
  pbx.server.stop();
});

test("a silent switch is asked twice and fails, and later hops are skipped", async () => {
  const pbx = await pbxWith((pbx) => pbx.instead = () => "silence");
  const { shown, all } = await hops(pbx, { register: true, answerSeconds: 0.3 }, ["1001", "1002", "1003"]);
  expect(shown.slice(3)).toEqual([
    "switch failed: pbx does not answer OPTIONS over udp (408).",
    "registration failed: pbx does not answer.",
    ...["1001", "1002", "1003"].map((phone) => `phone ${phone} skipped: Not tried: the switch does not answer.`),
  ]);
  expect(all[4]?.advice).toContain("line.proxy");
  pbx.server.stop();
});

test("a switch that ignores only OPTIONS is a warning", async () => {
  const pbx = await pbxWith(answers("OPTIONS", "silence"));
  const { shown } = await hops(pbx, { answerSeconds: 0.3 });
  expect(shown.slice(3)).toEqual([
    "switch warning: pbx does not answer OPTIONS over udp (408).",
    "phone 1001 good: pbx reports the calls of phone 1001 (0 active).",
  ]);
  pbx.server.stop();
});

test.each(
  [
    ["Service Unavailable", "pbx does not answer.", "Check line.proxy"],
    ["DNS Error", "The name pbx is not known: set line.proxy to an IP address.", "Alternatively fix the DNS"],
  ] as const,
)("a switch that drachtio-server cannot reach (%s) is what fails, not the phone", async (unreached, message, advice) => {
  const pbx = await pbxWith((pbx) => pbx.instead = () => ({ unreached }));
  const { shown, all } = await hops(pbx);
  expect(shown.slice(3)).toEqual([`switch failed: ${message}`, "phone 1001 skipped: Not tried: the switch does not answer."]);
  expect(all[3]?.advice).toContain(advice);
  pbx.server.stop();
});

test.each([["FreeSWITCH-mod_sofia/1.11.3", "warning"], ["Asterisk PBX 20.1", "warning"], ["kamailio (5.6)", "good"]] as const)(
  "dial = refer at %s: %s",
  async (agent, verdict) => {
    const pbx = await pbxWith((pbx) =>
      pbx.instead = ({ method }) => method === "OPTIONS" ? { status: 200, headers: { "User-Agent": agent } } : undefined
    );
    const [referred, rung] = [await hops(pbx, { dialMethod: "refer" }), await hops(pbx)];
    expect([referred.all[3]?.verdict, rung.all[3]?.verdict]).toEqual([verdict, "good"]);
    expect(referred.all[3]?.advice ?? "").toContain(verdict === "good" ? "" : "invite-refer");
    expect(referred.all[4]?.verdict).toBe("good");
    pbx.server.stop();
  },
);

test("a terminated dialog is not a call, and a document that the daemon can repair is good", async () => {
  const pbx = await pbxWith((pbx) => {
    pbx.rings("14155550123");
    pbx.rings("14155550999").state = "terminated";
    const document = pbx.document.bind(pbx);
    pbx.document = (sub) => document(sub).replace("<dialog ", '<note by="R&D"/><dialog ');
  });
  const { shown } = await hops(pbx);
  expect(shown.at(-1)).toBe("phone 1001 good: pbx reports the calls of phone 1001 (1 active).");
  pbx.server.stop();
});

test("FreeSWITCH reports any number: a good hop does not promise a phone", async () => {
  const pbx = await pbxWith((pbx) =>
    pbx.notify = (sub) => {
      const headers = { Event: "dialog", "Subscription-State": "active;expires=60", "User-Agent": "FreeSWITCH-mod_sofia/1.11.3" };
      return sub.sent.client.ask("NOTIFY", sub.sent.message, headers, "", ++sub.cseq);
    }
  );
  const { shown } = await hops(pbx);
  expect(shown.at(-1)).toBe(
    "phone 1001 good: pbx reports the calls of phone 1001 (0 active). FreeSWITCH does so for any number, whether it is a phone or not.",
  );
  pbx.server.stop();
});

test("the time is up: the hop fails, and the others are skipped", async () => {
  const pbx = await pbxWith(answers("SUBSCRIBE", "silence"));
  const { shown } = await hops(pbx, { answerSeconds: 30 }, ["1001", "1002"], AbortSignal.timeout(300));
  expect(shown.slice(4)).toEqual([
    "phone 1001 failed: The switch is too slow: not all checks were done in time.",
    "phone 1002 skipped: Not tried: no time was left.",
  ]);
  pbx.server.stop();
});

test("a transport that drachtio-server does not support", async () => {
  const pbx = await pbxWith();
  const { all } = await hops(pbx, { transport: "tls" });
  expect(all[2]).toMatchObject({ verdict: "failed", advice: expect.stringContaining("transport=tls") });
  expect(all.slice(3).map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(["switch skipped", "phone 1001 skipped"]);
  pbx.server.stop();
});

describe("a document that the daemon cannot use is a failure:", () => {
  const kinds: [string, (text: string) => string, string][] = [
    ["no XML", () => "<html>", "Cannot parse XML"],
    [
      "about another phone",
      (text) => text.replace("sip:1001@pbx", "sip:14155551001@pbx"),
      'it is about "sip:14155551001@pbx": expected 1001.',
    ],
  ];
  test.each(kinds)("%s", async (_, changed, why) => {
    const pbx = await pbxWith((pbx) => {
      const document = pbx.document.bind(pbx);
      pbx.document = (sub) => changed(document(sub));
    });
    const { all } = await hops(pbx);
    const { verdict, message, advice } = all.at(-1) ?? {};
    expect(verdict).toBe("failed");
    expect(message).toStartWith(`Cannot use what pbx reports about phone 1001: ${why}`);
    expect(advice).toContain("aliases");
    pbx.server.stop();
  });
});

describe("the phone:", () => {
  const broken: [string, (pbx: SipPbx) => unknown, string, string][] = [
    [
      "404",
      answers("SUBSCRIBE", { status: 404 }),
      "does not know extension 1001",
      "extension 1001",
    ],
    [
      "489",
      answers("SUBSCRIBE", { status: 489 }),
      "does not accept dialog subscriptions",
      "docs/sip.md",
    ],
    [
      "403",
      answers("SUBSCRIBE", { status: 403 }),
      "does not allow user 1009",
      "Allow user 1009",
    ],
    ["silence", (pbx) => pbx.instead = () => "silence", "does not answer", "line.proxy"],
    ["no document", (pbx) => pbx.sendsFirstDocument = false, "sends no NOTIFY", "docs/sip.md"],
  ];
  test.each(broken)("%s", async (_, change, message, advice) => {
    const pbx = await pbxWith(change);
    const hop = (await hops(pbx)).all.at(-1);
    expect(hop).toMatchObject({
      name: "phone 1001",
      verdict: "failed",
      message: expect.stringContaining(message),
      advice: expect.stringContaining(advice),
    });
    pbx.server.stop();
  });

  test("no password where one is required", async () => {
    const pbx = await pbxWith();
    const { all } = await hops(pbx, { password: undefined, register: true });
    for (const hop of all.slice(-2)) {
      expect(hop).toMatchObject({
        verdict: "failed",
        message: "pbx asks for the password of user 1009: line.password is not set.",
        advice: "Set line.password, for user 1009.",
      });
    }
    pbx.server.stop();
  });

  test("a wrong password, which is not shown", async () => {
    const pbx = await pbxWith(undefined, { password: "other" });
    const { all } = await hops(pbx);
    expect(all.at(-1)).toMatchObject({ verdict: "failed", advice: expect.stringContaining("line.password") });
    expect(JSON.stringify(all)).not.toContain("s3cret");
    pbx.server.stop();
  });
});
