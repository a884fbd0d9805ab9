/**
 * Metrics for Prometheus: text format 0.0.4 and OpenMetrics 1.0. Our own implementation, because every event is counted: a
 * counter is a plain number, and the start of its line is built once, not at each scrape.
 */

/** Text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), or OpenMetrics 1.0 (RFC draft of that name). */
export type Format = "text" | "openmetrics";

/** The Content-Type of each format. */
export const contentTypes: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** One metric with all its series. */
export interface Family {
  /** Including its unit and, for a counter, `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "info";
  readonly help: string;
  /** Its labels; the values of a label without a list come from the configuration or the build. */
  readonly labels: readonly Label<string>[];
  /** The lines of its series, each ending in a newline. */
  series(): string;
}

/** A label and its possible values; the list is closed, so that input cannot create series. */
export interface Label<V extends string> {
  readonly name: string;
  readonly values: readonly V[];
}

interface Cell {
  value: number;
  readonly start: string;
}

/** A counter, with one series per combination of label values; all exist from the start, at 0. */
export class Counter<A extends string = "", B extends string = ""> implements Family {
  readonly type = "counter";
  readonly labels: readonly Label<string>[];
  readonly #cells: Record<string, Record<string, Cell>> = Object.create(null);
  readonly #all: Cell[] = [];

  constructor(readonly name: string, readonly help: string, first?: Label<A>, second?: Label<B>) {
    this.labels = [first, second].flatMap((label) => (label ? [label] : []));
    const names = this.labels.map((label) => label.name);
    for (const a of first?.values ?? [""]) {
      const row: Record<string, Cell> = this.#cells[a] = Object.create(null);
      for (const b of second?.values ?? [""]) {
        const cell = { value: 0, start: startOf(name, names, [a, b]) };
        row[b] = cell;
        this.#all.push(cell);
      }
    }
  }

  /** Adds one. */
  add(a: A = "" as A, b: B = "" as B): void {
    const cell = this.#cells[a]?.[b];
    if (cell) cell.value += 1;
  }

  series(): string {
    let out = "";
    for (const { start, value } of this.#all) out += `${start}${value}\n`;
    return out;
  }
}

/** A histogram of durations. */
export class Histogram implements Family {
  readonly type = "histogram";
  readonly labels = [];
  readonly #starts: readonly string[];
  readonly #counts: number[];
  readonly #bounds: readonly number[];
  #sum = 0;

  /** @param bounds the upper bounds of its buckets, ascending. */
  constructor(readonly name: string, readonly help: string, bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
    this.#counts = this.#bounds.map(() => 0);
    this.#starts = this.#bounds.map((bound) => startOf(`${name}_bucket`, ["le"], [boundText(bound)]));
  }

  /** Adds a value. */
  observe(value: number): void {
    let at = 0;
    while (value > (this.#bounds[at] ?? Infinity)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  series(): string {
    let sum = 0;
    let out = "";
    this.#starts.forEach((start, at) => out += `${start}${sum += this.#counts[at] ?? 0}\n`);
    // Without rounding, the sum would show floating-point errors.
    return `${out}${this.name}_sum ${Number(this.#sum.toFixed(6))}\n${this.name}_count ${sum}\n`;
  }
}

/** The line of a series, up to its value. */
export function startOf(name: string, labels: readonly string[], values: readonly string[]): string {
  if (labels.length === 0) return `${name} `;
  return `${name}{${labels.map((label, at) => `${label}="${labelText(values[at] ?? "")}"`).join(",")}} `;
}

function labelText(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** OpenMetrics requires `1.0`; the text format uses it too, otherwise there would be two series. */
function boundText(bound: number): string {
  return bound === Infinity ? "+Inf" : Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

/** Writes all families. */
export function exposition(families: readonly Family[], format: Format): string {
  return `${families.map((family) => familyText(family, format)).join("")}${endOf(format)}`;
}

/** The same, one family in each turn of the event loop: thousands of series must not delay calls. */
export async function expositionInTurns(families: readonly Family[], format: Format): Promise<string> {
  let out = "";
  for (const family of families) {
    out += familyText(family, format);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return `${out}${endOf(format)}`;
}

function endOf(format: Format): string {
  return format === "text" ? "" : "# EOF\n";
}

function familyText(family: Family, format: Format): string {
  const { name, type, help } = family;
  const plain = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const escaped = format === "text" ? plain : plain.replaceAll('"', '\\"');
  // In OpenMetrics only samples have the suffix, the family does not; the text format has no type info.
  const shown = format === "text" ? name : name.replace(type === "counter" ? /_total$/ : type === "info" ? /_info$/ : /$^/, "");
  const kind = format === "text" && type === "info" ? "gauge" : type;
  return `# HELP ${shown} ${escaped}\n# TYPE ${shown} ${kind}\n${family.series()}`;
}

/** The preferred format of an Accept header (RFC 9110 section 12.5.1); the text format by default. */
export function formatFor(accept: string | undefined): Format {
  let best = 0;
  let text = 0;
  for (const range of (accept ?? "").toLowerCase().split(",")) {
    const [media = "", ...parameters] = range.split(";").map((part) => part.trim());
    const given = parameters.find((part) => part.startsWith("q="))?.slice(2);
    const quality = given === undefined ? 1 : /^[01](\.\d{0,3})?$/.test(given) ? Number(given) : 0;
    if (media === "application/openmetrics-text") best = Math.max(best, quality);
    else if (media === "text/plain") text = Math.max(text, quality);
  }
  return best > 0 && best >= text ? "openmetrics" : "text";
}
