import { describe, expect, test } from "bun:test";
import { type CalloutOptions, callouts } from "../../src/cctsdk/routes.ts";
import { defaultAnswers } from "../../src/cctsdk/profile.ts";
import { parse } from "../../src/platform/xml.ts";
import { decodeAnswer } from "../../src/cctsdk/decode.ts";
import type { Callout, RefusedCallout, Reply } from "../../src/core/crm.ts";
import { type LogLevel, openLog } from "../../src/log/log.ts";

const ready = "FunctionName=Ready&telesetNumber=1001&agentID=SMITH";

interface Bench {
  readonly lines: string[];
  readonly submitted: Callout[];
  ask(target: string, options?: { method?: string; from?: string; headers?: Record<string, string> }): Promise<Response>;
}

/** The route in process: records submitted callouts and log lines; a test header sets the source address. */
function bench(part: Partial<CalloutOptions> = {}, level: LogLevel = "info"): Bench {
  const lines: string[] = [];
  const submitted: Callout[] = [];
  const { app } = callouts({
    allow: ["127.0.0.0/8", "10.0.0.0/8", "::1/128"],
    hostNames: ["Box.example"],
    allowBrowsers: false,
    answers: defaultAnswers,
    parameters: {},
    perSecond: 1,
    burst: 1000,
    registerAllow: ["10.9.0.0/16"],
    desks: () => ["1001"],
    submit: (callout) => {
      submitted.push(callout);
      return Promise.resolve<Reply>({ ok: true });
    },
    checkStatus: () => ({ ok: true }),
    log: openLog((line) => lines.push(line), level, false),
    now: () => 0,
    from: (context) => context.req.header("test-from") ?? "10.0.0.5",
    ...part,
  });
  const ask: Bench["ask"] = async (target, { method = "GET", from = "10.0.0.5", headers = {} } = {}) =>
    await app.request(`http://10.0.0.1:8090${target}`, { method, headers: { ...headers, "test-from": from } });
  return { lines, submitted, ask };
}

/** The text of the Error in an answer; also checks the form of the answer. */
async function complaint(response: Response): Promise<string> {
  const body = await response.clone().text();
  expect(
    Object.fromEntries(["content-type", "content-length", "cache-control"].map((name) => [name, response.headers.get(name)])),
  ).toEqual({
    "content-type": "text/xml; charset=utf-8",
    "content-length": String(new TextEncoder().encode(body).length),
    "cache-control": "no-store",
  });
  parse(body);
  return decodeAnswer(body) ?? "";
}

test("a callout is submitted, and success is an empty CCTSDK", async () => {
  const { ask, submitted } = bench();
  const response = await ask(`/?${ready}`);
  expect([response.status, await complaint(response), await response.text()]).toEqual([200, "", "<CCTSDK></CCTSDK>"]);
  expect(submitted).toEqual([{ name: "Ready", desk: "1001", agent: "SMITH" }]);
});

test("errors of the core and of decoding have status 200 and an Error body", async () => {
  const { ask, submitted } = bench({ submit: () => Promise.resolve({ ok: false, why: 'Phone <1001> is "away".' }) });
  const response = await ask(`/?${ready}`);
  expect([response.status, await complaint(response)]).toEqual([200, 'Phone <1001> is "away".']);
  const second = await ask("/?FunctionName=Redy");
  expect([second.status, await complaint(second)]).toEqual([200, expect.stringContaining("did you mean Ready?")]);
  expect(submitted).toEqual([]);
});

test.each<[string, CalloutOptions["submit"]]>([
  ["rejects", () => Promise.reject(new Error("disk on fire"))],
  ["throws", () => {
    throw new Error("disk on fire");
  }],
])("when submit %s, the agent gets a sentence and the log has the reason", async (_, submit) => {
  const { ask, lines } = bench({ submit });
  const response = await ask(`/?${ready}`);
  expect([response.status, await complaint(response)]).toEqual([
    200,
    "UnexpectedError: internal error in telesetd during Ready: try again; if it persists, tell the administrator.",
  ]);
  expect(lines[0]).toBe('error   Ready: internal error error="disk on fire"');
});

test("the answer waits for submit", async () => {
  const reply = Promise.withResolvers<Reply>();
  const { ask } = bench({ submit: () => reply.promise });
  const response = ask(`/?${ready}`);
  reply.resolve({ ok: false, why: "later" });
  expect(await complaint(await response)).toBe("later");
});

test("Register from a mapped address: the source is normalised, an allowed other address is accepted", async () => {
  const { ask, submitted } = bench();
  const register = "/?FunctionName=Register&telesetNumber=1001&agentID=S&port=5000&ipAddress=";
  await ask(`${register}localhost`, { from: "::ffff:10.0.0.5" });
  await ask(`${register}10.9.1.1`);
  expect(submitted).toMatchObject([{ address: "10.0.0.5" }, { address: "10.9.1.1" }]);
  expect(await complaint(await ask(`${register}10.8.1.1`))).toContain("crm.registerAllow");
});

