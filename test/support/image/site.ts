/** What a box needs around it: a switch, a CRM, and the web server of the updates. For scripts/image-test. */
import { copyFileSync, createReadStream, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { hashPassword } from "../../../src/passwords.ts";
import { sendCallout, SmallCrm } from "../../../simulator/crm/mod.ts";
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { PageClient, password } from "../page/page.ts";
import { command } from "./machine.ts";

/** The host as the emulator's network shows it to the machine. */
const host = "10.0.2.2";

/** The site of one desk, 1001. */
export class ImageSite {
  readonly switch = new Simulator({});
  readonly #crm: SmallCrm;
  readonly #server = createServer((request, response) => this.#answer(request.url ?? "/", response));
  /** How many bytes of a file the server sends before it drops the connection; undefined: all. */
  cutAfter: number | undefined;
  readonly #folder: string;

  readonly #page: string;

  private constructor(folder: string, crm: SmallCrm, page: string) {
    this.#folder = folder;
    this.#crm = crm;
    this.#page = page;
  }

  /** @param folder what the update server serves. */
  static async open(folder: string): Promise<ImageSite> {
    const site = new ImageSite(folder, await SmallCrm.open(), await hashPassword(password));
    await site.switch.start();
    await new Promise<void>((resolve) => site.#server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  #answer(url: string, response: ServerResponse): void {
    const file = join(this.#folder, new URL(url, "http://update.test").pathname);
    if (!existsSync(file)) return void response.writeHead(404).end();
    const { size } = statSync(file);
    const { cutAfter = size } = this;
    response.writeHead(200, { "Content-Length": size });
    if (size <= cutAfter) return void createReadStream(file).pipe(response);
    const part = createReadStream(file, { end: cutAfter - 1 });
    part.on("end", () => response.socket?.destroySoon()).pipe(response, { end: false });
  }

  /** telesetd.json for this site; `more` adds keys. */
  configuration(more: Readonly<Record<string, unknown>> = {}): string {
    return JSON.stringify({
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", host, port: this.switch.port, password: "ClueCon", domain: "127.0.0.1" },
      http: { host: "0.0.0.0", port: 8090, allow: [host], monitorAllow: [host], page: { password: this.#page } },
      update: { url: `http://${host}:${(this.#server.address() as AddressInfo).port}` },
      ...more,
    });
  }

  /** Plays one call; returns the names of the events that the CRM got, within 60 s. */
  async call(port: number): Promise<string[]> {
    const from = this.#crm.events.length;
    const agent = { telesetNumber: "1001", agentID: "agent-1001", port: String(this.#crm.port) };
    await sendCallout(port, "/", { FunctionName: "Register", ...agent });
    const call = await this.switch.inbound({ from: "5551234567", to: "1001" });
    await this.#crm.until(from + 1, 60_000);
    const talk = call;
    await talk.answer();
    await this.#crm.until(from + 2, 60_000);
    await talk.callerHangsUp();
    await this.#crm.until(from + 3, 60_000);
    return this.#crm.events.slice(from).map(({ name }) => name);
  }

  /** Presses a button of the page about the image; returns what the page shows then. */
  async press(port: number, button: "update" | "rollback"): Promise<string> {
    const page = new PageClient(port);
    await page.login();
    await page.post(`/ui/image/${button}`, { token: await page.token() });
    return (await page.get("/ui/")).body;
  }

  /** What the page and /metrics say about the image. */
  async shown(port: number): Promise<string> {
    const page = new PageClient(port);
    await page.login();
    return [(await page.get("/ui/")).body, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()].join("\n");
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    this.#crm.close();
    this.switch.stop();
  }
}

/** Puts the update files of a build on the server, in place of others, under another version if one is given; signs the list. */
export function publish({ from, to, version, as = version, key, change = {} }: {
  /** The folder of the build, for example dist/image/amd64. */
  readonly from: string;
  /** The folder of the server: URL/CHANNEL/ARCHITECTURE. */
  readonly to: string;
  readonly version: string;
  readonly as?: string;
  /** The home of gpg with the secret key. */
  readonly key: string;
  /** Contents of files instead of those of the build, by the end of their names. */
  readonly change?: Readonly<Record<string, Uint8Array>>;
}): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((file) => file.endsWith(".gz"))) {
    const target = join(to, name.replace(`telesetd_${version}`, `telesetd_${as}`));
    const [, other] = Object.entries(change).find(([end]) => name.endsWith(end)) ?? [];
    if (other === undefined) copyFileSync(join(from, name), target);
    else writeFileSync(target, other);
  }
  sign(to, key);
}

/** Writes SHA256SUMS of a folder and its signature. */
export function sign(folder: string, key: string): void {
  command(["sh", "-c", `cd '${folder}' && sha256sum -- *.gz >SHA256SUMS`]);
  command([
    "gpg",
    "--homedir",
    key,
    "--quiet",
    "--batch",
    "--yes",
    "--detach-sign",
    "--output",
    join(folder, "SHA256SUMS.gpg"),
    join(folder, "SHA256SUMS"),
  ]);
}
