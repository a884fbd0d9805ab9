/** Who gets to see the page, and what other web pages cannot make a browser do with it. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cleanUp, open } from "../support/httpclient.ts";
import { openPage, PageClient, password } from "../support/page/page.ts";

setDefaultTimeout(60_000);
afterEach(cleanUp);

const hour = 3_600_000;

test("nothing of it exists unless it is configured", async () => {
  const page = new PageClient((await open()).port);
  for (const path of ["/ui", "/ui/", "/ui/login", "/ui/live", "/ui/assets/live.js"]) {
    expect((await page.get(path)).status).toBe(404);
    expect((await page.post(path, { password })).status).toBe(403);
  }
});

describe("without a session", () => {
  test("a person gets the log-in, and comes back to the view", async () => {
    const page = await openPage();
    expect(await page.get("/ui/")).toMatchObject({ status: 303, headers: { location: "/ui/login" } });
    expect(await page.get("/ui/calls")).toMatchObject({ status: 303, headers: { location: "/ui/login?to=%2Fui%2Fcalls" } });
    expect((await page.get("/ui/login?to=/ui/calls")).body).toContain('name="to" value="/ui/calls"');
    expect(await page.post("/ui/login", { password, to: "/ui/calls" })).toMatchObject({
      status: 303,
      headers: { location: "/ui/calls" },
    });
  });

  test.each(["https://evil.example/", "//evil.example", "/", "/?FunctionName=Ready", "/ui/../", "/ui/%2e%2e/", "/ui/\\evil", ""])(
    "the log-in leads nowhere else: %j",
    async (to) => {
      const page = await openPage();
      expect((await page.post("/ui/login", { password, to })).headers["location"]).toBe("/ui/");
      expect((await page.get(`/ui/login?to=${encodeURIComponent(to)}`)).body).toContain('name="to" value="/ui/"');
    },
  );

  test("a script and a stream get 401, a form the log-in, and no state", async () => {
    const page = await openPage();
    for (const path of ["/ui/live?view=overview", "/ui/session", "/ui/"]) {
      expect(await page.get(path, { accept: "*/*" })).toMatchObject({ status: 401, body: "Log in first.\n" });
    }
    expect((await page.post("/ui/events/retry", { token: "" }, { accept: "*/*" })).status).toBe(401);
    expect((await page.post("/ui/events/retry", { token: "" })).headers["location"]).toBe("/ui/login");
  });
});

describe("a session", () => {
  test("has a cookie that no script reads and no other site sends", async () => {
    const page = await openPage();
    const { headers } = await page.login();
    expect(String(headers["set-cookie"])).toMatch(
      /^telesetd_session_\d+=[\w-]{43}; Max-Age=43200; Path=\/ui\/; HttpOnly; SameSite=Strict$/,
    );
    expect((await page.get("/ui/")).status).toBe(200);
  });

  test("of two boxes on one host: a browser, which sends all cookies of a host to each port, stays logged in to both", async () => {
    const [one, other] = [await openPage(), await openPage()];
    const jar = new Map<string, string>();
    for (const page of [one, other]) {
      await page.login();
      const [name = "", value = ""] = page.cookie.split("=");
      jar.set(name, value);
    }
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    for (const page of [one, other]) expect((await page.get("/ui/", { cookie })).status).toBe(200);
  });

  test("has a cookie for TLS alone behind a proxy with TLS", async () => {
    const page = await openPage();
    const { headers } = await page.post("/ui/login", { password }, { origin: `https://${page.host}` });
    expect(String(headers["set-cookie"])).toContain("; Secure");
  });

  test("ends at the log-out: its cookie cannot be replayed", async () => {
    const page = await openPage();
    await page.login();
    const stolen = page.cookie;
    const { status, headers } = await page.post("/ui/logout", { token: await page.token() });
    expect([status, headers["location"]]).toEqual([303, "/ui/login"]);
    expect(String(headers["set-cookie"])).toStartWith(`telesetd_session_${page.port}=; Max-Age=0`);
    expect((await page.get("/ui/", { cookie: stolen })).status).toBe(303);
    expect((await page.get("/ui/live", { cookie: stolen, accept: "*/*" })).status).toBe(401);
  });

  test("ends after 12 hours, used or not", async () => {
    let now = 0;
    const page = await openPage({ now: () => now });
    await page.login();
    now = 12 * hour - 1;
    expect((await page.get("/ui/")).status).toBe(200);
    now = 12 * hour;
    expect((await page.get("/ui/")).status).toBe(303);
  });

  test("is known to this daemon alone, so that a restart with another password ends it", async () => {
    const before = await openPage();
    await before.login();
    const after = await openPage();
    expect((await after.get("/ui/", { cookie: before.cookie })).status).toBe(303);
  });

  test("is one of at most 32: another one ends the oldest", async () => {
    let now = 0;
    const page = await openPage({ now: () => now });
    await page.login();
    const first = page.cookie;
    for (let i = 0; i < 32; i++) {
      now += 1000;
      await page.login();
    }
    expect((await page.get("/ui/", { cookie: first })).status).toBe(303);
    expect((await page.get("/ui/")).status).toBe(200);
  });
});

describe("a change needs the token of its session:", () => {
  test.each([
    ["none", {}],
    ["an empty one", { token: "" }],
    ["a guessed one", { token: "A".repeat(43) }],
  ])("%s is refused", async (_, form) => {
    const page = await openPage();
    await page.login();
    expect((await page.post("/ui/logout", form)).status).toBe(403);
    expect((await page.get("/ui/")).status).toBe(200);
  });

  test("the token of another session, and the own token without the cookie, are refused", async () => {
    const page = await openPage();
    await page.login();
    const token = await page.token();
    const another = new PageClient(page.port);
    await another.login();
    expect((await another.post("/ui/logout", { token })).status).toBe(403);
    expect((await new PageClient(page.port).post("/ui/events/retry", { token })).headers["location"]).toBe("/ui/login");
  });

  test("a token in the URL does not count", async () => {
    const page = await openPage();
    await page.login();
    expect((await page.post(`/ui/logout?token=${await page.token()}`, {})).status).toBe(403);
  });
});

