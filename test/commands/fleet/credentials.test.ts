/** `telesetd fleet init`, `add`, `list` and `servers`: what is written, who may read it, what is refused. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addToFleet } from "../../../src/commands/fleet/add.ts";
import { initFleet, renewServers } from "../../../src/commands/fleet/init.ts";
import { listFleet } from "../../../src/commands/fleet/list.ts";
import { claimsIn } from "../../../src/fleet/jwt.ts";
import { Output, TestFleet } from "../../support/fleet.ts";
import { ownFolder } from "../../support/folder.ts";
import { run } from "../../support/run.ts";

setDefaultTimeout(60_000);

const site = ownFolder();
const root = join(import.meta.dir, "../../..");
const telesetd = [join(root, "node_modules/.bin/bun"), join(root, "src/main.ts")];

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((
    { parentPath, name },
  ) => join(parentPath, name));
}

const claimsOf = (credentials: string) => claimsIn(credentials.split("\n")[1] ?? "");

describe("fleet init", () => {
  test("makes keys, two relays and the servers' files, which only the owner may read", async () => {
    const fleet = await TestFleet.make(join(site, "init"));
    const names = filesBelow(fleet.folder).map((file) => file.slice(fleet.folder.length + 1)).filter((name) =>
      name !== "nats/test.conf"
    );
    expect(names.toSorted()).toEqual([
      "account.jwt",
      "credentials/relay-a.creds",
      "credentials/relay-b.creds",
      "desks.json",
      "fleet.json",
      "keys.json",
      "relays/relay-a.json",
      "relays/relay-b.json",
      "server/ca.pem",
      "server/nats-server.conf",
      "server/server.key",
      "server/server.pem",
      "users.json",
    ]);
    for (const name of names) expect([name, statSync(join(fleet.folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(statSync(fleet.folder).mode & 0o777).toBe(0o700);
  });

  test("writes the configuration of each relay, complete but for the switch", async () => {
    const fleet = await TestFleet.make(join(site, "relays"));
    await fleet.add("1001+1002");
    expect(JSON.parse(fleet.read("relays/relay-b.json"))).toMatchObject({
      relay: {
        name: "b",
        rank: 2,
        servers: [`tls://127.0.0.1:${fleet.port}`],
        ca: fleet.authority,
        credentials: fleet.credentials("relay-b"),
        desks: { file: "/etc/telesetd/desks.json" },
      },
      line: { driver: "freeswitch" },
    });
    expect(JSON.parse(fleet.read("desks.json"))).toEqual([{ extension: "1001" }, { extension: "1002" }]);
  });

  test("makes an ECDSA certificate for the servers' names, by its own authority", async () => {
    const folder = join(site, "certificate");
    const io = new Output();
    const server = ["nats1.example.com", "10.1.0.6:4333"];
    expect(await initFleet({ folder, server, prefix: "tele", serverFolder: "/etc/nats", serverState: "/var/lib/nats" }, io)).toBe(
      0,
    );
    const read = (name: string) => readFileSync(join(folder, "server", name), "utf8");
    const certificate = new X509Certificate(read("server.pem"));
    const authority = new X509Certificate(read("ca.pem"));
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(certificate.checkHost("nats1.example.com")).toBe("nats1.example.com");
    expect(certificate.checkIP("10.1.0.6")).toBe("10.1.0.6");
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(read("nats-server.conf")).toContain('"nats://nats1.example.com:6222"');
    // Nothing that the terminal or a log shows is secret.
    expect(io.text).not.toMatch(/S[OAU][A-Z2-7]{56}/);

    // A renewed certificate comes from the same authority, which the boxes have.
    expect(await renewServers(["nats3.example.com"], { folder }, io)).toBe(0);
    const renewed = new X509Certificate(read("server.pem"));
    expect(renewed.checkHost("nats3.example.com")).toBe("nats3.example.com");
    expect(renewed.verify(authority.publicKey)).toBe(true);
    expect(read("nats-server.conf")).not.toContain("cluster");
  });

  test("leaves a fleet that exists alone", async () => {
    const fleet = await TestFleet.make(join(site, "twice"));
    const before = fleet.read("keys.json");
    const io = new Output();
    const again = { folder: fleet.folder, server: ["x"], prefix: "tele", serverFolder: "/x", serverState: "/x" };
    expect(await initFleet(again, io)).toBe(2);
    expect(io.text).toContain("has a fleet already");
    expect(fleet.read("keys.json")).toBe(before);
  });

  test.each([
    [{ server: ["a b"] }, "The server a b is invalid"],
    [{ server: ["host:99999"] }, "The server host:99999 is invalid"],
    [{ prefix: "tele.>" }, "--prefix is tele.>"],
    [{ certificate: "/x" }, "needs all of --certificate, --key and --ca"],
    [{ certificate: "/x", key: "/x", ca: "/x" }, "Cannot read /x: ENOENT"],
  ])("refuses %j", async (wrong, why) => {
    const io = new Output();
    const options = {
      folder: join(site, "refused"),
      server: ["h"],
      prefix: "tele",
      serverFolder: "/x",
      serverState: "/x",
      ...wrong,
    };
    expect(await initFleet(options, io)).toBe(2);
    expect(io.text).toContain(why);
  });

  test("encrypts the keys with a passphrase from a pipe, which each command then asks for", async () => {
    const folder = join(site, "sealed");
    const fleet = (input: string, ...args: string[]) => run([...telesetd, "fleet", ...args, "--folder", folder], { input });
    expect((await fleet("short\n", "init", "--server", "h", "--passphrase")).err).toContain("The passphrase is too short");
    expect((await fleet("correct horse battery\n", "init", "--server", "h", "--passphrase")).code).toBe(0);
    expect(readFileSync(join(folder, "keys.json"), "utf8")).not.toMatch(/S[OAU][A-Z2-7]{56}|PRIVATE KEY/);
    expect(await fleet("wrong horse battery\n", "add", "1001")).toMatchObject({
      code: 2,
      err: expect.stringContaining("passphrase is wrong"),
    });
    expect((await fleet("correct horse battery\n", "add", "1001")).code).toBe(0);
  });
});

describe("fleet add", () => {
  test("issues a credential for a desk, or for the desks of one box", async () => {
    const fleet = await TestFleet.make(join(site, "add"));
    await fleet.add("1001", { group: "sales" });
    await fleet.add("1002+1003");
    expect(claimsOf(fleet.credentials("1001"))).toMatchObject({ name: "1001", nats: { tags: ["desk:1001"] } });
    expect(claimsOf(fleet.credentials("1002"))).toMatchObject({ name: "1002", nats: { tags: ["desk:1002", "desk:1003"] } });
    expect(fleet.io.text).not.toContain("SU");
    const io = new Output();
    await listFleet({ folder: fleet.folder }, io);
    expect(io.text).toMatch(/relay-a, issued .*\nrelay-b, .*\ndesk 1001, group sales, issued .*\ndesk 1002 with 1003, issued/);
  });

  test("issues those of a list", async () => {
    const fleet = await TestFleet.make(join(site, "csv"));
    const csv = join(fleet.folder, "desks.csv");
    const desks = Array.from({ length: 5000 }, (_, index) => `${2000 + index}`);
    writeFileSync(csv, `\uFEFFdesk;group\r\n${desks.map((desk) => `${desk};sales`).join("\r\n")}\r\n`);
    expect(await addToFleet(undefined, { folder: fleet.folder, csv }, fleet.io)).toBe(0);
    expect(fleet.io.text).toContain("Issued 5,000 credentials");
    expect(claimsOf(fleet.credentials("6999"))?.name).toBe("6999");
    expect(JSON.parse(fleet.read("users.json"))).toHaveLength(5002);
  });

  test("issues that of another relay", async () => {
    const fleet = await TestFleet.make(join(site, "relay"));
    await fleet.add("c", { relay: true });
    expect(claimsOf(fleet.credentials("relay-c"))?.name).toBe("relay-c");
  });

  test("writes the configuration of a box over what all boxes share", async () => {
    const fleet = await TestFleet.make(join(site, "image"));
    const shared = join(fleet.folder, "shared.json");
    writeFileSync(shared, JSON.stringify({ crm: { port: 5555 }, desks: [], line: { servers: ["elsewhere"] } }));
    await fleet.add("1001+1002", { imageConfig: shared });
    const keys = (JSON.parse(fleet.read("fleet.json")) as { keys: Record<string, string> }).keys;
    expect(JSON.parse(fleet.read("boxes/1001.json"))).toEqual({
      crm: { port: 5555 },
      desks: [{ extension: "1001" }, { extension: "1002" }],
      line: {
        driver: "relay",
        servers: [`tls://127.0.0.1:${fleet.port}`],
        ca: fleet.authority,
        credentials: fleet.credentials("1001"),
      },
      fleet: { configKey: keys["config"] },
    });
    expect(statSync(join(fleet.folder, "boxes/1001.json")).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["10a1", {}, '"10a1" is not a desk'],
    ["1001+", {}, "is not a desk"],
    ["1001+1001", {}, "Desk 1001 is listed twice"],
    ["1001", { group: "a/b" }, 'the group "a/b" is invalid'],
    ["../x", { relay: true }, "The relay's name is ../x"],
    ["1009", {}, "1009 exists already: --replace"],
    ["1008+1009", {}, "1009 exists already: --replace"],
    [undefined, {}, "Name a desk"],
    [undefined, { csv: "/nowhere" }, "Cannot read /nowhere: ENOENT"],
    ["1001", { imageConfig: "/nowhere" }, "Cannot read the settings in /nowhere"],
  ])("refuses %j with %j, and issues nothing", async (name, options, why) => {
    const folder = join(site, "wrong");
    const fleet = await TestFleet.make(join(folder, String(Math.random())));
    await fleet.add("1009");
    const before = fleet.read("users.json");
    expect(await addToFleet(name, { folder: fleet.folder, ...options }, fleet.io)).toBe(2);
    expect(fleet.io.text).toContain(why);
    expect(fleet.read("users.json")).toBe(before);
  });

  test("says where there is no fleet", async () => {
    const io = new Output();
    expect(await addToFleet("1001", { folder: join(site, "none") }, io)).toBe(2);
    expect(io.text).toContain("create one with telesetd fleet init");
  });
});
