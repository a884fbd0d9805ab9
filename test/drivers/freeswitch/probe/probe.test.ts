/** The probe against the simulated switch, each hop broken in turn. */
import { describe, expect, test } from "bun:test";
import { parse } from "valibot";
import { eventNames } from "../../../../drivers/freeswitch/commands.ts";
import { freeswitchConfig } from "../../../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../../../drivers/freeswitch/mod.ts";
import { checkGreeting, domains } from "../../../../drivers/freeswitch/probe/mod.ts";
import { Simulator } from "../../../../simulator/freeswitch/mod.ts";
import type { Hop } from "../../../../drivers/driver.ts";
import { openLog } from "../../../../src/log/log.ts";
import { Swallower } from "../../../support/swallower.ts";
import { acd, brief, lines, named, narrow, probed, sims, simulated } from "../../../support/freeswitch/probe-rig.ts";
import { obliging, RawPeer } from "../../../support/freeswitch/rawpeer.ts";
import { systemTimers } from "../../../../src/platform/timers.ts";

describe("all is well", () => {
  test("each hop has its finding; nothing is dialled, no event is fired, no connection stays open", async () => {
    let fired = 0;
    const { hops, sim } = await simulated({
      line: { acd },
      directory: true,
      desks: ["1001", "1002"],
      before: (sim) => {
        sim.phones.userAgent = "Yealink SIP-T46S 66.84.0.15";
        const fire = sim.sw.fire.bind(sim.sw);
        sim.sw.fire = (...event: Parameters<typeof fire>) => {
          fired++;
          return fire(...event);
        };
      },
    });
    expect(brief(hops)).toEqual([
      "switch: good",
      "switch login: good",
      "switch commands: good",
      "switch filters: good",
      "switch events: good",
      "domain: good",
      "phone 1001: good",
      "phone 1002: good",
      "call queues: good",
    ]);
    expect(named(hops, "switch commands")?.message).toBe(
      "Allowed: show, sofia_contact, uuid_dump, originate, callcenter_config, global_getvar, user_data.",
    );
    expect(named(hops, "phone 1001")?.message).toMatch(
      /^Registered: sip:1001-0x\w+@127\.0\.0\.1:5110, from 127\.0\.0\.1:5110, a Yealink SIP-T46S 66\.84\.0\.15; line\.phoneMake is generic: set it to yealink/,
    );
    expect(named(hops, "call queues")?.message).toContain("1001@default is added at Login");
    expect([sim.dialled.length, fired]).toEqual([0, 0]);
    await sim.server.until(({ connections }) => connections.length === 0);
    expect(hops.every(({ ms }) => ms >= 0 && ms < 5000)).toBe(true);
  });

  test("the connection is closed when the reader stops after the login", async () => {
    const { hops, sim } = await simulated({ upTo: "switch login" });
    expect(brief(hops)).toEqual(["switch: good", "switch login: good"]);
    await sim.server.until(({ connections }) => connections.length === 0);
  });

  test("a user with only the necessary rights is enough; unknown details are named", async () => {
    const { hops } = await simulated(narrow(["show", "sofia_contact", "uuid_dump", "originate"]));
    expect(new Set(hops.map(({ verdict }) => verdict))).toEqual(new Set(["good", "skipped"]));
    expect(named(hops, "phone 1001")?.message).toContain("the switch denies sofia");
    expect(named(hops, "phone 1001")?.message).toContain("from 127.0.0.1:5110");
  });
});