test("the current desks are used for each callout", async () => {
  let desks = ["1001"];
  const { ask, submitted } = bench({ desks: () => desks });
  desks = ["1002"];
  expect(await complaint(await ask(`/?${ready}`))).toContain("this box serves 1002");
  expect(submitted).toEqual([]);
});

test("a raw # in a dial string is kept", async () => {
  const { ask, submitted } = bench();
  await ask("/?FunctionName=MakeCall&telesetNumber=1001&dialString=*98#&agentID=SMITH");
  expect(submitted).toMatchObject([{ dialString: "*98#", agent: "SMITH" }]);
});

describe("refused before it is a callout:", () => {
  const prefix = "/k3y";
  type Case = [string, number, string, Parameters<Bench["ask"]>[1], Partial<CalloutOptions>?];
  const headers = (headers: Record<string, string>) => ({ headers });
  test.each<Case>([
    ["a source that is not allowed", 403, "/", { from: "8.8.8.8" }],
    ["a source that is not an address", 403, "/", { from: "" }],
    ["a Host of another name", 403, "/", headers({ host: "evil.example:8090" })],
    ["a Host that only begins with an address", 403, "/", headers({ host: "10.0.0.1.evil.example" })],
    ["two Hosts", 403, "/", headers({ host: "10.0.0.1, evil.example" })],
    ["an Origin", 403, "/", headers({ origin: "null" })],
    ["a Referer", 403, "/", headers({ referer: "http://10.0.0.1/" })],
    ["Sec-Fetch-Site cross-site", 403, "/", headers({ "sec-fetch-site": "cross-site" })],
    ["Sec-Fetch-Site same-site", 403, "/", headers({ "sec-fetch-site": "same-site" })],
    ["a browser's User-Agent", 403, "/", headers({ "user-agent": "Mozilla/5.0 (X11) JavaScript/1 Firefox/140.0" })],
    ["the browser of a Java phone", 403, "/", headers({ "user-agent": "Mozilla/5.0 (Java; U; en) UCBrowser8.2/70/352" })],
    ["PowerShell with an Origin", 403, "/", headers({ origin: "http://x", "user-agent": "Mozilla/5.0 PowerShell/7.4.1" })],
    ["a wrong path", 404, "/x", {}],
    ["a path beside the prefix", 404, "/", {}, { prefix }],
    ["the prefix as a beginning", 404, "/k3yx", {}, { prefix }],
    ["the prefix with two slashes", 404, "/k3y//", {}, { prefix }],
    ["the prefix in capitals", 404, "/K3Y/", {}, { prefix }],
    ...["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"].map((
      method,
    ): Case => [`the method ${method}`, 405, "/", { method }]),
    ["a long query", 414, `/?x=${"x".repeat(4095)}&`, {}],
  ])("%s gets %d", async (_, status, path, options, part) => {
    const { ask, submitted, lines } = bench(part);
    const response = await ask(`${path}${path.includes("?") ? "" : "?"}${ready}`, options);
    expect(response.status).toBe(status);
    expect(response.headers.get("allow")).toBe(status === 405 ? "GET" : null);
    if (options?.method === "HEAD") expect(await response.text()).toBe("");
    else expect(await complaint(response)).toEndWith(".");
    expect(submitted).toEqual([]);
    expect(lines).toEqual([
      expect.stringContaining(`Request refused from=${options?.from || (options?.from === "" ? "" : "10.0.0.5")}`),
    ]);
    expect(await response.clone().text()).not.toContain("k3y");
  });

  test("in this order: source, Host, browser, path, method, rate, length", async () => {
    const { ask } = bench({ burst: 1, perSecond: 0.001 });
    expect((await ask(`/?${ready}`)).status).toBe(200);
    const long = `?${"x".repeat(5000)}`;
    const worst = { from: "8.8.8.8", method: "POST", headers: { host: "evil.example", origin: "x" } };
    const steps: [string, Parameters<Bench["ask"]>[1]][] = [
      [`/x${long}`, worst],
      [`/x${long}`, { ...worst, from: "10.0.0.5" }],
      [`/x${long}`, { method: "POST", headers: { origin: "x" } }],
      [`/x${long}`, { method: "POST" }],
      [`/${long}`, { method: "POST" }],
      [`/${long}`, {}],
      [`/${long}`, { from: "10.0.0.6" }],
    ];
    const answers = await Promise.all(steps.map(([target, options]) => ask(target, options)));
    const texts = await Promise.all(answers.map(complaint));
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 404, 405, 429, 414]);
    expect(texts.slice(0, 3)).toEqual([
      expect.stringContaining("8.8.8.8"),
      expect.stringContaining("http.hostNames"),
      expect.stringContaining("http.allowBrowsers"),
    ]);
  });
});

