/** What `telesetd doctor` finds on the way to an Asterisk, with each hop broken. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { parse } from "valibot";
import { asteriskConfig } from "../../../drivers/asterisk/config.ts";
import { contexts, probe } from "../../../drivers/asterisk/probe.ts";
import type { Hop } from "../../../drivers/driver.ts";
import { Asterisk, type AsteriskOptions, error } from "../../../simulator/asterisk/mod.ts";
import { openLog } from "../../../src/log/log.ts";
import { systemTimers } from "../../../src/platform/timers.ts";
import { quietPort } from "../../support/ports.ts";

setDefaultTimeout(60_000);

const context = (extensions: readonly string[]) => ({
  desks: extensions.map((extension) => ({ extension, aliases: [] })),
  variables: [],
  log: openLog(() => {}, "error", false),
  timers: systemTimers,
  directory: false,
});

/** The switch, and the hops that are found. */
async function found(
  { line = {}, desks = ["1001"], change = () => {}, ...options }: AsteriskOptions & {
    line?: object;
    desks?: readonly string[];
    change?: (pbx: Asterisk) => void;
  } = {},
) {
  const pbx = new Asterisk({ ...options, user: "telesetd" });
  await pbx.server.listen();
  change(pbx);
  const { port } = pbx.server;
  const settings = { driver: "asterisk", port, user: "telesetd", password: "s3cret", application: "app", ...line };
  const hops: Hop[] = [];
  const config = parse(asteriskConfig, settings);
  for await (const hop of probe(config, context(desks), new AbortController().signal)) hops.push(hop);
  pbx.server.stop();
  const hop = (name: string) => hops.find((hop) => hop.name === name);
  return { pbx, hops, hop, verdicts: Object.fromEntries(hops.map(({ name, verdict }) => [name, verdict])) };
}

const names = [
  "switch",
  "switch login",
  "switch modules",
  "switch websocket",
  "switch events",
  "phone 1001",
  "outside",
  "dialplan",
  "variables",
];

test("all is well: every hop is good, and nothing is left on the switch", async () => {
  const { pbx, hops, hop } = await found();
  expect(hops.map(({ name }) => name)).toEqual(names);
  expect(hops.filter(({ verdict }) => verdict !== "good")).toEqual([]);
  expect(hop("phone 1001")?.details).toEqual(["contact sip:1001-0x55d93c730f40@127.0.0.1:5411"]);
  expect(hop("switch login")?.message).toBe("Logged in as telesetd to Asterisk 22.10.1.");
  expect(pbx.channels.size).toBe(0);
  const removed = pbx.server.requests.filter(({ method }) => method === "DELETE").map(({ path }) => path.split("/")[1]);
  expect(removed).toEqual(["channels", "applications"]);
});

test("the subscriptions of many phones are ended in groups: each request may take until its deadline", async () => {
  const desks = Array.from({ length: 45 }, (_, index) => String(2000 + index));
  const { pbx } = await found({ desks, phones: desks });
  const ended = pbx.server.requests.filter(({ method, path }) => method === "DELETE" && path.startsWith("/applications"));
  expect(ended.flatMap(({ query }) => query["eventSource"]?.split(",") ?? [])).toHaveLength(desks.length);
  expect(ended).toHaveLength(3);
});

test("beside a running daemon: it has another application", async () => {
  const { pbx } = await found();
  const used = pbx.server.requests.flatMap(({ path }) => /^\/applications\/([^/]+)/.exec(path)?.[1] ?? []);
  expect(new Set(used)).toEqual(new Set(["app-doctor"]));
});

