/** The page on a real listener, with made-up state, and an HTTP client that sends any header. */
import { request } from "node:http";
import { hashPassword } from "../../../src/passwords.ts";
import { Sessions } from "../../../src/page/sessions.ts";
import type { PageSource } from "../../../src/page/source.ts";
import type { Status } from "../../../src/status/status.ts";
import { open } from "../httpclient.ts";

/** The password of the page. */
export const password = "correct horse";

let hash: Promise<string> | undefined;

/** The status of a box where all is well. */
export const wellStatus: Status = {
  version: "0.0.0",
  config: "0000",
  upSeconds: 60,
  desks: [{
    extension: "1001",
    switch: "up",
    phone: "registered",
    registered: { agent: "SMITH", at: "10.1.2.3:5555" },
    agents: [],
    calls: [],
  }],
  outbox: { waiting: 0 },
  refused: [],
};

function* noPages(): Generator<never[]> {}

/** A source without calls and events. */
const quietSource: PageSource = {
  status: () => wellStatus,
  liveCalls: () => [],
  calls: { pages: noPages, find: () => ({ status: 404, why: "There is no such call." }) },
  outbox: {
    pages: noPages,
    retry: () => ({ status: 404, why: "There is no such event." }),
    retryAll: () => Promise.resolve({ retried: 0, full: false }),
    drop: () => ({ status: 404, why: "There is no such event." }),
  },
  dials: () => [],
  hours: () => [],
  settings: [],
  follow: () => () => {},
};

/** Opens a listener with the page. `now`: the steady clock. */
export async function openPage(
  { source = {}, allow = ["127.0.0.0/8"], now = () => 0, maxStreams = 4, loggedIn }: {
    readonly source?: Partial<PageSource>;
    readonly allow?: readonly string[];
    readonly now?: () => number;
    readonly maxStreams?: number;
    readonly loggedIn?: (result: string) => void;
  } = {},
): Promise<PageClient> {
  const { port } = await open({
    page: {
      password: await (hash ??= hashPassword(password)),
      allow,
      sessions: new Sessions(now),
      maxStreams,
      source: { ...quietSource, ...source },
      ...(loggedIn ? { loggedIn } : {}),
    },
    callouts: { now },
  });
  return new PageClient(port);
}

/** An answer. */
export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

type Headers = Readonly<Record<string, string | undefined>>;

/** A browser's requests, without a browser: a cookie and the headers that browsers send. */
export class PageClient {
  readonly port: number;
  cookie = "";

  constructor(port: number) {
    this.port = port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** A header with the value undefined is not sent. */
  send(method: string, path: string, headers: Headers = {}, body = ""): Promise<Got> {
    const { host } = this;
    const given: Headers = { host, accept: "text/html", ...(this.cookie ? { cookie: this.cookie } : {}), ...headers };
    const sent = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Record<string, string>;
    return new Promise((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port: this.port, method, path, headers: sent, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => text += part).on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      asked.on("error", reject);
      asked.end(body);
    });
  }

  get(path: string, headers: Headers = {}): Promise<Got> {
    return this.send("GET", path, headers);
  }

  /** A form of the page itself, unless the headers say otherwise. */
  post(path: string, form: Readonly<Record<string, string>>, headers: Headers = {}): Promise<Got> {
    const body = new URLSearchParams(form).toString();
    const type = { "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length) };
    return this.send("POST", path, { origin: `http://${this.host}`, ...type, ...headers }, body);
  }

  /** Logs in and keeps the cookie. */
  async login(text: string = password): Promise<Got> {
    const got = await this.post("/ui/login", { password: text });
    this.cookie = String(got.headers["set-cookie"] ?? "").split(";")[0] ?? "";
    return got;
  }

  /** The token in the forms of a page. */
  async token(): Promise<string> {
    return /name="token" value="([^"]+)"/.exec((await this.get("/ui/")).body)?.[1] ?? "";
  }
}
