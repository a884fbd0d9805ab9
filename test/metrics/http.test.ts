/** `/metrics`, `/readyz` and `/healthz` over a socket: access and formats. */
import { afterEach, describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { contentTypes } from "../../src/metrics/exposition.ts";
import { openLog } from "../../src/log/log.ts";
import type { Readiness } from "../../src/status/readiness.ts";
import { ask, cleanUp, dial, get, open, quietMonitoring, ready } from "../support/httpclient.ts";

afterEach(cleanUp);

const metrics: typeof quietMonitoring.metrics = (format) => `# ${format}\n`;
const own = Object.values(networkInterfaces()).flat().find((address) => address?.family === "IPv4" && !address.internal)?.address;
const watched = ["/metrics", "/readyz", "/healthz"];

describe("a request from the box itself", () => {
  test.each([
    ["", "text"],
    ["Accept: application/json\r\n", "text"],
    ["Accept: image/png;q=zzz\r\n", "text"],
    ["Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n", "openmetrics"],
  ])("with %j gets /metrics as %s", async (accept, format) => {
    const { port } = await open({ monitoring: { ...quietMonitoring, metrics } });
    const answer = await ask(port, get("/metrics", `Host: localhost\r\n${accept}`));
    expect([answer?.status, answer?.body]).toEqual([200, `# ${format}\n`]);
    expect(answer?.head.toLowerCase()).toContain(`content-type: ${contentTypes[format as "text"]}`);
    expect(answer?.head.toLowerCase()).toContain("cache-control: no-store");
  });

  test("with HEAD gets only the header", async () => {
    const { port } = await open({ monitoring: { ...quietMonitoring, metrics } });
    for (const path of watched) {
      const client = await dial(port);
      const answer = await client.send(get(path).replace("GET", "HEAD")).answer(true);
      expect([path, answer?.status]).toEqual([path, 200]);
      client.socket.end();
      await client.closed;
      expect(client.rest).toBe("");
    }
  });

  test.each(watched)("with another method gets 405: %s", async (path) => {
    const { port } = await open();
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await ask(port, get(path).replace("GET", method));
      expect([method, answer?.status]).toEqual([method, 405]);
      expect(answer?.head).toMatch(/allow: GET, HEAD/i);
    }
  });

  test.each(watched)("is closed after its answer, so that it takes no connection: %s", async (path) => {
    const { port } = await open({ connections: 2 });
    for (let scrape = 0; scrape < 10; scrape++) {
      const client = await dial(port);
      expect((await client.send(get(path)).answer())?.status).toBe(200);
      await client.closed;
    }
    expect((await ask(port, get(ready)))?.status).toBe(200);
  });

  test("is limited in rate", async () => {
    const { port } = await open();
    const statuses: (number | undefined)[] = [];
    for (let scrape = 0; scrape < 40; scrape++) statuses.push((await ask(port, get("/metrics")))?.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
    expect(statuses.at(-1)).toBe(429);
    expect((await ask(port, get("/healthz")))?.status).toBe(200);
  });
});

describe("access:", () => {
  const foreign = test.skipIf(own === undefined);
  foreign.each(watched)("an address not in http.monitorAllow is refused, even if it may send callouts: %s", async (path) => {
    // On a dual-stack socket it is ::ffff:10.1.2.3, which the error shows as 10.1.2.3.
    const { port } = await open({ host: "::", callouts: { allow: [`${own}/32`] } });
    const answer = await (await dial(port, { host: own ?? "" })).send(get(path)).answer();
    expect([answer?.status, answer?.body]).toEqual([
      403,
      `Requests from ${own} may not read this: list the address in http.monitorAllow.\n`,
    ]);
    expect((await (await dial(port, { host: own ?? "" })).send(get(ready)).answer())?.status).toBe(200);
  });

  foreign.each(watched)("an address in http.monitorAllow is accepted, even if it may not send callouts: %s", async (path) => {
    const { port } = await open({
      host: "0.0.0.0",
      callouts: { allow: [] },
      monitoring: { ...quietMonitoring, monitorAllow: [`${own}`] },
    });
    expect((await (await dial(port, { host: own ?? "" })).send(get(path)).answer())?.status).toBe(200);
    expect((await (await dial(port, { host: own ?? "" })).send(get(ready)).answer())?.status).toBe(403);
  });

  test.each([
    ["with an Origin", "Host: localhost\r\nOrigin: http://evil.example\r\n"],
    ["with a Referer", "Host: localhost\r\nReferer: http://evil.example/\r\n"],
    ["marked by the browser as cross-site", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"],
    ["with a host name that points at this box (DNS rebinding)", "Host: evil.example\r\n"],
  ])("a web page's request is refused, %s", async (_, headers) => {
    const { port } = await open();
    for (const path of watched) expect([path, (await ask(port, get(path, headers)))?.status]).toEqual([path, 403]);
  });
});

test("a stranger leaves a few lines in the log, and is counted", async () => {
  const lines: string[] = [];
  const statuses: number[] = [];
  const { port } = await open({
    log: openLog((line) => lines.push(line), "info", false),
    callouts: { counted: { callout: () => {}, refused: (status) => statuses.push(status) } },
  });
  for (let time = 0; time < 20; time++) await ask(port, get("/metrics", "Host: evil.example\r\n"));
  await ask(port, get("/metrics"));
  expect(lines).toHaveLength(5);
  expect(lines[0]).toStartWith(
    'warning Request refused from=127.0.0.1 path=/metrics status=403 why="Web pages may not read this',
  );
  expect(statuses).toEqual(Array.from({ length: 20 }, () => 403));
});

describe("/readyz", () => {
  const troubled: Readiness = {
    ready: false,
    troubles: ["desk 1001: Phone 1001 is not registered: check its cable and power."],
    uwq: { desks: 1, registered: 0 },
    waiting: 3,
  };
  test("reports in JSON what is wrong", async () => {
    const { port } = await open({ monitoring: { ...quietMonitoring, ready: () => troubled } });
    const answer = await ask(port, get("/readyz"));
    expect([answer?.status, JSON.parse(answer?.body ?? "")]).toEqual([503, troubled]);
    expect(answer?.head.toLowerCase()).toContain("content-type: application/json");
  });

  test("reports it in plain text if the client accepts that", async () => {
    const { port } = await open({ monitoring: { ...quietMonitoring, ready: () => troubled } });
    expect(await ask(port, get("/readyz", "Accept: text/plain\r\n"))).toMatchObject({
      status: 503,
      body: "not ready\ndesk 1001: Phone 1001 is not registered: check its cable and power.\nUWQ: registered at 0 of 1 desk\n",
    });
  });
});