describe("refused, with a session or without:", () => {
  const foreign: readonly [string, "GET" | "POST", Record<string, string | undefined>][] = [
    ["a form of another site", "POST", { origin: "http://evil.example" }],
    ["a form of another port of this box", "POST", { origin: "http://127.0.0.1:1" }],
    ["a form of a sandboxed page", "POST", { origin: "null" }],
    ["a form without an Origin", "POST", { origin: undefined }],
    ["a fetch of another site", "GET", { origin: "http://evil.example" }],
    ["a name that points at the box (DNS rebinding)", "GET", { host: "evil.example" }],
    ["the same with a form", "POST", { host: "evil.example", origin: "http://evil.example" }],
    ["a picture on another site", "GET", {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "no-cors",
      "sec-fetch-dest": "image",
    }],
    ["a frame on another site", "GET", {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "iframe",
    }],
    ["a form of another site by Sec-Fetch-Site", "POST", { "sec-fetch-site": "cross-site" }],
    ["a page on another port by Sec-Fetch-Site", "GET", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }],
  ];
  test.each(foreign)("%s", async (_, method, headers) => {
    const page = await openPage();
    await page.login();
    const token = await page.token();
    const got = method === "GET" ? await page.get("/ui/", headers) : await page.post("/ui/logout", { token }, headers);
    expect(got.status).toBe(403);
    expect(got.body).not.toContain("Desk 1001");
    expect((await page.get("/ui/")).status).toBe(200);
    expect((await page.post("/ui/login", { password }, headers)).status).toBe(403);
  });

  test("a link on another site may lead here, to the log-in, since it brings no cookie", async () => {
    const page = await openPage();
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    expect((await page.get("/ui/login", link)).status).toBe(200);
  });

  test("an address that is not allowed, before anything else", async () => {
    const page = await openPage({ allow: ["10.0.0.0/8"] });
    expect(await page.get("/ui/login")).toMatchObject({
      status: 403,
      body: "Requests from 127.0.0.1 may not open the page: list the address in http.page.allow.\n",
    });
  });

  test("other methods", async () => {
    const page = await openPage();
    for (const method of ["PUT", "DELETE", "OPTIONS", "PATCH"]) expect((await page.send(method, "/ui/")).status).toBe(405);
  });

  test("more requests than open pages send", async () => {
    const page = await openPage();
    const all = await Promise.all(Array.from({ length: 20 }, async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 25; i++) statuses.push((await page.get("/ui/login")).status);
      return statuses;
    }));
    expect(all.flat().filter((status) => status === 200)).toHaveLength(400);
    expect(all.flat().filter((status) => status === 429)).toHaveLength(100);
  });
});

test("guessing: five wrong passwords lock an address out for 5 minutes, also for the right one", async () => {
  let now = 0;
  const results: string[] = [];
  const page = await openPage({ now: () => now, loggedIn: (result) => results.push(result) });
  for (let i = 0; i < 5; i++) expect((await page.login("wrong")).status).toBe(401);
  const locked = await page.login();
  expect(locked.status).toBe(429);
  expect(locked.body).toContain("Too many wrong passwords: try again in 5 minutes.");
  now = 5 * 60_000;
  expect((await page.login()).status).toBe(303);
  expect(results).toEqual(["wrong", "wrong", "wrong", "wrong", "wrong", "locked", "ok"]);
});

test("guessing from many addresses is slow too: all together may try once a second", async () => {
  const page = await openPage({ allow: ["127.0.0.0/8"] });
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) statuses.push((await page.login()).status);
  expect(statuses.filter((status) => status === 303)).toHaveLength(10);
  expect(statuses.slice(10)).toEqual([429, 429]);
});

test("a long password is not hashed as a whole, and a form with a large body is refused", async () => {
  const page = await openPage();
  expect((await page.login("x".repeat(5000))).status).toBe(401);
  expect((await page.post("/ui/login", { password: "x".repeat(20_000) })).status).toBe(413);
});

test("every answer forbids inline code and style, other hosts, frames, and copies", async () => {
  const page = await openPage();
  await page.login();
  for (const path of ["/ui/", "/ui/login", "/ui/none", "/ui/assets/style.css"]) {
    const { headers } = await page.get(path);
    const csp = String(headers["content-security-policy"]);
    expect(csp.split("; ")).toEqual([
      "default-src 'none'",
      ...["script-src", "style-src", "img-src", "connect-src", "form-action"].map((name) => `${name} ${page.host}/ui/`),
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(headers).toMatchObject({
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(headers["cache-control"]).toBe(path.includes("assets") ? "max-age=31536000, immutable" : "no-store");
    expect(headers["connection"]).toBe("close");
  }
});

test("the callouts' rule is unchanged: what comes from the page is a browser, and is refused at /", async () => {
  const page = await openPage();
  await page.login();
  const callout = "/?FunctionName=MakeCall&telesetNumber=1001&agentID=SMITH&dialString=911";
  const agent = { "user-agent": "Mozilla/5.0" };
  expect((await page.get(callout, agent)).status).toBe(403);
  // A browser that hides what it is sends its Referer, by the page's own policy.
  expect((await page.get(callout, { "user-agent": "x", referer: `http://${page.host}/ui/` })).status).toBe(403);
  expect((await page.post(callout, {}, { "user-agent": "x" })).status).toBe(403);
});
