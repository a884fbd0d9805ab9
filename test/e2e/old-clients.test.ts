/** The whole daemon behind raw TCP: requests as old Java clients write them, and what MakeCall dials for them. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, cleanUp, complaint, dial } from "../support/httpclient.ts";
import { start } from "../support/daemon/acd-office.ts";

setDefaultTimeout(60_000);

const fixtures = join(import.meta.dir, "../fixtures/old-clients");
const agent = "A7";
const password = "gr\u00fc\u00dfe";

type Office = Awaited<ReturnType<typeof start>>;
let office: Office;

beforeAll(async () => {
  const hashes = { [agent]: await Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 8, timeCost: 1 }) };
  office = await start({
    more: { dial: { perMinute: 1000, registeredOnly: false }, agent: { verify: "config", passwordHashes: hashes } },
  });
  office.sim.handsetDoes = { does: "rejects", afterMs: 1 };
  await office.rig.callout("Register", { telesetNumber: "1001", agentID: agent, ipAddress: "127.0.0.1", port: "1" });
});
afterEach(cleanUp);
afterAll(() => office[Symbol.asyncDispose]());

/** Sends these bytes, in two parts at `cut` if given, and returns the answer. */
async function send(request: string | Buffer, cut?: number): Promise<Answer | undefined> {
  const bytes = Buffer.from(request as string, "latin1");
  const client = await dial(office.rig.app.port);
  client.socket.setNoDelay();
  client.send(bytes.subarray(0, cut ?? bytes.length));
  if (cut !== undefined) {
    // The daemon has read the first piece when a request on another connection, sent later, is answered.
    await (await dial(office.rig.app.port)).send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").answer();
    client.send(bytes.subarray(cut));
  }
  return await client.answer();
}

const seen = new Set<string>();

/** The numbers of the dials since this was asked last, once they are over. */
async function asked(): Promise<(string | undefined)[]> {
  await office.until("the dial to be over", () => office.desk()?.calls.length === 0);
  const fresh = (await office.dials()).filter(({ id }) => !seen.has(id));
  for (const { id } of fresh) seen.add(id);
  return fresh.map(({ number }) => number);
}

const makeCall = (dialString: string, name = "MakeCall") =>
  `GET /?FunctionName=${name}&telesetNumber=1001&agentID=${agent}&dialString=${dialString} HTTP/1.1\r\nHost: localhost:8090\r\n\r\n`;

describe("callouts.txt:", () => {
  const blocks = readFileSync(join(fixtures, "callouts.txt"), "utf8").split(/\n\n/).map((block) =>
    block.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  );
  const requests = blocks.map((lines) => ({
    request: lines.filter((line) => !line.startsWith(">")).map((line) => `${line}\r\n`).join("") + "\r\n",
    number: lines.map((line) => /the number asked for is (\+?\d+)/.exec(line)?.[1]).find((number) => number !== undefined),
  }));

  test("all are tested", () =>
    expect(requests.map(({ number }) => number)).toEqual([
      "+14155550123",
      "+14155550123",
      "4155550123",
      undefined,
      undefined,
      undefined,
      undefined,
    ]));

  test.each(requests.map(({ request, number }) => [request.split("\r\n")[0], request, number] as const))(
    "%s",
    async (_, request, number) => {
      for (const cut of [undefined, 1, 4, 5, 30, request.indexOf("\r\n") + 1, request.length - 1]) {
        expect(complaint(await send(request, cut))).toEqual([200, undefined]);
        if (number !== undefined) expect(await asked()).toEqual([number]);
      }
    },
  );

  test("all on one connection, in order", async () => {
    const client = await dial(office.rig.app.port);
    // The last is HTTP/1.0: it ends the connection.
    client.send(requests.filter(({ number }) => number === undefined).map(({ request }) => request).join(""));
    for (let i = 0; i < 4; i++) expect(complaint(await client.answer())).toEqual([200, undefined]);
    await client.closed;
  });
});

describe("dial-strings.tsv:", () => {
  const rows = readFileSync(join(fixtures, "dial-strings.tsv"), "utf8").split("\n").filter((line) => /^[^#].*\t/.test(line)).map(
    (line) => line.split("\t").map((field) => field.replace(/\\u(....)/g, (_, code) => String.fromCharCode(parseInt(code, 16)))),
  );
  const spellings: Record<string, (text: string) => string> = {
    "percent-encoded": encodeURIComponent,
    "as a form": (text) => new URLSearchParams({ x: text }).toString().slice(2),
    "unencoded": (text) => Buffer.from(text, "utf8").toString("latin1"),
    "encoded twice": (text) => encodeURIComponent(encodeURIComponent(text)),
  };

  test("all are tested", () => expect(rows.length).toBe(11));

  for (const [spelling, written] of Object.entries(spellings)) {
    for (const name of ["MakeCall", "DialCanonical"]) {
      test.each(rows)(`${name} ${spelling}: %p is %s`, async (text, number) => {
        const answer = await send(makeCall(written(text ?? ""), name));
        if (number === "refuse") {
          expect(complaint(answer)).toEqual([
            200,
            expect.stringMatching(/^Cannot dial ".*": . \(U\+00[0-9A-F]{2}\) is not dialable\./),
          ]);
          expect(await asked()).toEqual([undefined]);
        } else {
          expect(complaint(answer)).toEqual([200, undefined]);
          expect(await asked()).toEqual([number]);
        }
      });
    }
  }
});

describe("an old client's Login", () => {
  const login = (value: string) =>
    `GET /?FunctionName=Login&telesetNumber=1001&agentID=${agent}&agentPassword=${value} HTTP/1.0\r\n\r\n`;
  test.each([
    ["in windows-1252, encoded", "gr%FC%DFe"],
    ["in windows-1252, unencoded", "gr\xfc\xdfe"],
    ["in UTF-8, encoded", "gr%C3%BC%C3%9Fe"],
    ["in UTF-8, unencoded", "gr\xc3\xbc\xc3\x9fe"],
  ])("%s", async (_, value) => expect(complaint(await send(login(value)))).toEqual([200, undefined]));

  test("with another password is refused", async () => {
    expect(complaint(await send(login("gr%FC%DF")))).toEqual([200, "LoginFailed: agent or password is wrong."]);
  });
});