describe("a broken hop is named, with advice and the setting that is probably wrong:", () => {
  test.each<[string, Parameters<typeof found>[0], string, RegExp, object | undefined]>([
    ["a password", { line: { password: "x" } }, "switch login", /refuses user telesetd/, { key: "password" }],
    ["a user's rights", { readOnly: true }, "switch events", /does not let user telesetd subscribe.*read_only/, undefined],
    ["a prefix", { line: { prefix: "/x" } }, "switch login", /no ARI \(404\)/, { key: "port" }],
    ["TLS", { line: { tls: true } }, "switch", /TLS/, { key: "tls" }],
    [
      "a module",
      { change: (pbx) => void pbx.missingModules.add("res_ari_channels.so") },
      "switch modules",
      /not loaded res_ari_channels/,
      undefined,
    ],
    [
      "the websocket",
      { change: (pbx) => pbx.server.instead = ({ path }) => path === "/events" ? error(404, "x") : undefined },
      "switch websocket",
      /No websocket/,
      undefined,
    ],
    [
      "an endpoint of the outside",
      { line: { outsideEndpoints: ["trunk", "trnk"] } },
      "outside",
      /no endpoint trnk, which line.outsideEndpoints names: it has 1002, trunk/,
      { key: "outsideEndpoints", offers: ["1002", "trunk"] },
    ],
    ["a context of the outside", { line: { outsideContexts: ["from-trnk"] } }, "outside", /no context from-trnk/, undefined],
    ["a context", { line: { context: "nowhere" } }, "dialplan", /no context nowhere/, { key: "context" }],
    [
      "an extension",
      { desks: ["1050"] },
      "phone 1050",
      /no endpoint PJSIP\/1050: it has 1001, 1002, trunk/,
      { extension: "1050", offers: ["1001", "1002", "trunk"] },
    ],
    ["a technology", { line: { technology: "SIP" } }, "phone 1001", /no endpoint SIP\/1001/, { key: "technology" }],
    ["a phone", { change: (pbx) => pbx.registers("PJSIP/1001", false) }, "phone 1001", /PJSIP\/1001 is offline/, undefined],
    ["variables", { change: (pbx) => void pbx.missingFunctions.add("EVAL") }, "variables", /does not let/, undefined],
  ])("%s", async (_name, options, name, message, suspect) => {
    const { hop } = await found(options);
    expect(hop(name)).toMatchObject({
      verdict: "failed",
      message: expect.stringMatching(message),
      advice: expect.stringMatching(/\.$/),
    });
    expect(hop(name)?.suspect).toEqual(suspect as never);
  });

  test("nothing listens: no other hop is tried", async () => {
    const { verdicts, hop } = await found({ line: { port: await quietPort() } });
    expect(verdicts).toEqual({ ...Object.fromEntries(names.map((name) => [name, "skipped"])), switch: "failed" });
    expect(hop("switch")?.suspect).toEqual({ key: "port" });
  });

  test("nothing shows who is outside: a warning, with the endpoints that the switch has", async () => {
    const { hop } = await found({ change: (pbx) => void pbx.contexts.delete("from-trunk") });
    expect(hop("outside")).toMatchObject({ verdict: "warning", advice: expect.stringContaining("Asterisk has 1002, trunk") });
  });

  test("modules that only help: a warning", async () => {
    const { hop, verdicts } = await found({ change: (pbx) => void pbx.missingModules.add("func_uri.so") });
    expect(hop("switch modules")).toMatchObject({ verdict: "warning", message: expect.stringContaining("func_uri") });
    expect(verdicts["phone 1001"]).toBe("good");
  });

  test("no channel for the questions: a warning, with the reason", async () => {
    const { hop } = await found({
      change: (pbx) => pbx.server.instead = ({ path }) => path === "/channels/create" ? error(403, "no") : undefined,
    });
    for (const name of ["dialplan", "variables"]) {
      expect(hop(name)).toMatchObject({ verdict: "warning", message: expect.stringContaining("403, no") });
    }
  });
});

test("the administrator's time is up: the rest is reported as too slow", async () => {
  const pbx = new Asterisk({ user: "telesetd" });
  await pbx.server.listen();
  pbx.server.instead = () => "silence";
  const stop = new AbortController();
  const config = parse(asteriskConfig, { driver: "asterisk", port: pbx.server.port, user: "telesetd", password: "s3cret" });
  const hops = probe(config, context(["1001"]), stop.signal);
  const first = hops.next();
  stop.abort();
  expect((await first).value).toMatchObject({ name: "switch", verdict: "failed", message: expect.stringContaining("too slow") });
  expect((await hops.next()).value).toMatchObject({ verdict: "skipped" });
  await hops.return(undefined);
  pbx.server.stop();
});

test("the contexts of the phones are offered, and nothing if the switch does not show them", async () => {
  const pbx = new Asterisk({ user: "telesetd" });
  await pbx.server.listen();
  const config = parse(asteriskConfig, { driver: "asterisk", port: pbx.server.port, user: "telesetd", password: "s3cret" });
  const ask = () => contexts(config, context(["1001", "1002"]), new AbortController().signal);
  expect(await ask()).toEqual([]);
  pbx.server.instead = ({ path }) =>
    path.startsWith("/asterisk/config/dynamic/res_pjsip/endpoint/100")
      ? { status: 200, body: [{ attribute: "aors", value: "1001" }, { attribute: "context", value: "from-internal" }] }
      : undefined;
  expect(await ask()).toEqual(["from-internal"]);
  pbx.server.stop();
});
