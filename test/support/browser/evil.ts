/** The web server of an attacker who wants the desk's phone to dial: a page for each attack, and a record of those tried. */
import type { Server } from "bun";
import { type Attack, markOf, reboundAttacks } from "./attacks.ts";

/** Whom the pages attack, and how. */
export interface EvilOptions {
  readonly attacks: readonly Attack[];
  /** The address to listen on. */
  readonly host: string;
  /** The name that is made to point at the box. */
  readonly rebound: string;
  /** The port of telesetd. */
  readonly target: number;
  /** The callout of an attack with this mark, for a box of this name. */
  readonly callout: (host: string, mark: string) => string;
}

/**
 * Its driver page opens a window for the rebinding page, and when `go` is called, one for each attack. The rebinding page is
 * served on the port of telesetd, which therefore must not run before `rebinding` has resolved.
 */
export class Evil {
  /** The marks of the attacks whose pages have reported that they are done. */
  readonly done = new Set<string>();
  readonly #options: EvilOptions;
  readonly #server: Server<undefined>;
  readonly #rebinder: Server<undefined>;
  readonly #rebindingRuns = Promise.withResolvers<void>();
  /** How often the driver page has ticked: it does so forever, which also keeps Chromium's net log moving. */
  ticks = 0;
  #ticked = Promise.withResolvers<void>();
  readonly #go = Promise.withResolvers<void>();

  constructor(options: EvilOptions) {
    this.#options = options;
    const { host, target } = options;
    this.#server = Bun.serve({ hostname: host, port: 0, idleTimeout: 60, fetch: (asked) => this.#answer(new URL(asked.url)) });
    this.#rebinder = Bun.serve({ hostname: host, port: target, fetch: () => html(this.#rebindingPage(), "no-referrer") });
  }

  /** The page to open first. */
  get driver(): string {
    return `${this.#origin}/driver`;
  }

  get #origin(): string {
    return `http://${this.#options.host}:${this.#server.port}`;
  }

  /** Resolves when the browser has the rebinding page; its server is closed then, and telesetd can take the port. */
  async rebinding(): Promise<void> {
    await this.#rebindingRuns.promise;
    await this.#rebinder.stop(true);
  }

  /** Starts the attacks. */
  go(): void {
    this.#go.resolve();
  }

  /** Ends the server. */
  async close(): Promise<void> {
    await Promise.all([this.#server.stop(true), this.#rebinder.stop(true)]);
  }

  async #answer({ pathname, searchParams }: URL): Promise<Response> {
    const mark = searchParams.get("mark") ?? "";
    if (pathname === "/driver") return html(this.#driverPage(), "no-referrer");
    if (pathname === "/go") {
      if (mark === "rebinding") this.#rebindingRuns.resolve();
      await this.#go.promise;
      return new Response("go", { headers: { "Access-Control-Allow-Origin": "*" } });
    }
    if (pathname === "/tick") return await this.#tick();
    if (pathname === "/done") this.done.add(mark);
    if (pathname === "/done.js") {
      return javascript("const done = () => fetch('/done?mark=' + location.pathname.slice(1)).then(() => close())");
    }
    if (pathname === "/redirect") return Response.redirect(searchParams.get("to") ?? "", 302);
    const attack = this.#options.attacks.find(({ name }) => `/${markOf(name)}` === pathname);
    if (attack === undefined) return new Response(null, { status: 204 });
    const host = attack.over === "address" ? this.#options.host : "localhost";
    return html(attack.page(this.#options.callout(host, markOf(attack.name))), attack.referrer ? "unsafe-url" : "no-referrer");
  }

  /** Resolves when the driver page ticks next. */
  tick(): Promise<void> {
    return this.#ticked.promise;
  }

  async #tick(): Promise<Response> {
    this.ticks++;
    this.#ticked.resolve();
    this.#ticked = Promise.withResolvers<void>();
    await Bun.sleep(25);
    return new Response(null, { status: 204 });
  }

  #driverPage(): string {
    const { rebound, target, attacks } = this.#options;
    // An invisible tab loads no video: that attack gets its own window.
    const windows = attacks.map(({ name }) => `open("/${markOf(name)}", "", "${name.includes("video") ? "popup" : ""}");`);
    return `<script>
      let ticks = 0;
      const tick = () => fetch("/tick?" + ++ticks).then(tick);
      tick();
      open("http://${rebound}:${target}/");
      fetch("/go").then(() => { ${windows.join("\n")} });
    </script>`;
  }

  #rebindingPage(): string {
    const { rebound, callout } = this.#options;
    const steps = Object.entries(reboundAttacks).map(([name, code]) => `((mark) => ${code})(${JSON.stringify(markOf(name))})`);
    return `<script>
      const url = (mark) => ${JSON.stringify(callout(rebound, "MARK"))}.replace("MARK", mark);
      fetch("${this.#origin}/go?mark=rebinding").then(() => { ${steps.join(";\n")} });
    </script>`;
  }
}

function html(body: string, referrerPolicy: string): Response {
  const headers = { "Content-Type": "text/html; charset=utf-8", "Referrer-Policy": referrerPolicy, "Connection": "close" };
  return new Response(`<!DOCTYPE html><script src="/done.js"></script>\n${body}`, { headers });
}

function javascript(body: string): Response {
  return new Response(body, { headers: { "Content-Type": "text/javascript" } });
}
