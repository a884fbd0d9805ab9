/** One request, one answer, within a deadline, whatever the other side does. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { NoAnswer, Rest } from "../../../../drivers/asterisk/wire/rest.ts";
import { openLog } from "../../../../src/log/log.ts";
import { systemTimers, type Timers } from "../../../../src/platform/timers.ts";
import { quietPort } from "../../../support/ports.ts";
import { FakeTimers } from "../../../support/timers.ts";

setDefaultTimeout(60_000);

const open: (() => void)[] = [];
afterAll(() => open.forEach((close) => close()));

/** A server that does this with each connection. */
async function server(act: (socket: Socket, connection: number) => void): Promise<number> {
  let count = 0;
  const listener = createServer((socket) => {
    socket.on("error", () => {});
    act(socket, ++count);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  open.push(() => listener.close());
  return (listener.address() as { port: number }).port;
}

function rest(port: number, timers: Timers = systemTimers, change: object = {}): Rest {
  const log = openLog(() => {}, "error", false);
  const address = { host: "127.0.0.1", port, prefix: "", tls: false, user: "telesetd", password: "s3cret" };
  const requests = new Rest({ ...address, commandMs: 5000, log, timers, ...change });
  open.push(() => requests.close("the test is over"));
  return requests;
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

const failure = (asked: Promise<unknown>) => asked.then(() => undefined, (error: unknown) => error as NoAnswer);

test("the request has the path, the query and the credentials; they are not in the URL", async () => {
  const heard = Promise.withResolvers<string>();
  const port = await server((socket) =>
    socket.on("data", (data) => {
      heard.resolve(data.toString());
      socket.write(ok);
    })
  );
  await rest(port, systemTimers, { prefix: "/pbx" }).get("channels/a%20b/variable", { variable: "EVAL(${X}&${Y},+)" });
  const text = await heard.promise;
  expect(text).toStartWith("GET /pbx/ari/channels/a%20b/variable?variable=EVAL($%7BX%7D%26$%7BY%7D,%2B) HTTP/1.1\r\n");
  expect(text).toContain(`Authorization: Basic ${btoa("telesetd:s3cret")}`);
  expect(text.split("\r\n")[0]).not.toContain("s3cret");
});

test("a GET on a connection that was closed in a pause is asked again; a command always has a new connection", async () => {
  const connections: number[] = [];
  const port = await server((socket, connection) => {
    let requests = 0;
    socket.on("data", () => {
      connections.push(connection);
      // The second request on a connection is not answered: the server closes it instead, as Asterisk after 15 s of silence.
      if (++requests === 1) socket.write(ok);
      else socket.destroy();
    });
  });
  const requests = rest(port);
  await requests.get("a");
  expect((await requests.get("b")).ok).toBe(true);
  expect(connections).toEqual([1, 1, 2]);
  await requests.command({ method: "POST", path: "channels" });
  await requests.command({ method: "POST", path: "channels" });
  expect(connections.slice(3)).toEqual([3, 4]);
});

test("a command whose connection ends is never sent again, and may have been carried out", async () => {
  let count = 0;
  const port = await server((socket) =>
    socket.on("data", () => {
      count++;
      socket.destroy();
    })
  );
  expect(await failure(rest(port).command({ method: "POST", path: "channels" }))).toMatchObject({ code: "broken", sent: true });
  expect(count).toBe(1);
});

describe("without an answer:", () => {
  test("nothing listens", async () => {
    const error = await failure(rest(await quietPort()).get("a"));
    expect(error).toMatchObject({ code: "refused", sent: false, message: expect.stringContaining("is Asterisk running") });
  });

  test("a name that is not known", async () => {
    expect(await failure(rest(1, systemTimers, { host: "no-such-host.invalid" }).get("a"))).toMatchObject({
      code: "unknown-name",
    });
  });

  test("silence, until the deadline", async () => {
    const timers = new FakeTimers();
    const asked = Promise.withResolvers<void>();
    const port = await server((socket) => socket.on("data", () => asked.resolve()));
    const waiting = failure(rest(port, timers).get("a"));
    await asked.promise;
    timers.advance(5000);
    timers.advance(1);
    expect(await waiting).toMatchObject({ code: "silent", message: expect.stringContaining("did not answer within 5 s") });
  });

  test.each([
    ["half an answer", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "broken"],
    ["something else", "220 mail.example ESMTP\r\n", "broken"],
  ])("%s", async (_name, text, code) => {
    const port = await server((socket) =>
      socket.on("data", () => {
        socket.end(text);
      })
    );
    expect(await failure(rest(port).get("a"))).toMatchObject({ code });
  });

  test("an answer without an end", async () => {
    const chunk = `100000\r\n${"x".repeat(0x100000)}\r\n`;
    const port = await server((socket) =>
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const more = () => {
          while (!socket.destroyed && socket.write(chunk));
          if (!socket.destroyed) socket.once("drain", more);
        };
        more();
      })
    );
    expect(await failure(rest(port).get("a"))).toMatchObject({ code: "broken", message: expect.stringContaining("more than") });
  });

  test("TLS to a server that does not speak it", async () => {
    const port = await server((socket) =>
      socket.on("data", () => {
        socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      })
    );
    expect(await failure(rest(port, systemTimers, { tls: true }).get("a"))).toMatchObject({ code: "tls" });
  });

  test("closed meanwhile, and afterwards", async () => {
    const asked = Promise.withResolvers<void>();
    const requests = rest(await server((socket) => socket.on("data", () => asked.resolve())));
    const waiting = failure(requests.get("a"));
    await asked.promise;
    requests.close("the link is lost");
    expect(await waiting).toMatchObject({ code: "closed", message: "the link is lost", sent: true });
    expect(await failure(requests.get("a"))).toMatchObject({ code: "closed", sent: false });
  });
});