describe("accepted:", () => {
  const headers = (headers: Record<string, string>) => ({ headers });
  test.each<[string, string, Parameters<Bench["ask"]>[1], Partial<CalloutOptions>?]>([
    ["a mapped IPv4 source", "/", { from: "::ffff:10.1.2.3" }],
    ["an IPv6 source", "/", { from: "::1" }],
    ["a Host with an address", "/", headers({ host: "10.0.0.1" })],
    ["a Host with an IPv6 address and a port", "/", headers({ host: "[fd00::1]:8090" })],
    ["localhost at any port", "/", headers({ host: "LocalHost:1234" })],
    ["a configured name", "/", headers({ host: "box.EXAMPLE.:8090" })],
    ["an empty Host", "/", headers({ host: "" })],
    ["Sec-Fetch-Site none", "/", headers({ "sec-fetch-site": "none" })],
    ["Sec-Fetch-Site same-origin", "/", headers({ "sec-fetch-site": "same-origin" })],
    ["Java", "/", headers({ "user-agent": "Java/1.8.0_201" })],
    ["the Java plug-in of 1.3", "/", headers({ "user-agent": "Mozilla/4.0 (Windows 2000 5.0) Java1.3.1_04" })],
    ["the Java plug-in", "/", headers({ "user-agent": "Mozilla/4.0 (Windows 10 10.0) Java/1.8.0_201" })],
    [
      "Windows PowerShell",
      "/",
      headers({ "user-agent": "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1682" }),
    ],
    [
      "PowerShell 7",
      "/",
      headers({ "user-agent": "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0; en-US) PowerShell/7.4.1" }),
    ],
    [
      "a browser when allowed",
      "/",
      headers({ origin: "http://x", referer: "x", "user-agent": "Mozilla/5.0", "sec-fetch-site": "cross-site" }),
      { allowBrowsers: true },
    ],
    ["the prefix", "/k3y", {}, { prefix: "/k3y" }],
    ["the prefix with a slash", "/k3y/", {}, { prefix: "/k3y" }],
    ["a query of 4,096 characters", `/?x=${"x".repeat(4096 - ready.length - 3)}&`, {}],
  ])("%s", async (_, path, options, part) => {
    const { ask, submitted } = bench(part);
    const response = await ask(`${path}${path.includes("?") ? "" : "?"}${ready}`, options);
    expect([response.status, submitted.length]).toEqual([200, 1]);
  });
});

describe("the rate", () => {
  test("is limited per source, and recovers with time", async () => {
    let now = 0;
    const { ask } = bench({ burst: 2, perSecond: 2, now: () => now });
    const statuses = async (from: string, count: number) =>
      (await Promise.all(Array.from({ length: count }, () => ask(`/?${ready}`, { from })))).map(({ status }) => status);
    expect(await statuses("10.0.0.1", 3)).toEqual([200, 200, 429]);
    expect(await statuses("10.0.0.2", 1)).toEqual([200]);
    now = 500;
    expect(await statuses("10.0.0.1", 2)).toEqual([200, 429]);
    now = 60_000;
    expect(await statuses("10.0.0.1", 3)).toEqual([200, 200, 429]);
  });
});

describe("refused callouts", () => {
  const register = "FunctionName=Register&telesetNumber=1001&agentID=SMITH&port=5000";
  const refusing: Reply = { ok: false, why: "not now", refused: true };

  test.each([
    ["a wrong extension", register.replace("1001", "9999"), "refused"],
    ["another PC's address", `${register}&ipAddress=10.0.0.6`, "refused"],
    ["a wrong extension, but without a port", "FunctionName=Register&telesetNumber=9999&agentID=SMITH", "malformed"],
    ["refused when it is executed", ready, "refused"],
  ])("%s: counted as such, and noted for the administrator", async (_, query, result) => {
    const counted: string[] = [];
    const noted: RefusedCallout[] = [];
    const { ask } = bench({
      submit: () => Promise.resolve(refusing),
      counted: { callout: (name, result) => counted.push(`${name} ${result}`), refused: () => {} },
      refusals: { note: (refused) => noted.push(refused), accepted: () => {} },
    });
    await ask(`/?${query}`);
    const name = query === ready ? "Ready" : "Register";
    expect(counted).toEqual([`${name} ${result}`]);
    const desk = query.includes("9999") ? "9999" : "1001";
    expect(noted).toEqual([{ name, desk, agent: "SMITH", from: "10.0.0.5", why: expect.any(String) }]);
  });

  test.each([["an address that is not allowed", "/", "192.0.2.9"], ["a wrong path", "/x", "10.0.0.5"]])(
    "before they count as callouts are noted too: %s",
    async (_, path, from) => {
      const noted: RefusedCallout[] = [];
      const { ask } = bench({ refusals: { note: (refused) => noted.push(refused), accepted: () => {} } });
      await ask(`${path}?${register}`, { from });
      await ask(`${path}?nothing=1`, { from });
      expect(noted).toEqual([{ name: "Register", from, why: expect.any(String) }]);
    },
  );

  test("a callout that is executed is reported, with its source", async () => {
    const accepted: string[] = [];
    const { ask } = bench({ refusals: { note: () => {}, accepted: ({ name }, from) => accepted.push(`${name} ${from}`) } });
    await ask(`/?${register}`);
    expect(accepted).toEqual(["Register 10.0.0.5"]);
  });
});