describe("the way in", () => {
  const after = ["switch commands", "switch filters", "switch events", "domain", "phone 1001", "call queues"];
  const nothingAfter = (hops: readonly Hop[]) => expect(brief(hops).slice(2)).toEqual(after.map((name) => `${name}: skipped`));

  test("nothing listens", async () => {
    const sim = new Simulator();
    await sim.start();
    sim.stop();
    const hops = await probed(sim.port);
    expect(hops[0]).toMatchObject({ name: "switch", verdict: "failed" });
    expect(hops[0]?.message).toStartWith(`Nothing listens on 127.0.0.1:${sim.port}`);
    expect(hops[0]?.advice).toContain("load mod_event_socket");
    expect(named(hops, "switch login")?.verdict).toBe("skipped");
    nothingAfter(hops);
  });

  test("a host that does not exist", async () => {
    const hops = await probed(8021, { host: "no-such-host.invalid" });
    expect(hops[0]).toMatchObject({ verdict: "failed", message: expect.stringContaining("no-such-host.invalid is not known") });
    expect(hops[0]?.advice).toContain("line.host");
  });

  test("a wrong password, which is not shown", async () => {
    const { hops } = await simulated({ line: { password: "Wr0ngPassw0rd" } });
    expect(brief(hops).slice(0, 2)).toEqual(["switch: good", "switch login: failed"]);
    expect(hops[1]?.message).toContain("refuses the login (-ERR invalid)");
    expect(hops[1]?.advice).toContain("event_socket.conf.xml");
    expect(JSON.stringify(hops) + lines.join("")).not.toContain("Wr0ngPassw0rd");
    nothingAfter(hops);
  });

  test("a host name keeps its spelling at the beginning of a sentence", async () => {
    await using peer = await RawPeer.listen(obliging, "");
    const hops = await probed(peer.port, { host: "localhost", connectSeconds: 0.3 });
    expect(named(hops, "switch login")?.message).toStartWith(`localhost:${peer.port} accepts the connection but sends nothing`);
  });

  test("a connection that ends at the login is not blamed on the password", async () => {
    await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? void peer.fin() : obliging(command));
    const { message, advice } = named(await probed(peer.port), "switch login") ?? {};
    expect([message, advice]).toEqual([
      "FreeSWITCH closed the connection.",
      expect.stringContaining("The password is not the cause"),
    ]);
  });

  test("a user's refused login points to the directory: the user may not exist, or have no password", async () => {
    const { hops } = await simulated({ ...narrow([]), line: { user: "box@pbx", password: "no" } });
    expect(hops[1]?.advice).toBe(
      "Check that the switch's directory has the user box@pbx with an esl-password, and that line.password is the same: " +
        "FreeSWITCH gives one answer for all of these.",
    );
  });

  test("the access list denies this box", async () => {
    await using peer = await RawPeer.listen(
      undefined,
      "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
    );
    const hops = await probed(peer.port);
    expect(brief(hops).slice(0, 2)).toEqual(["switch: good", "switch login: failed"]);
    expect(hops[1]?.message).toContain("denies this address");
    expect(hops[1]?.advice).toContain("apply-inbound-acl");
    nothingAfter(hops);
  });

  test("another service: its first words are shown", async () => {
    await using peer = await RawPeer.listen(undefined, "SSH-2.0-OpenSSH_9.2p1\r\n");
    const hops = await probed(peer.port, { connectSeconds: 0.3 });
    expect(hops[1]).toMatchObject({ name: "switch login", verdict: "failed" });
    expect(hops[1]?.message).toContain(
      'does not greet (it sent "SSH-2.0-OpenSSH_9.2p1"): is that FreeSWITCH\'s event socket? Check line.port.',
    );
    expect(hops[1]?.advice).toContain("listen-port");
  });

  test("an address that swallows everything: a deadline, and a different message than for a closed port", async () => {
    using swallower = await Swallower.open();
    const { port } = swallower;
    const hops = await probed(port, { connectSeconds: 0.5 });
    expect(hops[0]?.message).toBe(
      `127.0.0.1:${port} does not answer: is line.host right, is there a firewall in between?`,
    );
    expect(hops[0]?.advice).toStartWith("Try: ping 127.0.0.1.");
  });
});

