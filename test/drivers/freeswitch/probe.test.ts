/** The probe against the simulated switch, each hop broken in turn. */
import { afterEach, describe, expect, test } from "bun:test";
import { eventNames } from "../../../drivers/freeswitch/commands.ts";
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../../drivers/freeswitch/mod.ts";
import { Simulator, type SimulatorOptions } from "../../../drivers/simulator/mod.ts";
import type { Hop } from "../../../drivers/entry.ts";
import { openLog } from "../../../src/log.ts";
import { Swallower } from "../../swallower.ts";
import { obliging, RawPeer, response } from "./rawpeer.ts";

const sims: Simulator[] = [];
afterEach(() => {
  sims.splice(0).forEach((sim) => sim.stop());
});

const acd = { queues: { "7000": "support@default" } };
const lines: string[] = [];

interface Case {
  readonly sim?: SimulatorOptions;
  readonly line?: Readonly<Record<string, unknown>>;
  readonly desks?: readonly string[];
  readonly directory?: boolean;
  readonly before?: (sim: Simulator) => unknown;
}

async function simulated({ sim: options = {}, line = {}, before, ...rest }: Case = {}): Promise<{ hops: Hop[]; sim: Simulator }> {
  const sim = new Simulator(options);
  sims.push(sim);
  await sim.start();
  await before?.(sim);
  return { hops: await probed(sim.port, line, rest), sim };
}

async function probed(port: number, line: object = {}, { desks = ["1001"], directory = false }: Case = {}): Promise<Hop[]> {
  const config = freeswitchConfig.parse({ driver: "freeswitch", port, password: "ClueCon", domain: "127.0.0.1", ...line });
  const log = openLog((text) => lines.push(text), "trace", false);
  const context = { desks: desks.map((extension) => ({ extension, aliases: [] })), variables: [], directory, log };
  const hops: Hop[] = [];
  for await (const hop of freeswitch.probe(config, context, new AbortController().signal)) hops.push(hop);
  return hops;
}

const brief = (hops: readonly Hop[]): string[] => hops.map(({ name, verdict }) => `${name}: ${verdict}`);
const named = (hops: readonly Hop[], name: string): Hop | undefined => hops.find((hop) => hop.name === name);
const narrow = (api: readonly string[], events: readonly string[] = eventNames): Case => ({
  sim: { logins: [{ user: "box@pbx", password: "s3cret", api, events }] },
  line: { user: "box@pbx", password: "s3cret" },
});

