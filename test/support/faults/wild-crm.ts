/**
 * A CRM with moods, as a real one has them when it is restarted, patched or overloaded: it appears and disappears on the same
 * port.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { parse } from "../../../src/platform/xml.ts";
import { quietPort } from "../ports.ts";

/**
 * What it does with a POST. `hangs`: reads it and keeps it, until the mood changes; then the connection is broken off.
 * `thinks`: the same, but then it is answered.
 */
export type Mood =
  | "answers"
  | "thinks"
  | "refuses"
  | "hangs"
  | "says 500"
  | "says 404"
  | "closes before the answer"
  | "closes mid-answer";

/** A POST that was received completely. */
export interface Post {
  readonly name: string;
  /** occtSourceID */
  readonly call: string;
  /** occtANI of a ScreenPop. */
  readonly ani: string | undefined;
  /** The mood that it met. Only `answers` confirms it for certain; `closes mid-answer` may have. */
  readonly mood: Mood;
}

/** A CRM on loopback that keeps the events that it gets. */
export class WildCrm {
  readonly posts: Post[] = [];
  readonly #onPost: (post: Post) => void;
  readonly #kept = new Set<ServerResponse>();
  readonly #waiters = new Set<() => void>();
  #server: Server | undefined;
  #mood: Mood = "answers";

  private constructor(readonly port: number, onPost: (post: Post) => void) {
    this.#onPost = onPost;
  }

  /** Opens a CRM in a good mood, on a port that stays its own while it refuses. */
  static async open(onPost: (post: Post) => void = () => {}): Promise<WildCrm> {
    const crm = new WildCrm(await quietPort(), onPost);
    await crm.#listen();
    return crm;
  }

  /** `ScreenPop`, ... of one call, or `ScreenPop CALL`, ... of all, in order of arrival. */
  received(call?: string): string[] {
    return this.posts.flatMap((post) =>
      call === undefined ? [`${post.name} ${post.call}`] : post.call === call ? [post.name] : []
    );
  }

  /** From now on it is in another mood. */
  async turn(mood: Mood): Promise<void> {
    for (const answer of this.#kept) {
      if (this.#mood === "thinks") this.#answer("answers", answer);
      else answer.destroy();
    }
    this.#mood = mood;
    this.#kept.clear();
    if (mood === "refuses") this.#refuse();
    else if (this.#server === undefined) await this.#listen();
  }

  /** Resolves as soon as the condition is met; it is checked after every POST. Rejects if it is not met in time. */
  until(test: (crm: this) => boolean, ms = 50_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiters.delete(ask);
        reject(new Error(`The CRM waits in vain; it has received: ${this.received().join(", ")}`));
      }, ms);
      const ask = () => {
        if (!test(this)) return;
        clearTimeout(late);
        this.#waiters.delete(ask);
        resolve();
      };
      this.#waiters.add(ask);
      ask();
    });
  }

  /** Ends the CRM. */
  close(): void {
    this.#refuse();
    for (const answer of this.#kept) answer.destroy();
    this.#kept.clear();
  }

  #refuse(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
  }

  #listen(): Promise<void> {
    const server = createServer((asked, answer) => this.#take(asked, answer));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", resolve);
    });
  }

  #take(asked: IncomingMessage, answer: ServerResponse): void {
    const parts: Buffer[] = [];
    asked.on("error", () => {});
    answer.on("error", () => {});
    asked.on("data", (part: Buffer) => parts.push(part));
    asked.on("end", () => {
      const post = { ...read(Buffer.concat(parts).toString()), mood: this.#mood };
      this.posts.push(post);
      this.#answer(post.mood, answer);
      this.#onPost(post);
      for (const waiter of [...this.#waiters]) waiter();
    });
  }

  #answer(mood: Mood, answer: ServerResponse): void {
    switch (mood) {
      case "answers":
        answer.writeHead(200, { "Content-Length": 0 }).end();
        break;
      case "says 500":
      case "says 404":
        answer.writeHead(Number(mood.slice(-3)), { "Content-Length": 0 }).end();
        break;
      case "closes mid-answer":
        answer.writeHead(200, { "Content-Length": 1000 });
        answer.write("<CCT", () => answer.destroy());
        break;
      case "thinks":
      case "hangs":
        this.#kept.add(answer);
        break;
      case "refuses":
      case "closes before the answer":
        answer.destroy();
    }
  }
}

function read(xml: string): Pick<Post, "name" | "call" | "ani"> {
  const event = parse(xml).root.children.find((child) => child.type === "element");
  const data: Record<string, string> = {};
  for (const child of event?.children ?? []) {
    if (child.type === "element") data[child.attributes["name"] ?? ""] = child.attributes["value"] ?? "";
  }
  return { name: event?.attributes["name"] ?? "", call: data["occtSourceID"] ?? "", ani: data["occtANI"] };
}
