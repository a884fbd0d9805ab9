/** Reads channels over REST: one, with the facts that events do not show; or all of the desks, for a snapshot. */
import type { Log } from "../../src/log/log.ts";
import { evaluations, expressionsOf, peerExpressionsOf, type Reading, readingOf, readValues } from "./reading.ts";
import type { EndpointState } from "./phones.ts";
import type { Site } from "./site.ts";
import { type Channel, type Endpoint, readChannel, readEndpoint, readList, readObject, textOf } from "./wire/message.ts";
import { type Answer, refusalOf, type Rest } from "./wire/rest.ts";

type Evaluations = ReturnType<typeof evaluations>;

/** Up to this number of endpoints or channels each is asked for; of more, the list of the whole switch is read. */
const maxSingly = 12;

/** A live channel of a desk, and what was read of it. */
export interface Seen {
  readonly channel: Channel;
  /** Undefined if it could not be read. */
  readonly reading: Reading | undefined;
}

/** What the switch shows of the desks. */
export interface Shown {
  readonly channels: readonly Seen[];
  readonly endpoints: readonly EndpointState[];
}

/** Reads on one connection. */
export class Reader {
  readonly #rest: Pick<Rest, "get">;
  readonly #site: Site;
  readonly #log: Log;
  readonly #own: Evaluations;
  /** The switch lacks func_strings or func_uri. */
  #singly = false;

  constructor(rest: Pick<Rest, "get">, site: Site, log: Log) {
    this.#rest = rest;
    this.#site = site;
    this.#log = log;
    this.#own = evaluations(expressionsOf(site.variables));
  }

  /** Reads a channel; undefined if there is no such channel, or it cannot be read. Rejects with NoAnswer. */
  async read(id: string): Promise<Reading | undefined> {
    const values = await this.#values(id, this.#own);
    if (!values) return undefined;
    const peer = evaluations(peerExpressionsOf(values));
    const reading = readingOf(values, this.#site.variables, peer.length > 0 ? await this.#values(id, peer) : undefined);
    return reading.id === id ? reading : undefined;
  }

  /** Reads a channel that may be alive; undefined if it is not. Rejects as `all`. */
  async one(id: string): Promise<Seen | undefined> {
    const channel = await this.#channel(id);
    return channel && { channel, reading: await this.read(id) };
  }

  /**
   * Reads the endpoints of the desks and their live channels. Rejects with NoAnswer, or an Error for people if the switch does not
   * answer a question: a live channel must not be mistaken for one that has ended.
   * @param known further channels that may be alive.
   */
  async all(known: readonly string[]): Promise<Shown> {
    const { technology, desks } = this.#site;
    const names = desks.flatMap(({ extension, endpoints }) => endpoints.map((name) => ({ desk: extension, name })));
    const listed = names.length <= maxSingly
      ? await Promise.all(names.map(({ name }) => this.#endpoint(name)))
      : await this.#endpoints();
    const byName = new Map(listed.flatMap((endpoint) => endpoint ? [[endpoint.resource, endpoint] as const] : []));
    const endpoints = names.map(({ desk, name }) => ({ desk, endpoint: name, state: byName.get(name)?.state ?? "missing" }));
    const ids = new Set([...names.flatMap(({ name }) => byName.get(name)?.channels ?? []), ...known]);
    const channels = ids.size <= maxSingly
      ? await Promise.all([...ids].map((id) => this.#channel(id)))
      : (await this.#list(`channels`)).map(readChannel).filter((channel) => channel && ids.has(channel.id));
    const live = channels.filter((channel) => channel !== undefined);
    const seen = await Promise.all(live.map(async (channel) => ({ channel, reading: await this.read(channel.id) })));
    this.#log.debug("Read the switch's channels", { technology, channels: seen.length });
    return { channels: seen, endpoints };
  }

  /** The values of these expressions; undefined if they cannot be read. */
  async #values(id: string, texts: Evaluations): Promise<ReadonlyMap<string, string> | undefined> {
    const values = this.#singly ? undefined : await this.#evaluated(id, texts);
    return values ?? (this.#singly ? await this.#each(id, texts.flatMap(([, expressions]) => expressions)) : undefined);
  }

  async #evaluated(id: string, texts: Evaluations): Promise<ReadonlyMap<string, string> | undefined> {
    const answers = await Promise.all(texts.map(([text]) => this.#variable(id, text)));
    // "Channel not found" is the answer for a channel that has ended.
    if (answers.some(({ status, text }) => status === 500 || (status === 404 && !/channel not found/i.test(text)))) {
      this.#singly = true;
      this.#log.rarely("no eval").warning(
        "Asterisk cannot read several variables at once: load func_strings and func_uri, so that calls are reported faster",
        { says: refusalOf(answers[0] as Answer) },
      );
      return undefined;
    }
    const values = answers.map(({ ok, text }, index) => {
      const [, expressions = []] = texts[index] ?? [];
      return ok ? readValues(textOf(readObject(text)?.["value"]), expressions) : undefined;
    });
    return values.every((some) => some !== undefined) ? new Map(values.flatMap((some) => [...some])) : undefined;
  }

  async #each(id: string, expressions: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const values = await Promise.all(expressions.map(async (expression) => {
      const { ok, text } = await this.#variable(id, expression);
      return [expression, ok ? textOf(readObject(text)?.["value"]) : ""] as const;
    }));
    return new Map(values);
  }

  #variable(id: string, variable: string): Promise<Answer> {
    return this.#rest.get(`channels/${encodeURIComponent(id)}/variable`, { variable });
  }

  async #endpoint(name: string): Promise<Endpoint | undefined> {
    const path = `endpoints/${encodeURIComponent(this.#site.technology)}/${encodeURIComponent(name)}`;
    return readEndpoint(await this.#object(path));
  }

  async #endpoints(): Promise<(Endpoint | undefined)[]> {
    return (await this.#list(`endpoints/${encodeURIComponent(this.#site.technology)}`)).map(readEndpoint);
  }

  async #channel(id: string): Promise<Channel | undefined> {
    return readChannel(await this.#object(`channels/${encodeURIComponent(id)}`));
  }

  /** An object of the switch; undefined if there is none. */
  async #object(path: string): Promise<unknown> {
    const answer = await this.#rest.get(path);
    if (answer.status === 404) return undefined;
    const object = answer.ok ? readObject(answer.text) : undefined;
    if (!object) throw new Error(`Asterisk does not answer the question for ${path} (${refusalOf(answer)})`);
    return object;
  }

  async #list(path: string): Promise<readonly unknown[]> {
    const answer = await this.#rest.get(path);
    const list = answer.ok ? readList(answer.text) : undefined;
    if (!list) throw new Error(`Asterisk does not answer the question for ${path} (${refusalOf(answer)})`);
    return list;
  }
}
