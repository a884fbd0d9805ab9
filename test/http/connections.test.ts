import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Reply } from "../../src/core/crm.ts";
import {
  type Answer,
  ask,
  cleanUp,
  complaint,
  dial,
  get,
  open,
  quietLocal,
  ready,
  refused,
  success,
} from "../support/httpclient.ts";

afterEach(cleanUp);

describe("time limits are absolute:", () => {
  const deadlines = { headerMs: 150, answerMs: 5000 };

  test("a client that says nothing is closed without a word", async () => {
    const { port } = await open({ deadlines });
    const client = await dial(port);
    expect(await client.answer()).toBeUndefined();
  });

  test.each(["first", "second"])("a header that drips, %s on its connection, gets 408", async (which) => {
    const { port } = await open({ deadlines });
    const client = await dial(port);
    if (which === "second") expect((await client.send(get(ready)).answer())?.body).toBe(success);
    client.send("GET / HTTP/1.1\r\nX: ");
    const drip = setInterval(() => client.socket.writable && client.send("x"), 20);
    expect(complaint(await client.answer())).toEqual([408, "The request was not complete after 0.15 s: send it again."]);
    clearInterval(drip);
    await client.closed;
  });

  test("an idle connection is closed after its last answer", async () => {
    const { port } = await open({ deadlines });
    const client = await dial(port);
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    expect(await client.answer()).toBeUndefined();
  });

  test("a request in work is not idle, even when another of its connection is done", async () => {
    const reply = Promise.withResolvers<Reply>();
    const replies = [Promise.resolve<Reply>({ ok: true }), reply.promise];
    const { port } = await open({ deadlines, callouts: { submit: () => replies.shift() ?? Promise.reject() } });
    const client = await dial(port);
    client.send(get(ready) + get(ready));
    expect((await client.answer())?.body).toBe(success);
    setTimeout(() => reply.resolve({ ok: true }), 300);
    expect((await client.answer())?.body).toBe(success);
  });

  test("a request that is never answered ends at last", async () => {
    const { port } = await open({
      deadlines: { headerMs: 5000, answerMs: 100 },
      callouts: { submit: () => new Promise(() => {}) },
    });
    expect(await ask(port, get(ready))).toBeUndefined();
  });
});

describe("open connections are counted:", () => {
  test("above the cap 503, and room again when one leaves", async () => {
    const refused: number[] = [];
    const { port } = await open({
      connections: 2,
      callouts: { counted: { refused: (status) => refused.push(status), callout: () => {} } },
    });
    const [first, second] = [await dial(port), await dial(port)];
    expect((await second.send(get(ready)).answer())?.body).toBe(success);
    const third = await dial(port);
    expect(complaint(await third.answer())).toEqual([503, expect.stringContaining("too many open connections")]);
    expect(refused).toEqual([503]);
    await third.closed;
    first.socket.destroy();
    let answer: Answer | undefined;
    // The server learns of the close in its own time.
    while (answer?.status !== 200) answer = await ask(port, get(ready));
    expect(answer.body).toBe(success);
  });

  test("of a crowd above the cap only so many are told why", async () => {
    const { port } = await open({ connections: 2 });
    await Promise.all([dial(port), dial(port)]);
    const crowd = await Promise.all(Array.from({ length: 20 }, () => dial(port, { stays: true })));
    const answers = await Promise.all(crowd.map((client) => client.answer()));
    expect(answers.filter((answer) => answer?.status === 503).length).toBe(8);
    expect(answers.filter((answer) => answer === undefined).length).toBe(12);
  });

  test("who is told why and then resets does no harm", async () => {
    const { port } = await open({ connections: 1 });
    await dial(port);
    for (let i = 0; i < 5; i++) {
      const client = await dial(port, { stays: true });
      expect((await client.answer())?.status).toBe(503);
      client.socket.resetAndDestroy();
      await client.closed;
    }
  });

  test("who is told why and stays is closed, and its place is free again", async () => {
    const { port } = await open({ connections: 1 });
    const client = await dial(port, { stays: true });
    expect((await client.send("garbage\r\n\r\n").answer())?.status).toBe(400);
    let answer: Answer | undefined;
    while (answer?.status !== 200) answer = await ask(port, get(ready));
  });

  test("who resets its connection takes no place", async () => {
    const { port } = await open({ connections: 2 });
    await dial(port);
    for (let i = 0; i < 10; i++) {
      const clients = await Promise.all([dial(port), dial(port)]);
      for (const client of clients) client.send("GET / HTTP/1.1\r\nX: ").socket.resetAndDestroy();
      await Promise.all(clients.map((client) => client.closed));
    }
    let answer: Answer | undefined;
    while (answer?.status !== 400) answer = await ask(port, "garbage\r\n\r\n");
  });

  test("a client that sends and never reads is closed", async () => {
    // A few such answers are more than the buffers of both sides take: the server cannot write on.
    const metrics = () => "x".repeat(4_000_000);
    const { port } = await open({ deadlines: { headerMs: 60_000, answerMs: 500 }, local: { ...quietLocal, metrics } });
    const { socket } = await dial(port);
    socket.pause().write(get("/metrics").repeat(10));
    // Paused, the client does not notice an orderly end: a failing write tells it.
    const flood = setInterval(() => socket.write(get("/metrics")), 10);
    await new Promise((resolve) => socket.once("error", resolve).once("close", resolve));
    clearInterval(flood);
    expect((await ask(port, get("/healthz")))?.status).toBe(200);
  }, 60_000);
});

