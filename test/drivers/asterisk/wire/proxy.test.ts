/** A box may have HTTP_PROXY in its environment: neither requests nor the websocket go there. */
import { expect, test } from "bun:test";
import { Rest } from "../../../../drivers/asterisk/wire/rest.ts";
import { EventSocket } from "../../../../drivers/asterisk/wire/socket.ts";
import { openLog } from "../../../../src/log/log.ts";
import { systemTimers } from "../../../../src/platform/timers.ts";

const variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];

test("no proxy of the environment is used", async () => {
  let visits = 0;
  using proxy = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        visits++;
        socket.end();
      },
      data: () => {},
    },
  });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => server.upgrade(request) ? undefined : new Response("here"),
    websocket: { message: () => {}, open: (socket) => void socket.send("hello") },
  });
  const before = variables.map((name) => [name, process.env[name]] as const);
  for (const name of variables) process.env[name] = name.toLowerCase() === "no_proxy" ? "" : `http://127.0.0.1:${proxy.port}`;
  try {
    // The trap works: what honours the environment falls into it.
    await fetch(`http://127.0.0.1:${server.port}/`).catch(() => {});
    expect(visits).toBe(1);
    const address = { host: "127.0.0.1", port: server.port ?? 0, prefix: "", tls: false, user: "telesetd", password: "s3cret" };
    const common = { ...address, log: openLog(() => {}, "error", false), timers: systemTimers };
    const rest = new Rest({ ...common, commandMs: 60_000 });
    expect((await rest.get("asterisk/info")).text).toBe("here");
    expect((await rest.command({ method: "POST", path: "channels", body: {} })).text).toBe("here");
    const heard = Promise.withResolvers<string>();
    const socket = await EventSocket.open({
      ...common,
      application: "telesetd",
      connectMs: 60_000,
      silenceMs: 60_000,
      onMessage: heard.resolve,
    }, new AbortController().signal);
    expect(await heard.promise).toBe("hello");
    socket.close("done");
    rest.close("done");
    expect(visits).toBe(1);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await server.stop(true);
  }
}, 60_000);
