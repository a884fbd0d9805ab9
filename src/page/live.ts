/**
 * Live updates: server-sent events with the parts of a view that have changed, as HTML. Each part is rendered once for all open
 * pages, and only if its model has changed; the busier the daemon, the longer the pause between two updates.
 */

/** A part of a view that changes while the page is open. Its HTML is the same for all sessions. */
export interface LivePart {
  /** The id of its element. */
  readonly id: string;
  /** Its HTML now; the same text as before if nothing has changed. */
  html(): string;
  /** It costs more than a few calls do: it is updated at most once a second, in a separate turn of the event loop. */
  readonly slow: boolean;
  /** It is sent at the start of a stream only: afterwards elements are appended to it. */
  readonly grows: boolean;
}

/** A part with a model: rendered again only when the model is another. */
export function livePart<M>(
  id: string,
  model: () => M,
  render: (model: M) => unknown,
  { slow = false, grows = false } = {},
): LivePart {
  let known: { readonly json: string; readonly html: string } | undefined;
  const html = (): string => {
    const now = model();
    const json = JSON.stringify(now);
    if (known?.json !== json) known = { json, html: String(render(now)) };
    return known.html;
  };
  return { id, html, slow, grows };
}

/** The parts of each view, by its name. */
export type LiveViews = Readonly<Record<string, readonly LivePart[]>>;

/** What the updates need. */
export interface LiveOptions {
  /** The parts of a view: of a function the same objects each time. */
  readonly views: LiveViews | ((view: string) => readonly LivePart[]);
  /** The maximum number of open streams. */
  readonly maxStreams: number;
  /** Milliseconds of a clock that measures rendering. */
  readonly clock?: () => number;
}

/** An open stream. */
interface Stream {
  readonly view: string;
  /** What was sent of each part. */
  readonly sent: Map<string, string>;
  /** Whether its session still exists. */
  readonly mayStay: () => boolean;
  send(event: string, data: unknown): void;
  end(): void;
}

/** The pause between a change and its update, and between two updates, in ms; the longest pause for a slow box. */
const firstMs = 30;
const pauseMs = 150;
const maxPauseMs = 3000;

/** The pause between two updates of slow parts, in ms. */
const slowPauseMs = 1000;

/** The part of the time that rendering may take: one in this many. */
const maxShare = 40;

/** How often ages are updated and sessions checked while a stream is open, in ms. */
export const beatMs = 5000;

/** How much may wait for a slow browser, in bytes: for more, the stream is closed, and the browser connects again. */
const maxQueuedBytes = 1_048_576;

/** The open streams of all pages. */
export class Live {
  readonly #options: LiveOptions;
  readonly #clock: () => number;
  readonly #streams = new Set<Stream>();
  #update: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #slowUpdate: ReturnType<typeof setTimeout> | undefined;
  /** When the last update ended, and the pause after it; the same for slow parts. */
  #last = { at: -Infinity, pause: pauseMs };
  #lastSlow = { at: -Infinity, pause: slowPauseMs };

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  /** The number of open streams. */
  get size(): number {
    return this.#streams.size;
  }

  /** Something may have changed: costs nothing while no page is open. */
  changed(): void {
    if (this.#streams.size === 0) return;
    const now = this.#clock();
    const next = ({ at, pause }: { readonly at: number; readonly pause: number }): number => Math.max(firstMs, at + pause - now);
    this.#update ??= setTimeout(() => this.#flush(), next(this.#last));
    this.#slowUpdate ??= setTimeout(() => void this.#flushSlow(), next(this.#lastSlow));
  }

  /** Adds elements at the end of a part, for lists that only grow. */
  append(view: string, id: string, html: string): void {
    for (const stream of this.#streams) if (stream.view === view) stream.send("append", { id, html });
  }

  /**
   * A stream of a view's updates, which begins with all its parts; undefined if there are too many streams.
   * @param mayStay whether the session still exists. @param cut closes the connection of a slow browser.
   */
  respond(view: string, mayStay: () => boolean, cut: () => void): Response | undefined {
    if (this.#streams.size >= this.#options.maxStreams) return undefined;
    let stream: Stream | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        stream = this.#open(view, mayStay, controller, cut);
        this.#sendParts(stream);
      },
      cancel: () => void (stream && this.#leave(stream)),
    }, new ByteLengthQueuingStrategy({ highWaterMark: maxQueuedBytes }));
    return new Response(body, {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
    });
  }

  /** Ends all streams. */
  end(): void {
    clearTimeout(this.#update);
    clearTimeout(this.#slowUpdate);
    for (const stream of this.#streams) stream.end();
  }

  #open(view: string, mayStay: () => boolean, controller: ReadableStreamDefaultController<Uint8Array>, cut: () => void): Stream {
    const encoder = new TextEncoder();
    const stream: Stream = {
      view,
      mayStay,
      sent: new Map(),
      send: (event, data) => {
        if (!this.#streams.has(stream)) return;
        if ((controller.desiredSize ?? 0) <= 0) {
          this.#leave(stream);
          return cut();
        }
        controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      },
      end: () => {
        if (this.#leave(stream)) controller.close();
      },
    };
    this.#streams.add(stream);
    this.#beat ??= setInterval(() => this.#onBeat(), beatMs);
    // The header is sent with the first bytes.
    stream.send("beat", Date.now());
    return stream;
  }

  #leave(stream: Stream): boolean {
    const left = this.#streams.delete(stream);
    if (this.#streams.size === 0) {
      clearInterval(this.#beat);
      this.#beat = undefined;
    }
    return left;
  }

  /** Ages change without an event; a browser that gets no beat connects again. */
  #onBeat(): void {
    for (const stream of this.#streams) {
      if (stream.mayStay()) stream.send("beat", Date.now());
      else {
        stream.send("over", null);
        stream.end();
      }
    }
    this.changed();
  }

  #flush(): void {
    this.#update = undefined;
    const before = this.#clock();
    for (const part of this.#parts(false)) this.#sendPart(part);
    this.#last = this.#pauseAfter(this.#clock() - before, pauseMs);
  }

  async #flushSlow(): Promise<void> {
    let cost = 0;
    for (const part of this.#parts(true)) {
      const before = this.#clock();
      this.#sendPart(part);
      cost += this.#clock() - before;
      // Events come first.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#lastSlow = this.#pauseAfter(cost, slowPauseMs);
    this.#slowUpdate = undefined;
  }

  #pauseAfter(cost: number, least: number): { readonly at: number; readonly pause: number } {
    return { at: this.#clock(), pause: Math.min(maxPauseMs, Math.max(least, cost * maxShare)) };
  }

  /** The parts of the views that somebody looks at. */
  #parts(slow: boolean): LivePart[] {
    const views = new Set([...this.#streams].map(({ view }) => view));
    return [...views].flatMap((view) => this.#partsOf(view)).filter((part) => part.slow === slow && !part.grows);
  }

  #partsOf(view: string): readonly LivePart[] {
    const { views } = this.#options;
    return typeof views === "function" ? views(view) : views[view] ?? [];
  }

  #sendPart(part: LivePart): void {
    const html = part.html();
    for (const stream of this.#streams) {
      if (this.#partsOf(stream.view).includes(part)) this.#sendTo(stream, part.id, html);
    }
  }

  #sendTo(stream: Stream, id: string, html: string): void {
    if (stream.sent.get(id) === html) return;
    stream.sent.set(id, html);
    stream.send("part", { id, html });
  }

  #sendParts(stream: Stream): void {
    for (const part of this.#partsOf(stream.view)) this.#sendTo(stream, part.id, part.html());
  }
}
