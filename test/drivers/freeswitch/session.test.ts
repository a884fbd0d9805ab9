/** The driver against the simulated switch: how it connects, what it requests, how it loses the switch and reconnects. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventNames, filters } from "../../../drivers/freeswitch/commands.ts";
import { Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const asks = [
  ...filters([{ extension: "1001", presence: ["1001@127.0.0.1"] }], { acdAgent: "{extension}@default" }),
  `event json ${eventNames.join(" ")}`,
  "api sofia_contact */1001@127.0.0.1",
  "api show channels as json",
];

describe("connecting", () => {
  test.concurrent("login, filters, events, snapshot: in this order, nothing else, and one more snapshot after 2 s", async () => {
    await using rig = await Rig.ready();
    expect(rig.commands).toEqual(["auth ***", ...asks]);
    await rig.secondSnapshot();
    expect(rig.commands).toEqual(["auth ***", ...asks, "api show channels as json"]);
    expect(rig.events).toEqual([
      { type: "link-up", to: `127.0.0.1:${rig.sim.port}` },
      { type: "snapshot", desks: ["1001"], legs: [] },
      { type: "phone", desk: "1001", registered: true, contact: expect.stringContaining("sip:1001-0x") },
      { type: "snapshot", desks: ["1001"], legs: [] },
    ]);
  });

  test.concurrent("a switch that does not run: the driver tries again, logs the reason once, and connects when it runs", async () => {
    await using rig = await Rig.open({ before: (sim) => sim.server.refuse() });
    for (let attempt = 0; attempt < 2; attempt++) await rig.connectAgain();
    await rig.until(() => rig.events.length === 3);
    const why = `nothing listens on 127.0.0.1:${rig.sim.port}: is FreeSWITCH running, and mod_event_socket loaded?`;
    expect(rig.events).toEqual(Array(3).fill({ type: "link-down", why }));
    expect(rig.lines.filter((line) => line.includes("retrying until it is available"))).toHaveLength(1);
    await rig.sim.server.listen();
    await rig.connectAgain();
    await rig.next("phone");
    expect(rig.events.slice(3).map(({ type }) => type)).toEqual(["link-up", "snapshot", "phone"]);
  });

  test.concurrent("a refused password: reported with the reason, tried again, never shown", async () => {
    await using rig = await Rig.open({ config: { password: "hush" } });
    await rig.connectAgain();
    await rig.until(() => rig.events.length === 2);
    const why = `FreeSWITCH at 127.0.0.1:${rig.sim.port} refuses the login (-ERR invalid): check line.password and line.user`;
    expect(rig.events).toEqual(Array(2).fill({ type: "link-down", why }));
    expect(rig.lines.join("\n")).not.toContain("hush");
    expect(rig.commands).toEqual(["auth ***", "auth ***"]);
  });

  test.concurrent("two desks share one connection, and their phones are looked up one by one", async () => {
    await using rig = await Rig.open({ desks: ["1001", "1002"] });
    await rig.next("phone", ({ desk }) => desk === "1002");
    expect(rig.commands.filter((command) => command.startsWith("auth"))).toHaveLength(1);
    expect(rig.events.slice(0, 2)).toMatchObject([{ type: "link-up" }, { type: "snapshot", desks: ["1001", "1002"] }]);
    expect(rig.events.slice(2)).toMatchObject([{ desk: "1001", registered: true }, { desk: "1002", registered: true }]);
  });
});