describe("the log", () => {
  test("has one info line per callout", async () => {
    const { ask, lines } = bench();
    await ask(`/?${ready}`);
    expect(lines).toEqual(["info    Ready desk=1001 agent=SMITH from=10.0.0.5"]);
  });

  test("has the reason when a callout fails", async () => {
    const { ask, lines } = bench({ submit: () => Promise.resolve({ ok: false, why: "no phone" }) });
    await ask(`/?${ready}`);
    await ask("/?FunctionName=Redy");
    expect(lines).toEqual([
      'warning Ready failed desk=1001 agent=SMITH from=10.0.0.5 why="no phone"',
      expect.stringContaining("warning Malformed callout from=10.0.0.5 why="),
    ]);
  });

  test("has a warning for a refusal, without the number of a dial", async () => {
    const why = 'Cannot dial "+1(415)555-0123x5": x (U+0078) is not dialable.';
    const { ask, lines } = bench({ submit: () => Promise.resolve({ ok: false, why, refused: true }) });
    await ask("/?FunctionName=Register&telesetNumber=9999&agentID=SMITH&port=5000");
    await ask("/?FunctionName=MakeCall&telesetNumber=1001&agentID=SMITH&dialString=+1(415)555-0123x5");
    expect(lines).toEqual([
      'warning Register refused from=10.0.0.5 why="Register failed: telesetNumber is \\"9999\\", but this box serves 1001."',
      'warning MakeCall refused desk=1001 agent=SMITH from=10.0.0.5 why="Cannot dial \\"...\\": x (U+0078) is not dialable."',
    ]);
  });

  test("has CheckStatus, which is frequent, only on debug", async () => {
    const quiet = bench();
    await quiet.ask("/?FunctionName=CheckStatus");
    expect(quiet.lines).toEqual([]);
    const loud = bench({}, "debug");
    await loud.ask("/?FunctionName=CheckStatus");
    expect(loud.lines).toEqual(["debug   CheckStatus from=10.0.0.5 outcome=ok"]);
  });

  test("is not filled by a source that is refused repeatedly", async () => {
    const { ask, lines } = bench();
    for (let i = 0; i < 50; i++) await ask("/x");
    expect(lines.length).toBe(5);
  });

  test.each([
    `${ready}&agentPassword=hunter2`,
    "FunctionName=Login&telesetNumber=1001&agentID=S&AGENTPASSWORD=hunter2&agentQueue=q",
    "FunctionName=Login&telesetNumber=1001&agentID=S&agent%50assword=hunter2",
    "FunctionName=Login&telesetNumber=1001&agentID=S&agentPassword=hunter2%zz",
    "FunctionName=Login&telesetNumber=1001&agentID=S&agentPass%zzword=hunter2",
    "FunctionName=Login;telesetNumber=1001;agentPassword=hunter2",
    "FunctionName=Login&telesetNumber=1001&agentID=S%26agentPassword%3dhunter2&agentPassword",
    "agentPassword=hunter2",
  ])("never contains a password, even on trace: %s", async (query) => {
    const { ask, lines } = bench({}, "trace");
    await ask(`/?${query}`);
    expect(lines[0]).toContain("Callout received");
    expect(lines.join("\n").replace(/agent="S&agentPassword=hunter2"/, "")).not.toContain("hunter2");
  });

  test("shows the rest of the query on trace", async () => {
    const { ask, lines } = bench({}, "trace");
    await ask("/?FunctionName=Login&telesetNumber=1001&agentPassword=hunter2&agentID=S");
    expect(lines[0]).toContain("FunctionName=Login&telesetNumber=1001&agentPassword=***&agentID=S");
  });
});

test("an invalid range is an error at the start", () => {
  expect(() => bench({ allow: ["10.0.0.0/33"] })).toThrow("Cannot read the address range 10.0.0.0/33: expected");
  expect(() => bench({ registerAllow: ["10.0.0"] })).toThrow("Cannot read the address range 10.0.0: expected");
});
