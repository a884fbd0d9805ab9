/** What the probe reports about a phone: its address, or why it is not registered. */
import { describe, expect, test } from "bun:test";
import type { Simulator } from "../../../../simulator/freeswitch/mod.ts";
import { type Case, named, narrow, probed, simulated } from "../../../support/freeswitch/probe-rig.ts";
import { obliging, RawPeer, response } from "../../../support/freeswitch/rawpeer.ts";

describe("the phone", () => {
  test("not registered", async () => {
    const { hops } = await simulated({ before: (sim) => sim.phones.unregister("1001") });
    expect(named(hops, "phone 1001")).toMatchObject({
      verdict: "failed",
      message: "Phone 1001 is not registered in the domain 127.0.0.1.",
      advice: expect.stringContaining("cable and power"),
    });
    expect(named(hops, "domain")?.verdict).toBe("good");
  });

  test("an extension that the switch does not know", async () => {
    const { hops } = await simulated({ desks: ["1099"] });
    expect(named(hops, "phone 1099")?.message).toBe(
      "The switch has no user 1099 in the domain 127.0.0.1; registered there: 1001, 1002, 1003.",
    );
  });

  test.each([
    ["none runs", [], "", "No SIP profile of the switch is running: no phone can register."],
    [
      "only the outside one is running",
      ["external"],
      "",
      "No SIP profile for phones is running on the switch, only external (line.outsideProfiles).",
    ],
    [
      "another tenant's is running",
      ["external", "tenant2"],
      "",
      "Phone 1001 is not registered, and no running SIP profile serves the domain 127.0.0.1 (running: external, tenant2).",
    ],
    [
      "another tenant's is running, and the phone's registration is still listed",
      ["external", "tenant2"],
      "sofia/internal/sip:1001@127.0.0.1:5100",
      "The SIP profile internal, on which phone 1001 was registered, is not running.",
    ],
  ])(
    "not registered, and of the SIP profiles %s: that is the cause, not cable and power",
    async (_name, left, url, message) => {
      const stop = (sim: Simulator) => {
        const row = (name: string) => `${name.padStart(25)}\tprofile\tsip:mod_sofia@127.0.0.1:5060\tRUNNING (0)\n`;
        sim.phones.contacts = () => [];
        sim.phones.profiles = () =>
          `Name\t   Type\tData\tState\n====\n${left.map(row).join("")} tenant2.test\t  alias\ttenant2\tALIASED\n`;
        const rows = url === "" ? [] : [{ reg_user: "1001", realm: "127.0.0.1", url }];
        sim.phones.registrations = () => JSON.stringify({ row_count: rows.length, rows });
      };
      const { hops } = await simulated({ before: stop });
      expect(named(hops, "phone 1001")).toMatchObject({
        verdict: "failed",
        message,
        advice: expect.stringContaining("sofia profile internal start"),
      });
    },
  );

  test("not registered, and the profiles cannot be checked: cable and power", async () => {
    const { hops } = await simulated({
      ...narrow(["show", "sofia_contact", "uuid_dump", "originate", "user_exists", "domain_exists"]),
      before: (sim) => sim.phones.unregister("1001"),
    });
    expect(named(hops, "phone 1001")?.advice).toContain("cable and power");
  });

  test("a wrong domain: the right one is named; with narrow rights it is that of the phone", async () => {
    const cases: [Case, object][] = [
      [{}, { verdict: "failed", advice: "Set line.domain to 127.0.0.1." }],
      [narrow(["show", "sofia_contact", "uuid_dump", "originate"]), {
        verdict: "warning",
        message: expect.stringContaining("phones are registered in 127.0.0.1."),
      }],
    ];
    for (const [given, found] of cases) {
      const { hops } = await simulated({ ...given, line: { ...given.line, domain: "pbx.example" } });
      expect(named(hops, "domain")).toMatchObject(found);
      expect(named(hops, "phone 1001")?.message).toBe("Phone 1001 is registered in the domain 127.0.0.1, not in pbx.example.");
    }
  });

  test("a domain that cannot be checked is a warning", async () => {
    const given = narrow(["sofia_contact", "uuid_dump", "originate"]);
    const { hops } = await simulated({ ...given, before: (sim) => sim.phones.unregister("1001") });
    expect(named(hops, "domain")?.verdict).toBe("warning");
    expect(named(hops, "phone 1001")?.message).toContain("is not registered");
  });

  test("several registrations: each contact with its make, asked by the user and not by the text of a contact", async () => {
    const { hops } = await simulated({
      before: (sim) => {
        sim.phones.userAgent = "Yealink SIP-T46S 66.84.0.15";
        sim.phones.register("1001", 1, "Zoiper v2.10.20");
        sim.phones.register("1001", 2, "snomD785/10.1.184.14");
      },
    });
    expect(named(hops, "phone 1001")?.message).toMatch(
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
    expect(named(await probed(peer.port), "phone 1001")?.message).toBe(
      "Registered 2 times: sip:1001@10.0.0.7:5060, a Yealink T46U; sip:1001@10.0.0.9:5061, a snomD785.",
    );
  });

  test("registered twice: each with its own address and make", async () => {
    await using peer = await RawPeer.listen((command) => {
      if (command.startsWith("api sofia_contact")) {
        return response("sofia/internal/sip:1001@10.0.0.7:5060,sofia/internal/sip:1001@10.0.0.9:5061;fs_nat=yes");
      }
      const registration = (id: string, contact: string, agent: string, ip: string) =>
        `Call-ID:    \t${id}\nContact:    \t"" <sip:1001@${contact}>\nAgent:      \t${agent}\nIP:         \t${ip}\nPort:       \t5060\n\n`;
      const listing = registration("a", "10.0.0.9:5061", "snomD785", "10.0.0.9") +
        registration("b", "10.0.0.7:5060", "Yealink T46U", "10.0.0.7");
      return command.startsWith("api sofia status")
        ? response(`\nRegistrations:\n===\n${listing}Total items returned: 2\n`)
        : obliging(command);
    });
    expect(named(await probed(peer.port), "phone 1001")?.message).toBe(
      "Registered 2 times: sip:1001@10.0.0.9:5061, from 10.0.0.9:5060, a snomD785; sip:1001@10.0.0.7:5060, from 10.0.0.7:5060, a Yealink T46U.",
    );
    // The domain hop has requested it; the list of all phones, once for each phone, would be a burden for a switch with a thousand.
    expect(peer.received.filter((command) => command.startsWith("api show registrations"))).toHaveLength(1);
  });

  test("an answer without information about the phone is not a verdict", async () => {
    await using peer = await RawPeer.listen((command) =>
      command.startsWith("api sofia_contact") ? response("-ERR no reply\n") : obliging(command)
    );
    const { verdict, message } = named(await probed(peer.port), "phone 1001") ?? {};
    expect([verdict, message]).toEqual([
      "failed",
      "Cannot tell whether phone 1001 is registered: the switch answers -ERR no reply.",
    ]);
  });

  test("sofia_contact is denied", async () => {
    const { hops } = await simulated(narrow(["show", "uuid_dump", "originate"]));
    expect(named(hops, "phone 1001")?.message).toContain("the switch denies sofia_contact");
  });
});