describe("what the switch allows", () => {
  test.each([
    ["show", "calls that started while the link was down are not seen"],
    ["uuid_dump", "calls in progress are lost at a reconnect"],
    ["originate", "MakeCall cannot dial"],
    ["callcenter_config", "agents cannot be logged in to their queues"],
    ["user_data", "no agent can log in with a password"],
  ])("%s is denied", async (command, lost) => {
    const all = ["show", "sofia_contact", "uuid_dump", "originate", "callcenter_config", "global_getvar", "user_data"];
    const given = narrow(all.filter((name) => name !== command));
    const { hops } = await simulated({ ...given, line: { ...given.line, acd }, directory: true });
    const hop = named(hops, "switch commands");
    expect(hop).toMatchObject({ verdict: "failed", message: `The switch denies ${command} (${lost}).` });
    expect(hop?.advice).toBe(`Add to esl-allowed-api of box@pbx on the switch: ${command}; then reloadxml.`);
  });

  test("global_getvar is optional", async () => {
    const given = narrow(["show", "sofia_contact", "uuid_dump", "originate", "callcenter_config"]);
    const { hops } = await simulated({ ...given, line: { ...given.line, acd } });
    expect(named(hops, "switch commands")?.verdict).toBe("warning");
  });

  test("events: a denied one that the link needs is a failure, denied registrations are a warning", async () => {
    const api = ["show", "sofia_contact", "uuid_dump", "originate"];
    const { hops } = await simulated(narrow(api, eventNames.filter((name) => name !== "CALL_UPDATE")));
    expect(named(hops, "switch events")).toMatchObject({
      verdict: "failed",
      message: "The switch does not allow this user the events CALL_UPDATE: the driver cannot connect.",
    });
    const withoutSofia = await simulated(narrow(api, eventNames.filter((name) => !name.startsWith("sofia::"))));
    expect(named(withoutSofia.hops, "switch events")).toMatchObject({ verdict: "warning" });
    expect(named(withoutSofia.hops, "switch events")?.advice).toContain("CUSTOM sofia::register sofia::unregister sofia::expire");
  });

  test("a slow switch: the time is up, and the rest is skipped", async () => {
    const sim = new Simulator();
    sims.push(sim);
    await sim.start();
    const stop = new AbortController();
    sim.api = () => {
      stop.abort();
      return new Promise(() => {});
    };
    const config = parse(freeswitchConfig, { driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "127.0.0.1" });
    const log = openLog(() => {}, "error", false);
    const context = { desks: [{ extension: "1001", aliases: [] }], variables: [], directory: false, log, timers: systemTimers };
    const hops: Hop[] = [];
    for await (const hop of freeswitch.probe(config, context, stop.signal)) hops.push(hop);
    expect(named(hops, "switch commands")?.message).toBe("The switch is too slow: not all checks were done in time.");
    expect(named(hops, "call queues")).toMatchObject({ verdict: "skipped", message: "Not tried: no time was left." });
  });

  test("a connection lost in the middle is a failure, and the rest is skipped", async () => {
    const { hops } = await simulated({
      before: (sim) => {
        const api = sim.api.bind(sim);
        sim.api = (command, arg) => {
          if (command === "originate") sim.cut("rst");
          return api(command, arg);
        };
      },
    });
    expect(brief(hops).slice(2)).toEqual([
      "switch commands: failed",
      ...["switch filters", "switch events", "domain", "phone 1001", "call queues"].map((name) => `${name}: skipped`),
    ]);
  });
});

describe("the call queues", () => {
  test("no module", async () => {
    const { hops } = await simulated({ sim: { queues: [] }, line: { acd } });
    expect(named(hops, "call queues")).toMatchObject({
      verdict: "failed",
      advice: expect.stringContaining("load mod_callcenter"),
    });
  });

  test("a queue that does not exist", async () => {
    const { hops } = await simulated({ line: { acd: { queues: { "7000": "sales@default" } } } });
    expect(named(hops, "call queues")?.message).toBe("The switch has no queue sales@default (it has support@default).");
  });

  test("an agent that does not exist and may not be added", async () => {
    const { hops } = await simulated({ line: { acd: { ...acd, create: false } } });
    expect(named(hops, "call queues")?.message).toContain("does not know the agent 1001@default");
    const added = await simulated({
      line: { acd: { ...acd, create: false } },
      before: (sim) => sim.callcenter.command("agent add 1001@default callback"),
    });
    expect(named(added.hops, "call queues")).toMatchObject({
      verdict: "good",
      message: expect.stringContaining("1001@default Logged Out"),
    });
  });
});

describe("before there is a password", () => {
  const greeting = async (port: number): Promise<Hop[]> => {
    const config = parse(freeswitchConfig, { driver: "freeswitch", port, password: "x", domain: "x", connectSeconds: 0.3 });
    const context = { desks: [], variables: [], directory: false, log: openLog(() => {}, "error", false), timers: systemTimers };
    const hops: Hop[] = [];
    for await (const hop of checkGreeting(config, context, new AbortController().signal)) hops.push(hop);
    return hops;
  };

  test("an event socket is known by its greeting, and no login is tried", async () => {
    await using peer = await RawPeer.listen();
    expect(await greeting(peer.port)).toMatchObject([{ verdict: "good", message: `127.0.0.1:${peer.port} answers.` }]);
    await peer.until(() => !peer.connected);
    expect(peer.received).toEqual([]);
  });

  test("another service on that port fails", async () => {
    await using peer = await RawPeer.listen(undefined, "SSH-2.0-OpenSSH_9.2p1\r\n");
    const [hop] = await greeting(peer.port);
    expect(hop).toMatchObject({ name: "switch", verdict: "failed", advice: expect.stringContaining("listen-port") });
  });
});

describe("domains", () => {
  test.each([[{}, ["127.0.0.1"]], [{ password: "no" }, []]])("%j", async (line, expected) => {
    const sim = new Simulator();
    sims.push(sim);
    await sim.start();
    const config = parse(freeswitchConfig, { driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "x", ...line });
    const context = { desks: [], variables: [], log: openLog(() => {}, "error", false), timers: systemTimers };
    expect(await domains(config, context, new AbortController().signal)).toEqual(expected);
  });
});