describe("stop:", () => {
  /** A listener whose callouts are answered when the test says so. */
  async function slow() {
    const reply = Promise.withResolvers<Reply>();
    const asked = Promise.withResolvers<void>();
    const submit = () => {
      asked.resolve();
      return reply.promise;
    };
    return { ...await open({ callouts: { submit } }), asked: asked.promise, reply: reply.resolve };
  }

  test("closes idle connections at once and lets work finish", async () => {
    const { port, stop, asked, reply } = await slow();
    const [idle, busy] = [await dial(port), await dial(port)];
    busy.send(get(ready));
    await asked;
    const stopped = stop();
    await idle.closed;
    expect(await refused(port)).toBe(true);
    reply({ ok: true });
    expect((await busy.answer())?.body).toBe(success);
    await Promise.all([stopped, busy.closed]);
  });

  test("a client that keeps its side open does not hold it up", async () => {
    const { port, stop } = await open();
    const client = await dial(port, { stays: true });
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    await stop();
  });

  test("a request that was sent at the same moment is answered", async () => {
    const { port, stop } = await open();
    const client = await dial(port);
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    client.send(get(ready));
    const stopped = stop();
    expect((await client.answer())?.body).toBe(success);
    await stopped;
  });

  test("a connection that the system has accepted, and we have not seen, is answered", async () => {
    const { port, stop } = await open();
    const folder = mkdtempSync(join(tmpdir(), "telesetd-stop-"));
    const answer = join(folder, "answer");
    // Until this returns the event loop stands still. What it leaves behind reads the answer, and renames it when it is whole.
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf %b "$1" >&3; (cat <&3 >$2.part; mv $2.part $2) &`;
    const { exitCode } = Bun.spawnSync(["bash", "-c", script, "bash", get(ready), answer], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(exitCode).toBe(0);
    await stop();
    while (!existsSync(answer)) await new Promise((turn) => setTimeout(turn, 1));
    expect(readFileSync(answer, "utf8")).toEndWith(success);
    rmSync(folder, { recursive: true });
  });

  test("connections that keep coming while it stops are answered", async () => {
    const { port, stop } = await open();
    const stopped = stop();
    const answers: Promise<Answer | undefined>[] = [];
    for (let i = 0; i < 8; i++) {
      answers.push(dial(port).then((client) => client.send(get(ready)).answer()));
      await new Promise((turn) => setImmediate(turn));
    }
    expect((await Promise.all(answers)).map((answer) => answer?.body)).toEqual(Array(8).fill(success));
    await stopped;
  });

  test("a client that has just connected is answered when its request comes", async () => {
    const { port, stop } = await open();
    const other = await dial(port);
    const client = await dial(port);
    // The answer says that both have been accepted.
    expect((await other.send(get(ready)).answer())?.body).toBe(success);
    const stopped = stop();
    await other.closed;
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    await stopped;
  });

  test("a client that has just connected and says nothing is closed, and not waited for as long as work is", async () => {
    const { port, stop } = await open({ callouts: { submit: () => new Promise(() => {}) } });
    const silent = await dial(port), busy = await dial(port);
    busy.send(get(ready));
    expect((await ask(port, get("/healthz")))?.status).toBe(200);
    const order: string[] = [];
    await Promise.all([silent.closed.then(() => order.push("silent")), stop().then(() => order.push("stopped"))]);
    expect(order).toEqual(["silent", "stopped"]);
    expect(await silent.answer()).toBeUndefined();
  });

  const start = get(ready).slice(0, -10), rest = get(ready).slice(-10);

  test.each(["first", "second"])("half a request, the %s on its connection, is answered when the rest comes", async (which) => {
    const { port, stop } = await open();
    const client = await dial(port);
    if (which === "second") expect((await client.send(get(ready)).answer())?.body).toBe(success);
    client.send(start);
    // The answer to a later one says that the first half has been read.
    await ask(port, get(ready));
    const stopped = stop();
    while (!await refused(port));
    expect((await client.send(rest).answer())?.body).toBe(success);
    await Promise.all([stopped, client.closed]);
  });

  test("half a request that is never completed gets an Error", async () => {
    const { port, stop } = await open();
    const client = await dial(port);
    client.send(start);
    await ask(port, get(ready));
    const stopped = stop();
    expect(complaint(await client.answer())).toEqual([503, "telesetd is stopping: try again."]);
    await Promise.all([stopped, client.closed]);
  });

  test("work that does not finish is not waited for forever", async () => {
    const { port, stop, asked } = await slow();
    const client = await dial(port);
    client.send(get(ready));
    await asked;
    await stop();
    expect(await client.answer()).toBeUndefined();
  });
});
