/**
 * Numbers as Prometheus reads them: text format 0.0.4 and OpenMetrics 1.0. Our own, because counting stands in the way of
 * every event: a cell is a plain number that is added to, and what a line begins with is made once, not at each scrape.
 */

/** Text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), or OpenMetrics 1.0 (RFC draft of that name). */
export type Format = "text" | "openmetrics";

/** What the Content-Type of each says. */
export const contentTypes: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** One metric with all its series. */
export interface Family {
  /** With its unit and, for a counter, `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "info";
  readonly help: string;
  /** Its labels; one without values has those of the configuration or of the build. */
  readonly labels: readonly Label<string>[];
  /** The lines of its series, each with its end. */
  series(): string;
}

/** A label and the values that it can have: no others exist, so that nobody outside can make series. */
export interface Label<V extends string> {
  readonly name: string;
  readonly values: readonly V[];
}

interface Cell {
  value: number;
  readonly start: string;
}

/** A number that only grows, one for each combination of its labels' values; all are there from the start, at 0. */
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

  /** One more of these. */
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

/** How long something took. */
export class Histogram implements Family {
  readonly type = "histogram";
  readonly labels = [];
  readonly #starts: readonly string[];
  readonly #counts: number[];
  readonly #bounds: readonly number[];
  #sum = 0;

  /** @param bounds the upper ends of its buckets, growing. */
  constructor(readonly name: string, readonly help: string, bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
    this.#counts = this.#bounds.map(() => 0);
    this.#starts = this.#bounds.map((bound) => startOf(`${name}_bucket`, ["le"], [boundText(bound)]));
  }

  /** Takes one value in. */
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
    // A sum of thousandths would show the rounding of each addition.
    return `${out}${this.name}_sum ${Number(this.#sum.toFixed(6))}\n${this.name}_count ${sum}\n`;
  }
}

/** The start of a series' line, up to its value. */
export function startOf(name: string, labels: readonly string[], values: readonly string[]): string {
  if (labels.length === 0) return `${name} `;
  return `${name}{${labels.map((label, at) => `${label}="${labelText(values[at] ?? "")}"`).join(",")}} `;
}

function labelText(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** OpenMetrics wants `1.0` where the text format does not care: the same in both, or they would be two series. */
function boundText(bound: number): string {
  return bound === Infinity ? "+Inf" : Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

/** The whole page. */
export function exposition(families: readonly Family[], format: Format): string {
  let out = "";
  for (const family of families) {
    const { name, type, help } = family;
    const plain = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    const said = format === "text" ? plain : plain.replaceAll('"', '\\"');
    // OpenMetrics names the family, whose samples have the suffix; the text format knows no info.
    const shown = format === "text" ? name : name.replace(type === "counter" ? /_total$/ : type === "info" ? /_info$/ : /$^/, "");
    out += `# HELP ${shown} ${said}\n# TYPE ${shown} ${
      format === "text" && type === "info" ? "gauge" : type
    }\n${family.series()}`;
  }
  return format === "text" ? out : `${out}# EOF\n`;
}

/** The format that an Accept header likes best (RFC 9110 section 12.5.1); who likes neither gets the text format. */
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