describe("all is well", () => {
  test("each hop says what it found; nothing is dialled, no event is fired, nobody stays connected", async () => {
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
    expect(named(hops, "switch commands")?.says).toBe(
      "Allowed: show, sofia_contact, uuid_dump, originate, callcenter_config, global_getvar, user_data.",
    );
    expect(named(hops, "phone 1001")?.says).toMatch(
      /^Registered: sip:1001-0x\w+@127\.0\.0\.1:5110, from 127\.0\.0\.1:5110, a Yealink SIP-T46S 66\.84\.0\.15; line\.phone is generic: set it to yealink/,
    );
    expect(named(hops, "call queues")?.says).toContain("1001@default is added at Login");
    expect([sim.dialled.length, fired]).toEqual([0, 0]);
    await sim.server.until(({ connections }) => connections.length === 0);
    expect(hops.every(({ ms }) => ms >= 0 && ms < 5000)).toBe(true);
  });

  test("a user with exactly the rights that the README names is enough; what cannot be told is said", async () => {
    const { hops } = await simulated(narrow(["show", "sofia_contact", "uuid_dump", "originate"]));
    expect(new Set(hops.map(({ verdict }) => verdict))).toEqual(new Set(["good", "skipped"]));
    expect(named(hops, "phone 1001")?.says).toContain("the switch denies sofia");
    expect(named(hops, "phone 1001")?.says).toContain("from 127.0.0.1:5110");
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
    expect(hops[0]?.says).toStartWith(`Nothing listens on 127.0.0.1:${sim.port}`);
    expect(hops[0]?.next).toContain("load mod_event_socket");
    expect(named(hops, "switch login")?.verdict).toBe("skipped");
    nothingAfter(hops);
  });

  test("a host that does not exist", async () => {
    const hops = await probed(8021, { host: "no-such-host.invalid" });
    expect(hops[0]).toMatchObject({ verdict: "failed", says: expect.stringContaining("no-such-host.invalid is not known") });
    expect(hops[0]?.next).toContain("line.host");
  });

  test("a wrong password: said without it", async () => {
    const { hops } = await simulated({ line: { password: "Wr0ngPassw0rd" } });
    expect(brief(hops).slice(0, 2)).toEqual(["switch: good", "switch login: failed"]);
    expect(hops[1]?.says).toContain("refuses the login (-ERR invalid)");
    expect(hops[1]?.next).toContain("event_socket.conf.xml");
    expect(JSON.stringify(hops) + lines.join("")).not.toContain("Wr0ngPassw0rd");
    nothingAfter(hops);
  });

  test("a host's name stays as it is written, also where it begins the sentence", async () => {
    await using peer = await RawPeer.listen(obliging, "");
    const hops = await probed(peer.port, { host: "localhost", connectSeconds: 0.3 });
    expect(named(hops, "switch login")?.says).toStartWith(`localhost:${peer.port} did not greet`);
  });

  test("a connection that ends at the login says nothing of the password", async () => {
    await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? void peer.fin() : obliging(command));
    const { says, next } = named(await probed(peer.port), "switch login") ?? {};
    expect([says, next]).toEqual([
      "FreeSWITCH closed the connection.",
      expect.stringContaining("Something else than the password"),
    ]);
  });

  test("a user's wrong password points to the directory", async () => {
    const { hops } = await simulated({ ...narrow([]), line: { user: "box@pbx", password: "no" } });
    expect(hops[1]?.next).toBe("Compare line.password with esl-password of the user box@pbx in the switch's directory.");
  });

  test("the access list denies this box", async () => {
    await using peer = await RawPeer.listen(
      undefined,
      "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
    );
    const hops = await probed(peer.port);
    expect(brief(hops).slice(0, 2)).toEqual(["switch: good", "switch login: failed"]);
    expect(hops[1]?.says).toContain("denies this address");
    expect(hops[1]?.next).toContain("apply-inbound-acl");
    nothingAfter(hops);
  });

  test("another service: what it says of itself is shown", async () => {
    await using peer = await RawPeer.listen(undefined, "SSH-2.0-OpenSSH_9.2p1\r\n");
    const hops = await probed(peer.port, { connectSeconds: 0.3 });
    expect(hops[1]).toMatchObject({ name: "switch login", verdict: "failed" });
    expect(hops[1]?.says).toContain(
      'did not greet within 0.3 s: is that FreeSWITCH\'s event socket? (it says "SSH-2.0-OpenSSH_9.2p1")',
    );
    expect(hops[1]?.next).toContain("listen-port");
  });

  test("an address that swallows everything: a deadline, and other words than for a closed port", async () => {
    using swallower = await Swallower.open();
    const { port } = swallower;
    const hops = await probed(port, { connectSeconds: 0.5 });
    expect(hops[0]?.says).toBe(
      `127.0.0.1:${port} does not answer within 0.5 s: is line.host right, is there a firewall between?`,
    );
    expect(hops[0]?.next).toStartWith("Try: ping 127.0.0.1.");
  });
});

