import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
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
  quietMonitoring,
  ready,
  refused,
  success,
} from "../support/httpclient.ts";

setDefaultTimeout(60_000);

afterAll(cleanUp);

describe("deadlines:", () => {
  const deadlines = { headerMs: 150, answerMs: 5000 };

  test("a silent client is closed without an answer", async () => {
    const { port } = await open({ deadlines });
    const client = await dial(port);
    expect(await client.answer()).toBeUndefined();
  });

  test.each(["first", "second"])("a header sent byte by byte, %s on its connection, gets 408", async (which) => {
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

  test("a request in progress is not idle, even after another on its connection is answered", async () => {
    const reply = Promise.withResolvers<Reply>();
    const replies = [Promise.resolve<Reply>({ ok: true }), reply.promise];
    const { port } = await open({ deadlines, callouts: { submit: () => replies.shift() ?? Promise.reject() } });
    const client = await dial(port);
    client.send(get(ready) + get(ready));
    expect((await client.answer())?.body).toBe(success);
    setTimeout(() => reply.resolve({ ok: true }), 300);
    expect((await client.answer())?.body).toBe(success);
  });

  test("a request that is never answered is closed at its deadline", async () => {
    const { port } = await open({
      deadlines: { headerMs: 5000, answerMs: 100 },
      callouts: { submit: () => new Promise(() => {}) },
    });
    expect(await ask(port, get(ready))).toBeUndefined();
  });
});

describe("open connections are counted:", () => {
  test("above the limit a connection gets 503, until another closes", async () => {
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
    // The server notices the close some time later.
    while (answer?.status !== 200) answer = await ask(port, get(ready));
    expect(answer.body).toBe(success);
  });

  test("far above the limit, only some connections get an answer", async () => {
    const { port } = await open({ connections: 2 });
    await Promise.all([dial(port), dial(port)]);
    const crowd = await Promise.all(Array.from({ length: 20 }, () => dial(port, { stays: true })));
    const answers = await Promise.all(crowd.map((client) => client.answer()));
    expect(answers.filter((answer) => answer?.status === 503).length).toBe(8);
    expect(answers.filter((answer) => answer === undefined).length).toBe(12);
  });

  test("a rejected client that resets its connection does no harm", async () => {
    const { port } = await open({ connections: 1 });
    await dial(port);
    for (let i = 0; i < 5; i++) {
      const client = await dial(port, { stays: true });
      expect((await client.answer())?.status).toBe(503);
      client.socket.resetAndDestroy();
      await client.closed;
    }
  });

  test("a rejected client that does not close is closed, which frees its place", async () => {
    const { port } = await open({ connections: 1 });
    const client = await dial(port, { stays: true });
    expect((await client.send("garbage\r\n\r\n").answer())?.status).toBe(400);
    let answer: Answer | undefined;
    while (answer?.status !== 200) answer = await ask(port, get(ready));
  });

  test("a connection that was reset takes no place", async () => {
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
    // A few such answers fill the buffers of both sides, so the server cannot write more.
    const metrics = () => "x".repeat(4_000_000);
    const { port } = await open({ deadlines: { headerMs: 60_000, answerMs: 500 }, monitoring: { ...quietMonitoring, metrics } });
    const { socket } = await dial(port);
    socket.pause().write(get("/metrics").repeat(10));
    // A paused client does not notice an orderly close; a failing write shows it.
    const flood = setInterval(() => socket.write(get("/metrics")), 10);
    await new Promise((resolve) => socket.once("error", resolve).once("close", resolve));
    clearInterval(flood);
    expect((await ask(port, get("/healthz")))?.status).toBe(200);
  });
});

describe("stop:", () => {
  /** A listener whose callouts are answered by the test. */
  async function slow() {
    const reply = Promise.withResolvers<Reply>();
    const asked = Promise.withResolvers<void>();
    const submit = () => {
      asked.resolve();
      return reply.promise;
    };
    return { ...await open({ callouts: { submit } }), asked: asked.promise, reply: reply.resolve };
  }

  test("closes idle connections at once and waits for requests in progress", async () => {
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

  test("answers a request sent at the same moment", async () => {
    const { port, stop } = await open();
    const client = await dial(port);
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    client.send(get(ready));
    const stopped = stop();
    expect((await client.answer())?.body).toBe(success);
    await stopped;
  });

  test("answers a connection accepted by the system but not yet seen by us", async () => {
    const { port, stop } = await open();
    const folder = mkdtempSync(join(tmpdir(), "telesetd-stop-"));
    const answer = join(folder, "answer");
    // Blocks the event loop until the client has connected. Its child then reads the answer and renames the file when complete.
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

  test("answers connections that keep arriving meanwhile", async () => {
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

  test("waits for the request of a client that has just connected", async () => {
    const { port, stop } = await open();
    const second = await dial(port);
    const client = await dial(port);
    // This answer shows that both have been accepted.
    expect((await second.send(get(ready)).answer())?.body).toBe(success);
    const stopped = stop();
    await second.closed;
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    await stopped;
  });

  const start = get(ready).slice(0, -10), rest = get(ready).slice(-10);

  test.each(["first", "second"])(
    "answers an incomplete request, the %s on its connection, once it is complete",
    async (which) => {
      const { port, stop } = await open();
      const client = await dial(port);
      if (which === "second") expect((await client.send(get(ready)).answer())?.body).toBe(success);
      client.send(start);
      // The answer to a later request shows that the first half has been read.
      await ask(port, get(ready));
      const stopped = stop();
      while (!await refused(port));
      expect((await client.send(rest).answer())?.body).toBe(success);
      await Promise.all([stopped, client.closed]);
    },
  );

  test.concurrent("is not delayed by a client that keeps its side open", async () => {
    const { port, stop } = await open();
    const client = await dial(port, { stays: true });
    expect((await client.send(get(ready)).answer())?.body).toBe(success);
    await stop();
  });

  test.concurrent("soon closes a client that has just connected and stays silent", async () => {
    const { port, stop } = await open({ callouts: { submit: () => new Promise(() => {}) } });
    const silent = await dial(port), busy = await dial(port);
    busy.send(get(ready));
    expect((await ask(port, get("/healthz")))?.status).toBe(200);
    const order: string[] = [];
    await Promise.all([silent.closed.then(() => order.push("silent")), stop().then(() => order.push("stopped"))]);
    expect(order).toEqual(["silent", "stopped"]);
    expect(await silent.answer()).toBeUndefined();
  });

  test.concurrent("answers a request that is never completed with an Error", async () => {
    const { port, stop } = await open();
    const client = await dial(port);
    client.send(start);
    await ask(port, get(ready));
    const stopped = stop();
    expect(complaint(await client.answer())).toEqual([503, "telesetd is stopping: try again."]);
    await Promise.all([stopped, client.closed]);
  });

  test.concurrent("does not wait forever for a request in progress", async () => {
    const { port, stop, asked } = await slow();
    const client = await dial(port);
    client.send(get(ready));
    await asked;
    await stop();
    expect(await client.answer()).toBeUndefined();
  });
});
