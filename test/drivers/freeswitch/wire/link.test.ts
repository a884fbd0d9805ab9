/** The link to the event socket: each of modesl's ten defects (drivers/freeswitch/wire/link.ts names them) is handled. */
import { describe, expect, test } from "bun:test";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { eventNames, login, subscribe } from "../../../../drivers/freeswitch/commands.ts";
import { Link, LinkClosed } from "../../../../drivers/freeswitch/wire/link.ts";
import {
  event,
  greeting,
  linkOptions,
  listeningLog,
  obliging,
  openLink,
  RawPeer,
  reply,
  response,
} from "../../../support/freeswitch/rawpeer.ts";
import { systemTimers } from "../../../../src/platform/timers.ts";
import { FakeTimers } from "../../../support/timers.ts";

const root = join(import.meta.dir, "../../../..");
const never = new AbortController().signal;

/** Why a promise was rejected. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("Cannot read the rejection: the promise was fulfilled");
}

describe("defect 1, a malformed % in a reply header", () => {
  test.each([
    ["100% sure", "100% sure"],
    ["%zz", "%zz"],
    ["half %C3", "half %C3"],
    ["whole%20and half%", "whole%20and half%"],
    ["a%20b", "a b"],
  ])("`%s` arrives as `%s` and the link continues", async (sent, read) => {
    await using peer = await RawPeer.listen((command) => command === "filter a b" ? reply(`+OK ${sent}`) : obliging(command));
    using opened = await openLink(peer);
    expect(await opened.link.command("filter a b")).toEqual({ ok: true, text: `+OK ${read}` });
    expect(await opened.link.command("api version")).toEqual({ ok: true, text: "the answer to api version" });
  });
});

describe("defect 2, replies are matched by arrival", () => {
  test("a denied api, which is answered with command/reply, does not shift the next replies", async () => {
    await using peer = await RawPeer.listen((command) =>
      command === "api reload" ? reply("-ERR permission denied") : obliging(command)
    );
    using opened = await openLink(peer);
    const commands = ["filter a b", "api one", "api reload", "api two", "sendmsg x", "event json HEARTBEAT"];
    const replies = await Promise.all(commands.map((command) => opened.link.command(command)));
    expect(replies.map(({ ok, text }) => [ok, text])).toEqual([
      [true, "+OK filter"],
      [true, "the answer to api one"],
      [false, "-ERR permission denied"],
      [true, "the answer to api two"],
      [true, "+OK sendmsg"],
      [true, "+OK event"],
    ]);
  });

  test("a command is sent only after the reply to the previous one", async () => {
    await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? reply("+OK accepted") : undefined);
    using opened = await openLink(peer);
    const both = Promise.all([opened.link.command("api one"), opened.link.command("api two")]);
    await peer.until(() => peer.received.includes("api one"));
    peer.answer = () => response("2");
    expect(peer.received).toEqual(["auth ClueCon", "api one"]);
    peer.write(response("1"));
    expect((await both).map(({ text }) => text)).toEqual(["1", "2"]);
    expect(peer.received).toEqual(["auth ClueCon", "api one", "api two"]);
  });

  test("a reply without a command is dropped", async () => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    const heard = opened.next();
    peer.write(`${reply("+OK stray")}${response("stray")}${event("{}")}`);
    await heard;
    expect((await opened.link.command("api one")).text).toBe("the answer to api one");
  });
});

describe("defect 3, a lost connection leaves its callers waiting", () => {
  test.each(["fin", "rst"] as const)(
    "after %s every waiting command is rejected, and `sent` shows which had been written",
    async (how) => {
      await using peer = await RawPeer.listen((command) => command.startsWith("auth") ? reply("+OK accepted") : undefined);
      using opened = await openLink(peer);
      const waiters = ["api one", "api two", "api three"].map((command) => rejection(opened.link.command(command)));
      await peer.until(() => peer.received.includes("api one"));
      peer[how]();
      const errors = await Promise.all(waiters);
      expect(errors.every((error) => error instanceof LinkClosed)).toBe(true);
      expect(errors.map((error) => (error as LinkClosed).sent)).toEqual([true, false, false]);
    },
  );

  test("a command on a closed link is refused at once", async () => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    opened.link.close("enough");
    const error = await rejection(opened.link.command("api one"));
    expect(error).toBeInstanceOf(LinkClosed);
    expect([(error as LinkClosed).sent, error.message]).toEqual([false, "enough"]);
    await peer.until(() => !peer.connected);
    expect(peer.received).toEqual(["auth ClueCon"]);
  });
});

describe("defect 4, only 'end' is watched", () => {
  test.each(
    [
      ["FIN", (peer: RawPeer) => peer.fin(), "FreeSWITCH closed the connection"],
      [
        "RST",
        (peer: RawPeer) => peer.rst(),
        /closed the connection|connection to FreeSWITCH at 127\.0\.0\.1:\d+ failed \(ECONNRESET\)/,
      ],
      ["silence", (_: RawPeer, timers: FakeTimers) => timers.advance(201), "FreeSWITCH has been silent for 0.2 s"],
      [
        "a disconnect notice",
        (peer: RawPeer) => peer.write("Content-Type: text/disconnect-notice\nContent-Length: 4\n\nbye\n"),
        "FreeSWITCH has announced that it disconnects",
      ],
    ] as const,
  )("%s is noticed, with the reason", async (_name, lose, words) => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer, { silenceMs: 200 });
    lose(peer, opened.timers);
    expect(await opened.link.closed).toMatch(words);
    await peer.until(() => !peer.connected);
  });

  test("data that arrived while the process was suspended also postpones the deadline", async () => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer, { silenceMs: 200, timers: systemTimers });
    const heard = opened.next();
    peer.write(event("{}"));
    const awake = performance.now() + 250;
    while (performance.now() < awake);
    await heard;
    const asked = peer.until(() => peer.received.includes("api last"));
    const refused = opened.link.command("api last").catch(String);
    expect(await Promise.race([opened.link.closed, refused, asked])).toBeUndefined();
  });

  test("every byte postpones the deadline on silence", async () => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer, { silenceMs: 500 });
    let closed = "";
    void opened.link.closed.then((why) => closed = why);
    for (let beats = 0; beats < 4; beats++) {
      opened.timers.advance(400);
      const heard = opened.next();
      peer.write(event("{}"));
      await heard;
    }
    opened.timers.advance(499);
    expect((await opened.link.command("api last")).ok).toBe(true);
    expect(closed).toBe("");
    opened.timers.advance(502);
    expect(await opened.link.closed).toContain("silent");
  });
});

describe("defect 5, it subscribes PBX-wide on login", () => {
  test("the login is the login and nothing else", async () => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    await opened.link.command("api last");
    expect(peer.received).toEqual(["auth ClueCon", "api last"]);
  });
});

describe("defect 6, it appends its own events after CUSTOM", () => {
  test("the command is sent unchanged, CUSTOM last with only our subclasses after it", async () => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    await opened.link.command(subscribe());
    const words = peer.received.at(-1)?.split(" ") ?? [];
    expect(words.slice(0, 2)).toEqual(["event", "json"]);
    expect(words.slice(2)).toEqual([...eventNames]);
    expect(words.slice(words.indexOf("CUSTOM"))).toEqual([
      "CUSTOM",
      "sofia::register",
      "sofia::unregister",
      "sofia::expire",
      "callcenter::info",
    ]);
  });
});

describe("defect 7, a control character is a second command", () => {
  const controls = Array.from({ length: 0xa0 }, (_, code) => code).filter((code) => code < 0x20 || code >= 0x7f);

  test.each(
    [
      ["the text of a command", (link: Link, bad: string) => link.command(`api version${bad}${bad}api reload`)],
      ["the name of a header", (link: Link, bad: string) => link.command("bgapi x", { [`Job${bad}UUID`]: "1" })],
      ["the value of a header", (link: Link, bad: string) => link.command("bgapi x", { "Job-UUID": `1${bad}${bad}api reload` })],
    ] as const,
  )("every C0 and C1 in %s is refused, and nothing of it is sent", async (_place, send) => {
    await using peer = await RawPeer.listen();
    using opened = await openLink(peer);
    expect(controls).toHaveLength(65);
    for (const code of controls) {
      expect(() => void send(opened.link, String.fromCharCode(code))).toThrow("contains a control character");
    }
    await opened.link.command("api last");
    expect(peer.received).toEqual(["auth ClueCon", "api last"]);
  });

  test("the refusal of a login does not show the text after the line feed", async () => {
    await using peer = await RawPeer.listen();
    const error = await rejection(openLink(peer, { login: "auth hush\nhusher" }));
    expect(error.message).toContain("contains a control character");
    expect(error.message).not.toContain("hush");
  });
});

describe("defect 8, a failed login calls no callback", () => {
  test.each([
    ["auth", login({ user: undefined, password: "hush" })],
    ["userauth", login({ user: "box@pbx", password: "hush" })],
  ])("%s that is refused rejects with the reason, without the password", async (verb, command) => {
    await using peer = await RawPeer.listen(() => reply("-ERR invalid"));
    const { log, lines } = listeningLog();
    const error = await rejection(Link.open(linkOptions(peer.port, log, { login: command }), () => {}, never));
    expect(error.message).toBe(
      `FreeSWITCH at 127.0.0.1:${peer.port} refuses the login (-ERR invalid): check line.password and line.user`,
    );
    expect(lines.join("\n")).toContain(`${verb} ***`);
    expect(lines.join("\n")).not.toContain("hush");
    await peer.until(() => !peer.connected);
  });

  test("a login that is never answered has a deadline, and its message hides the password", async () => {
    await using peer = await RawPeer.listen(() => undefined);
    const timers = new FakeTimers();
    const opening = rejection(openLink(peer, { login: "auth hush", commandMs: 300, timers }));
    await timers.pass(300);
    timers.advance(1);
    const error = await opening;
    expect(error.message).toBe("FreeSWITCH did not reply to auth *** within 0.3 s");
  });

  test("an address that the switch's access list denies: the reason states it", async () => {
    await using peer = await RawPeer.listen(
      undefined,
      "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
    );
    const error = await rejection(openLink(peer));
    expect(error.message).toBe(
      "FreeSWITCH at 127.0.0.1 denies this address: allow it in event_socket.conf.xml (apply-inbound-acl)",
    );
    expect(peer.received).toEqual([]);
  });

  test("nothing listens: the reason, with what to check", async () => {
    const peer = await RawPeer.listen();
    const { port } = peer;
    await peer[Symbol.asyncDispose]();
    const error = await rejection(Link.open(linkOptions(port, listeningLog().log), () => {}, never));
    expect(error.message).toBe(`nothing listens on 127.0.0.1:${port}: is FreeSWITCH running, and mod_event_socket loaded?`);
  });

  test("stopping while it connects rejects and closes the connection", async () => {
    await using peer = await RawPeer.listen(undefined, "");
    const stop = new AbortController();
    const opening = rejection(Link.open(linkOptions(peer.port, listeningLog().log), () => {}, stop.signal));
    await peer.until(() => peer.connected);
    stop.abort();
    expect((await opening).message).toBe("stopped");
    await peer.until(() => !peer.connected);
  });
});

describe("defect 9, no timeouts", () => {
  test("a server that does not greet is closed at the deadline", async () => {
    await using peer = await RawPeer.listen(undefined, "");
    const timers = new FakeTimers();
    const opening = rejection(openLink(peer, { connectMs: 300, timers }));
    await peer.until(() => peer.connected);
    await timers.pass(300);
    timers.advance(1);
    const error = await opening;
    expect(error.message).toBe(
      `127.0.0.1:${peer.port} accepts the connection but sends nothing: is that FreeSWITCH's event socket? Check line.port`,
    );
    await peer.until(() => !peer.connected);
  });

  test.each([
    ["SSH", "SSH-2.0-OpenSSH_9.2p1\r\n", '"SSH-2.0-OpenSSH_9.2p1"'],
    ["HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", '"HTTP/1.1 400 Bad Request"'],
    ["a long line without an end", "x".repeat(100), `"${"x".repeat(60)}"`],
  ])("another program (%s) is recognized by its first line, long before the deadline", async (_name, welcome, quoted) => {
    await using peer = await RawPeer.listen(undefined, welcome);
    const error = await rejection(openLink(peer, { connectMs: 60_000 }));
    expect(error.message).toBe(
      `127.0.0.1:${peer.port} does not greet (it sent ${quoted}): is that FreeSWITCH's event socket? Check line.port`,
    );
  });

  test("a greeting that arrives byte by byte is accepted", async () => {
    await using peer = await RawPeer.listen(undefined, "");
    const opening = openLink(peer, { connectMs: 60_000 });
    await peer.until(() => peer.connected);
    for (const byte of greeting) {
      peer.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    using opened = await opening;
    expect((await opened.link.command("api version")).ok).toBe(true);
  });

  test("a peer that closes without a greeting is not called FreeSWITCH", async () => {
    await using peer = await RawPeer.listen(undefined, "");
    const opening = rejection(openLink(peer, { connectMs: 60_000 }));
    await peer.until(() => peer.connected);
    peer.fin();
    expect((await opening).message).toStartWith(`127.0.0.1:${peer.port} closed the connection without a greeting: `);
  });

  test("a command without a reply ends the link: the replies after it could not be assigned", async () => {
    await using peer = await RawPeer.listen((command) => command === "api slow all" ? undefined : obliging(command));
    using opened = await openLink(peer, { commandMs: 300 });
    const rejected = Promise.all([
      rejection(opened.link.command("api slow all")),
      rejection(opened.link.command("api next")),
    ]);
    await opened.timers.pass(300);
    opened.timers.advance(1);
    const errors = await rejected;
    expect(errors.map((error) => [error.message, (error as LinkClosed).sent])).toEqual([
      ["FreeSWITCH did not reply to api slow within 0.3 s", true],
      ["FreeSWITCH did not reply to api slow within 0.3 s", false],
    ]);
    expect(await opened.link.closed).toBe("FreeSWITCH did not reply to api slow within 0.3 s");
  });
});

describe("defect 10, xml2js 0.4", () => {
  const installed = [
    ...new Bun.Glob("**/xml2js/package.json").scanSync({ cwd: join(root, "node_modules"), followSymlinks: true }),
  ];
  const version = (path: string) => String(JSON.parse(readFileSync(path, "utf8")).version);

  test("no copy of it is installed that can be polluted (CVE-2023-0842), only ours, which reads no XML", () => {
    expect(installed.map((path) => realpathSync(join(root, "node_modules", path)))).toEqual([
      realpathSync(join(root, "drivers/freeswitch/wire/no-xml/package.json")),
    ]);
  });

  test("modesl is the version whose defects these are", () => {
    expect(version(join(root, "node_modules/modesl/package.json"))).toBe("1.2.1");
    expect(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).dependencies.modesl).toBe("1.2.1");
  });
});
