/** Calls and deliveries of the last 24 hours, by hour, for the charts of the page. In memory only: they start with the process. */

/** An hour. */
interface Counts {
  /** The number of the hour since 1970. */
  readonly hour: number;
  calls: number;
  /** Deliveries by the bucket of their time. */
  readonly delivered: number[];
}

/** An hour as it is shown. */
export interface Hour {
  /** When it began (ISO 8601). */
  readonly at: string;
  /** Calls that ended. */
  readonly calls: number;
  /** Events that the CRM confirmed. */
  readonly delivered: number;
  /** Upper bounds of the time of half and of 95 % of these deliveries, in seconds; absent without a delivery. */
  readonly p50?: number;
  readonly p95?: number;
}

const hourMs = 3_600_000;
const kept = 24;

/** Counts by hour. */
export class Hours {
  readonly #bounds: readonly number[];
  readonly #wall: () => number;
  readonly #hours: Counts[] = [];

  /** @param bounds upper bounds of the buckets of a delivery, in seconds. @param wall the wall clock in ms. */
  constructor(bounds: readonly number[], wall: () => number = Date.now) {
    this.#bounds = bounds;
    this.#wall = wall;
  }

  /** A call has ended. */
  call(): void {
    this.#now().calls += 1;
  }

  /** The CRM has confirmed an event after this time. */
  delivered(seconds: number): void {
    const found = this.#bounds.findIndex((bound) => seconds <= bound);
    const bucket = found < 0 ? this.#bounds.length : found;
    const { delivered } = this.#now();
    delivered[bucket] = (delivered[bucket] ?? 0) + 1;
  }

  /** The last 24 hours, the oldest first. */
  list(): Hour[] {
    const last = Math.floor(this.#wall() / hourMs);
    return Array.from({ length: kept }, (_, index) => last - kept + 1 + index).map((hour) => {
      const { calls = 0, delivered = [] } = this.#hours.find((counts) => counts.hour === hour) ?? {};
      const total = delivered.reduce((sum, count) => sum + count, 0);
      const times = total === 0
        ? {}
        : { p50: this.#quantile(delivered, total * 0.5), p95: this.#quantile(delivered, total * 0.95) };
      return { at: new Date(hour * hourMs).toISOString(), calls, delivered: total, ...times };
    });
  }

  /** The upper bound of the bucket with this place; beyond the last bound, twice that. */
  #quantile(delivered: readonly number[], place: number): number {
    let sum = 0;
    const bucket = Array.from(delivered, (count = 0) => sum += count).findIndex((below) => below >= place);
    return this.#bounds[bucket] ?? 2 * (this.#bounds.at(-1) ?? 0);
  }

  #now(): Counts {
    const hour = Math.floor(this.#wall() / hourMs);
    const last = this.#hours.at(-1);
    if (last?.hour === hour) return last;
    // The wall clock may have been set back.
    const known = this.#hours.find((counts) => counts.hour === hour);
    if (known) return known;
    const counts: Counts = { hour, calls: 0, delivered: Array.from({ length: this.#bounds.length + 1 }, () => 0) };
    this.#hours.push(counts);
    if (this.#hours.length > kept) this.#hours.shift();
    return counts;
  }
}
