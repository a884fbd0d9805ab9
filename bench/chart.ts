/** The chart for the README: from event to POST, by contestant, for light and dark backgrounds. */
import { keys, labels } from "./contestants.ts";
import type { Results } from "./results.ts";

const [width, left, right, row] = [760, 190, 150, 24];
const style = `text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}.small{font-size:12px;fill:#59636e}
.unit{fill:#0969da}.jit{fill:#54aeff}.node{fill:#bf8700}.floor{fill:#818b98}.p99{fill-opacity:.35}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.unit{fill:#4493f8}.jit{fill:#1f6feb}.node{fill:#d29922}.floor{fill:#6e7681}}`;
const title = "From the event on the event socket to the POST at the CRM";

/** Draws an SVG: a panel per situation, a bar per contestant, with p50 inside p99. */
export function chart(results: Results): string {
  const panels = [
    ["One desk, 20 calls a second", "event to POST"],
    ["the same, with 1,000 other events a second", "with 1,000 other events a second"],
    ["40 calls a second, all events of a call in one burst", "40 calls a second in bursts"],
    ["1,000 desks in one process, 20 calls a second", "1,000 desks"],
  ].map(([head, row]) => {
    const bars = keys.map((key) => ({ key, p50: results.figure(`${row}, p50`, key), p99: results.figure(`${row}, p99`, key) }));
    return { head, bars: bars.filter(({ p99 }) => !Number.isNaN(p99)) };
  }).filter(({ bars }) => bars.length > 0);
  const scale = (width - left - right) / Math.max(0.001, ...panels.flatMap(({ bars }) => bars.map(({ p99 }) => p99)));
  let y = 30;
  const parts = panels.flatMap(({ head, bars }) => [
    `<text class="head" x="16" y="${y += row}">${head}</text>`,
    ...bars.flatMap(({ key, p50, p99 }) => [
      `<text x="${left - 10}" y="${y += row}" text-anchor="end">${labels[key].replace(" (as the unit runs it)", "")}</text>`,
      ...[["p99", p99], ["", p50]].map(([kind, ms]) =>
        `<rect class="${key} ${kind}" x="${left}" y="${y - 13}" width="${(Number(ms) * scale).toFixed(1)}" height="18"/>`
      ),
      `<text class="small" x="${(left + p99 * scale + 8).toFixed(1)}" y="${y}">${p50.toFixed(2)} ms, ${p99.toFixed(2)} ms</text>`,
    ]),
  ]);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 20}" role="img" aria-label="${title}">
<title>${title}</title>
<style>
${style}
</style>
<text class="small" x="16" y="24">${title}: dark p50, pale p99 (shorter is better)</text>
${parts.join("\n")}
</svg>
`;
}