describe("what the switch allows", () => {
  test.each([
    ["show", "calls that began while the link was down are not seen"],
    ["uuid_dump", "calls under way are lost at a reconnect"],
    ["originate", "MakeCall dials nothing"],
    ["callcenter_config", "agents cannot be logged in to their queues"],
    ["user_data", "no agent can log in with a password"],
  ])("%s is denied", async (command, lost) => {
    const all = ["show", "sofia_contact", "uuid_dump", "originate", "callcenter_config", "global_getvar", "user_data"];
    const given = narrow(all.filter((each) => each !== command));
    const { hops } = await simulated({ ...given, line: { ...given.line, acd }, directory: true });
    const hop = named(hops, "switch commands");
    expect(hop).toMatchObject({ verdict: "failed", says: `The switch denies ${command} (${lost}).` });
    expect(hop?.next).toBe(`Add to esl-allowed-api of box@pbx on the switch: ${command}; then reloadxml.`);
  });

  test("global_getvar is good to have only", async () => {
    const given = narrow(["show", "sofia_contact", "uuid_dump", "originate", "callcenter_config"]);
    const { hops } = await simulated({ ...given, line: { ...given.line, acd } });
    expect(named(hops, "switch commands")?.verdict).toBe("warning");
  });

  test("events: what the link needs is a failure, registrations are a warning", async () => {
    const api = ["show", "sofia_contact", "uuid_dump", "originate"];
    const { hops } = await simulated(narrow(api, eventNames.filter((name) => name !== "CALL_UPDATE")));
    expect(named(hops, "switch events")).toMatchObject({
      verdict: "failed",
      says: "The switch does not let this user hear CALL_UPDATE: the link is not made.",
    });
    const other = await simulated(narrow(api, eventNames.filter((name) => !name.startsWith("sofia::"))));
    expect(named(other.hops, "switch events")).toMatchObject({ verdict: "warning" });
    expect(named(other.hops, "switch events")?.next).toContain("CUSTOM sofia::register sofia::unregister sofia::expire");
  });

  test("a switch that takes too long: the time is up, and the rest is skipped", async () => {
    const sim = new Simulator();
    sims.push(sim);
    await sim.start();
    const stop = new AbortController();
    sim.api = () => {
      stop.abort();
      return new Promise(() => {});
    };
    const config = freeswitchConfig.parse({ driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "127.0.0.1" });
    const log = openLog(() => {}, "error", false);
    const context = { desks: [{ extension: "1001", aliases: [] }], variables: [], directory: false, log };
    const hops: Hop[] = [];
    for await (const hop of freeswitch.probe(config, context, stop.signal)) hops.push(hop);
    expect(named(hops, "switch commands")?.says).toBe("The switch takes too long: not all could be asked in time.");
    expect(named(hops, "call queues")).toMatchObject({ verdict: "skipped", says: "Not tried: There was no time left." });
  });

  test("a connection that is lost in the middle: said, and the rest skipped", async () => {
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

describe("the phone", () => {
  test("not registered", async () => {
    const { hops } = await simulated({ before: (sim) => sim.phones.unregister("1001") });
    expect(named(hops, "phone 1001")).toMatchObject({
      verdict: "failed",
      says: "Phone 1001 is not registered in the domain 127.0.0.1.",
      next: expect.stringContaining("cable and power"),
    });
    expect(named(hops, "domain")?.verdict).toBe("good");
  });

  test("an extension that the switch does not know", async () => {
    const { hops } = await simulated({ desks: ["1099"] });
    expect(named(hops, "phone 1099")?.says).toBe("The switch has no user 1099 in the domain 127.0.0.1.");
  });

  test("a wrong domain: the right one is named; a user with narrow rights learns it from his phone", async () => {
    const cases: [Case, object][] = [
      [{}, { verdict: "failed", next: "Set line.domain to 127.0.0.1." }],
      [narrow(["show", "sofia_contact", "uuid_dump", "originate"]), {
        verdict: "warning",
        says: expect.stringContaining("phones are registered in 127.0.0.1."),
      }],
    ];
    for (const [given, found] of cases) {
      const { hops } = await simulated({ ...given, line: { ...given.line, domain: "pbx.example" } });
      expect(named(hops, "domain")).toMatchObject(found);
      expect(named(hops, "phone 1001")?.says).toBe("Phone 1001 is registered in the domain 127.0.0.1, not in pbx.example.");
    }
  });

  test("a domain that cannot be asked for is a warning", async () => {
    const given = narrow(["sofia_contact", "uuid_dump", "originate"]);
    const { hops } = await simulated({ ...given, before: (sim) => sim.phones.unregister("1001") });
    expect(named(hops, "domain")?.verdict).toBe("warning");
    expect(named(hops, "phone 1001")?.says).toContain("is not registered");
  });

  test("several registrations: each contact with its make, asked by the user and not by the text of a contact", async () => {
    const { hops } = await simulated({
      before: (sim) => {
        sim.phones.userAgent = "Yealink SIP-T46S 66.84.0.15";
        sim.phones.register("1001", 1, "Zoiper v2.10.20");
        sim.phones.register("1001", 2, "snomD785/10.1.184.14");
      },
    });
    expect(named(hops, "phone 1001")?.says).toMatch(
      new RegExp(
        [
          "^Registered 3 times: sip:1001-0x\\w+@127.0.0.1:5110, from 127.0.0.1:5110, a Yealink SIP-T46S 66.84.0.15",
          "sip:1001-0x\\w+@127.0.0.1:5111, from 127.0.0.1:5111, a Zoiper v2.10.20",
          "sip:1001-0x\\w+@127.0.0.1:5112, from 127.0.0.1:5112, a snomD785/10.1.184.14\\.$",
        ].join("; "),
      ),
    );
  });

  test("registered twice on one profile, and on another: all are listed", async () => {
    await using peer = await RawPeer.listen((command) => {
      if (command.startsWith("api sofia_contact")) {
        return response("sofia/internal/sip:1001@10.0.0.7:5060,sofia/tls/sip:1001@10.0.0.9:5061;transport=tls");
      }
      const [, profile] = /^api sofia status profile (\S+) user 1001@127\.0\.0\.1$/.exec(command) ?? [];
      if (profile === undefined) return obliging(command);
      const [contact, agent] = profile === "tls" ? ["10.0.0.9:5061", "snomD785"] : ["10.0.0.7:5060", "Yealink T46U"];
      return response(
        `\nRegistrations:\n===\nCall-ID:    \ta\nContact:    \t"" <sip:1001@${contact}>\nAgent:      \t${agent}\n\n`,
      );
    });
    expect(named(await probed(peer.port), "phone 1001")?.says).toBe(
      "Registered 2 times: sip:1001@10.0.0.7:5060, a Yealink T46U; sip:1001@10.0.0.9:5061, a snomD785.",
    );
  });

  test("registered twice: each with its own address and make", async () => {
    await using peer = await RawPeer.listen((command) => {
      if (command.startsWith("api sofia_contact")) {
        return response("sofia/internal/sip:1001@10.0.0.7:5060,sofia/internal/sip:1001@10.0.0.9:5061;fs_nat=yes");
      }
      const one = (id: string, contact: string, agent: string, ip: string) =>
        `Call-ID:    \t${id}\nContact:    \t"" <sip:1001@${contact}>\nAgent:      \t${agent}\nIP:         \t${ip}\nPort:       \t5060\n\n`;
      const listing = one("a", "10.0.0.9:5061", "snomD785", "10.0.0.9") + one("b", "10.0.0.7:5060", "Yealink T46U", "10.0.0.7");
      return command.startsWith("api sofia status")
        ? response(`\nRegistrations:\n===\n${listing}Total items returned: 2\n`)
        : obliging(command);
    });
    expect(named(await probed(peer.port), "phone 1001")?.says).toBe(
      "Registered 2 times: sip:1001@10.0.0.9:5061, from 10.0.0.9:5060, a snomD785; sip:1001@10.0.0.7:5060, from 10.0.0.7:5060, a Yealink T46U.",
    );
    // The domain's hop has asked for it; once a phone, the list of all phones is much to ask of a switch with a thousand.
    expect(peer.received.filter((command) => command.startsWith("api show registrations"))).toHaveLength(1);
  });

  test("an answer that says nothing of the phone is no verdict on it", async () => {
    await using peer = await RawPeer.listen((command) =>
      command.startsWith("api sofia_contact") ? response("-ERR no reply\n") : obliging(command)
    );
    const { verdict, says } = named(await probed(peer.port), "phone 1001") ?? {};
    expect([verdict, says]).toEqual([
      "failed",
      "Cannot tell whether phone 1001 is registered: the switch answers -ERR no reply.",
    ]);
  });

  test("sofia_contact is denied", async () => {
    const { hops } = await simulated(narrow(["show", "uuid_dump", "originate"]));
    expect(named(hops, "phone 1001")?.says).toContain("the switch denies sofia_contact");
  });
});

describe("the call queues", () => {
  test("no module", async () => {
    const { hops } = await simulated({ sim: { queues: [] }, line: { acd } });
    expect(named(hops, "call queues")).toMatchObject({ verdict: "failed", next: expect.stringContaining("load mod_callcenter") });
  });

  test("a queue that is not there", async () => {
    const { hops } = await simulated({ line: { acd: { queues: { "7000": "sales@default" } } } });
    expect(named(hops, "call queues")?.says).toBe("The switch has no queue sales@default (it has support@default).");
  });

  test("an agent who is not there, and may not be added", async () => {
    const { hops } = await simulated({ line: { acd: { ...acd, create: false } } });
    expect(named(hops, "call queues")?.says).toContain("does not know the agent 1001@default");
    const added = await simulated({
      line: { acd: { ...acd, create: false } },
      before: (sim) => sim.callcenter.command("agent add 1001@default callback"),
    });
    expect(named(added.hops, "call queues")).toMatchObject({
      verdict: "good",
      says: expect.stringContaining("1001@default Logged Out"),
    });
  });
});

describe("domains", () => {
  test.each([[{}, ["127.0.0.1"]], [{ password: "no" }, []]])("%j", async (line, domains) => {
    const sim = new Simulator();
    sims.push(sim);
    await sim.start();
    const config = freeswitchConfig.parse({ driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "x", ...line });
    const context = { desks: [], variables: [], log: openLog(() => {}, "error", false) };
    expect(await freeswitch.domains?.(config, context, new AbortController().signal)).toEqual(domains);
  });
});
