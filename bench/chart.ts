/** The chart for the README: from event to POST, by contestant, for light and dark backgrounds. */
import { type Key, keys, labels } from "./contestants.ts";
import type { Results } from "./plan.ts";
import { median } from "./statistics.ts";
import { milliseconds } from "./verdicts.ts";

interface Bar {
  readonly key: Key;
  readonly p50: number;
  readonly p99: number;
}

interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const width = 760;
const left = 190;
const right = 150;
const barHeight = 18;
const style = `
text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}.small{font-size:12px;fill:#59636e}
.unit{fill:#0969da}.jit{fill:#54aeff}.node{fill:#bf8700}.floor{fill:#818b98}.p99{fill-opacity:.35}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.unit{fill:#4493f8}.jit{fill:#1f6feb}.node{fill:#d29922}.floor{fill:#6e7681}}`;

/** Draws an SVG: a panel per situation, a bar per contestant, with p50 inside p99. */
export function chart(results: Results): string {
  const panels = panelsOf(results);
  const maxTime = Math.max(0.001, ...panels.flatMap(({ bars }) => bars.map(({ p99 }) => p99)));
  let y = 54;
  const parts = panels.map(({ title, bars }) => {
    const head = `<text class="head" x="16" y="${y}">${title}</text>`;
    y += 12;
    const rows = bars.map((bar) => {
      const row = barOf(bar, y, (width - left - right) / maxTime);
      y += barHeight + 6;
      return row;
    });
    y += 22;
    return [head, ...rows].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y - 14}" role="img" aria-label="${title}">
<title>${title}</title>
<style>${style}
</style>
<text class="small" x="16" y="24">${title}: dark p50, pale p99 (shorter is better)</text>
${parts.join("\n")}
</svg>
`;
}

const title = "From the event on the event socket to the POST at the CRM";

function barOf({ key, p50, p99 }: Bar, y: number, scale: number): string {
  const long = (ms: number) => (ms * scale).toFixed(1);
  const middle = y + barHeight - 5;
  return [
    `<text x="${left - 10}" y="${middle}" text-anchor="end">${labels[key].replace(" (as the unit runs it)", "")}</text>`,
    `<rect class="${key} p99" x="${left}" y="${y}" width="${long(p99)}" height="${barHeight}"/>`,
    `<rect class="${key}" x="${left}" y="${y}" width="${long(p50)}" height="${barHeight}"/>`,
    `<text class="small" x="${(left + p99 * scale + 8).toFixed(1)}" y="${middle}">${milliseconds(p50)}, ${
      milliseconds(p99)
    }</text>`,
  ].join("\n");
}

function panelsOf({ oneDesk, busy, growth = [] }: Results): Panel[] {
  const rounds = [{ title: "One desk, 20 calls a second", flows: oneDesk }, {
    title: "the same, with 1,000 other events a second",
    flows: busy,
  }];
  const thousand = growth.filter(({ desks }) => desks === 1000);
  const panels = rounds.map(({ title, flows }) => ({
    title,
    bars: keys.flatMap((key) => flows?.[key] ? [barFor(key, flows[key])] : []),
  }));
  const many = {
    title: "1,000 desks in one process, 20 calls a second",
    bars: keys.flatMap((key) => thousand.filter((grown) => grown.key === key).map(({ flows }) => barFor(key, flows))),
  };
  return [...panels, many].filter(({ bars }) => bars.length > 0);
}

function barFor(key: Key, flows: readonly { readonly p50: number; readonly p99: number }[]): Bar {
  return { key, p50: median(flows.map(({ p50 }) => p50)), p99: median(flows.map(({ p99 }) => p99)) };
}
