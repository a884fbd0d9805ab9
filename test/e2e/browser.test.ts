/**
 * What a web page in a browser on the LAN can make telesetd do: a real Chromium on a separate machine (a network namespace), the
 * compiled daemon on this one. docs/browsers.md describes the consequences.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { attacks, reboundAttacks } from "../support/browser/attacks.ts";
import { chromium } from "../support/browser/chromium.ts";
import { Lan, noLan } from "../support/browser/lan.ts";
import { Round } from "../support/browser/round.ts";
import { binary } from "../support/daemon/box.ts";

setDefaultTimeout(120_000);

const missing = [
  existsSync(binary) ? "" : `${binary} does not exist, run ./scripts/build`,
  existsSync(chromium) ? "" : "chromium is not installed",
  noLan(),
].filter((reason) => reason !== "");
// One line, not one for each attack.
if (missing.length > 0) test.skip(`a web page in a browser on the LAN does not dial (skipped: ${missing.join("; ")})`, () => {});

const rebound = Object.keys(reboundAttacks);
const withoutReferrer = attacks.filter(({ referrer }) => !referrer);
const names = [...attacks.map(({ name }) => name), ...rebound];

/** The User-Agents of programs other than browsers, of UWQ, and of a browser without "Mozilla". */
const programs: Readonly<Record<string, readonly string[]>> = {
  "UWQ's Java": ["User-Agent=Java/1.8.0_202"],
  "UWQ's Java plug-in": ["User-Agent=Mozilla/4.0 (Windows 10 10.0) Java/1.8.0_202"],
  "a program without headers": [],
  "curl": ["User-Agent=curl/7.88.1", "Accept=*/*"],
  "an old Opera": ["User-Agent=Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18", "Accept-Language=en"],
};
const programNames = Object.keys(programs);

if (missing.length === 0) {
  describe("a web page in a browser on the LAN", () => {
    let lan: Lan;
    beforeAll(() => {
      lan = Lan.make();
    });
    afterAll(() => lan.remove());

    describe("against telesetd with nothing configured", () => {
      let round: Round;
      beforeAll(async () => {
        round = new Round(lan, { attacks });
        await round.play();
      });
      afterAll(() => round.end());

      test.each(names)("%s does not dial: whatever arrives of it gets 403", (name) => {
        for (const status of round.statuses(name)) expect(status).toBe(403);
        expect(round.dialled(name)).toBe(false);
      });

      test.each(["a fetch", "a form", "an image"])("%s does arrive, with and without a referrer", (name) => {
        const [plain, bare] = [round.answers(name)[0], round.answers(`${name}, without a referrer`)[0]];
        expect(plain?.headers["referer"]).toBeString();
        expect(bare?.headers).toBeObject();
        expect(bare?.headers["referer"]).toBeUndefined();
      });

      test("DNS rebinding does make the browser take telesetd for the page's own server, and so sends no Origin", () => {
        const [asked] = round.answers("a fetch after DNS rebinding");
        expect(asked?.headers["host"]).toStartWith("rebound.example:");
        expect(asked?.headers["origin"]).toBeUndefined();
      });

      test("the switch has received no originate before a program other than a browser asks for one", () => {
        expect(round.originates).toEqual([]);
      });

      test.each(programNames)("the same request by %s does dial", async (name) => {
        expect(await round.ask("/", name, programs[name] ?? [])).toEqual({ status: 200, dialled: true });
      });
    });

    describe("that hides its User-Agent, against telesetd with a secret path", () => {
      let round: Round;
      beforeAll(async () => {
        round = new Round(lan, { attacks: withoutReferrer, prefix: "/k3y", agent: "Java/1.8.0_202" });
        await round.play();
      });
      afterAll(() => round.end());

      test.each([...withoutReferrer.map(({ name }) => name), ...rebound])("%s does not dial: it gets 403 or 404", (name) => {
        for (const status of round.statuses(name)) expect(status).toBeOneOf([403, 404]);
        expect(round.dialled(name)).toBe(false);
      });

      test.each(programNames)("%s that does not know the path gets 404 and does not dial", async (name) => {
        expect(await round.ask("/", name, programs[name] ?? [])).toEqual({ status: 404, dialled: false });
      });

      test("UWQ, which knows the path, does dial", async () => {
        expect(await round.ask("/k3y/", "UWQ with the path", ["User-Agent=Java/1.8.0_202"])).toEqual({
          status: 200,
          dialled: true,
        });
      });
    });

    describe("that hides its User-Agent, against telesetd without a secret path", () => {
      const few = withoutReferrer.filter(({ name }) => /^an? (image|form|fetch), /.test(name));
      let round: Round;
      beforeAll(async () => {
        round = new Round(lan, { attacks: few, agent: "Java/1.8.0_202" });
        await round.play();
      });
      afterAll(() => round.end());

      test("an image without a referrer passes, so that the secret path is what stops it", () => {
        expect(round.statuses("an image, without a referrer")).toContain(200);
        expect(round.originates).not.toEqual([]);
      });

      test("a fetch gets 403 for its Origin, and what comes over a forwarded port of localhost for its Sec-Fetch-Site", () => {
        const [byOrigin] = round.answers("a fetch, without a referrer");
        const [bySite] = round.answers("an image, without a referrer, over a forwarded port of localhost");
        expect(byOrigin).toMatchObject({ status: 403, headers: { origin: expect.any(String) } });
        expect(bySite).toMatchObject({ status: 403, headers: { "sec-fetch-site": "cross-site" } });
      });

      test.each(rebound)("%s gets 403 for its Host", (name) => {
        for (const status of round.statuses(name)) expect(status).toBe(403);
        expect(round.dialled(name)).toBe(false);
      });
    });
  });
}