describe("losing the switch", () => {
  const silence = (rig: Rig) => {
    rig.sim.cut("silence");
    rig.silenceLasts(60);
  };
  const ways: [string, (rig: Rig) => unknown, string | RegExp][] = [
    ["FIN", ({ sim }) => sim.cut("fin"), "FreeSWITCH closed the connection"],
    ["RST", ({ sim }) => sim.cut("rst"), /closed the connection|ECONNRESET/],
    ["silence", silence, "FreeSWITCH has been silent for 60 s"],
    ["a disconnect notice", ({ sim }) => sim.server.connections[0]?.disconnect(), "FreeSWITCH has announced that it disconnects"],
  ];

  test.concurrent.each(ways)("by %s: link-down with the reason, then link-up and a snapshot again", async (_name, lose, why) => {
    await using rig = await Rig.ready({ config: { silenceSeconds: 60 } });
    lose(rig);
    await rig.connectAgain();
    await rig.next("phone", () => true, 4);
    expect(rig.events.slice(3).map(({ type }) => type)).toEqual(["link-down", "link-up", "snapshot", "phone"]);
    expect((await rig.next("link-down")).why).toMatch(why);
    const [first, second] = [rig.commands.slice(0, asks.length + 1), rig.commands.slice(asks.length + 1)];
    expect(second).toEqual(first);
  });

  test.concurrent("an orderly shutdown: the legs end, it is logged, the link is down", async () => {
    await using rig = await Rig.ready();
    const call = await rig.sim.inbound({ from: "14155550123", to: "1001" });
    await call.answer();
    await rig.sim.shutdown();
    await rig.next("link-down");
    expect(rig.legs().some(({ leg, ended }) => leg === call.uuid && ended?.cause === "SYSTEM_SHUTDOWN")).toBe(true);
    expect(rig.lines.join("\n")).toContain("FreeSWITCH is shutting down");
    await rig.sim.server.listen();
    const from = rig.events.length;
    await rig.connectAgain();
    expect((await rig.next("snapshot", () => true, from)).legs).toEqual([]);
  });

  test.concurrent("a switch that has crashed and restarted knows none of the old legs", async () => {
    await using rig = await Rig.ready();
    const call = await rig.ringing();
    const from = rig.events.length;
    await rig.sim.restart();
    await rig.connectAgain();
    expect(await rig.next("snapshot", () => true, from)).toEqual({ type: "snapshot", desks: ["1001"], legs: [] });
    expect(rig.commands).toContain(`api uuid_dump ${call.uuid} json`);
  });
});

describe("stopping", () => {
  test.concurrent("while connected: the events end, the connection is closed, nothing more is reported", async () => {
    await using rig = await Rig.ready();
    rig.stop();
    await rig.ended;
    await rig.sim.server.until(({ connections }) => connections.length === 0);
    expect(rig.events).toHaveLength(3);
  });

  test.concurrent("between two attempts: the events end at once", async () => {
    await using rig = await Rig.open({ before: (sim) => sim.server.refuse() });
    await rig.next("link-down");
    rig.stop();
    await rig.ended;
  });

  test.concurrent("while it logs in: the events end, the connection is closed", async () => {
    await using rig = await Rig.open({ before: (sim) => sim.server.pace = { delayMs: 300 } });
    await rig.sim.server.until(({ connections }) => connections.length === 1);
    rig.stop();
    await rig.ended;
    await rig.sim.server.until(({ connections }) => connections.length === 0);
    expect(rig.events).toEqual([]);
  });
});

describe("the phone", () => {
  test.concurrent("is not registered at the connect", async () => {
    await using rig = await Rig.ready({ before: (sim) => sim.phones.unregister("1001") });
    expect(await rig.next("phone")).toEqual({ type: "phone", desk: "1001", registered: false });
  });

  test.concurrent.each(["unregister", "expire"] as const)(
    "%s: not registered; register: registered, with its contact",
    async (goes) => {
      await using rig = await Rig.ready();
      rig.sim.phones[goes]("1001");
      expect(await rig.next("phone", () => true, 3)).toEqual({ type: "phone", desk: "1001", registered: false });
      rig.sim.phones.register("1001");
      const back = await rig.next("phone", ({ registered }) => registered, 4);
      expect(back.contact).toContain("<sip:1001-0x");
    },
  );

  test.concurrent.each(["unregister", "expire"] as const)(
    "%s of one contact with another left: still registered",
    async (goes) => {
      await using rig = await Rig.ready();
      rig.sim.sw.fire(
        "CUSTOM",
        { "from-user": "1001", "from-host": "127.0.0.1", user: "1001", host: "127.0.0.1" },
        `sofia::${goes}`,
      );
      expect(await rig.next("phone", () => true, 3)).toMatchObject({ desk: "1001", registered: true });
    },
  );

  test.concurrent("another tenant's 1001 registers and unregisters: nothing is reported, nothing is queried", async () => {
    await using rig = await Rig.ready();
    const asked = rig.commands.length;
    const theirs = { "from-user": "1001", "from-host": "other.example", user: "1001", host: "other.example" };
    for (const word of ["register", "unregister", "expire"]) rig.sim.sw.fire("CUSTOM", theirs, `sofia::${word}`);
    rig.sim.phones.register("1001");
    await rig.next("phone", () => true, 3);
    expect(rig.events).toHaveLength(4);
    expect(rig.commands).toHaveLength(asked);
  });
});
