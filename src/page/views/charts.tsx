/** @jsxImportSource hono/jsx */
/** Small charts of the last 24 hours, drawn on the server. */
import { localTime } from "../../platform/local-time.ts";
import type { Hour } from "../../metrics/hours.ts";
import type { Html } from "./html.ts";

/** A bar. */
interface Bar {
  readonly at: string;
  readonly value: number;
  /** A higher value, drawn behind it. */
  readonly behind?: number;
  readonly text: string;
}

const width = 240;
const height = 64;

/** All charts. */
export const ChartsView = ({ hours }: { readonly hours: readonly Hour[] }): Html => (
  <>
    <CallsChart hours={hours} />
    <DeliveryChart hours={hours} />
  </>
);

/** Calls per hour. */
export const CallsChart = ({ hours }: { readonly hours: readonly Hour[] }): Html => {
  const total = hours.reduce((sum, { calls }) => sum + calls, 0);
  const bars = hours.map(({ at, calls }) => ({ at, value: calls, text: `${calls} calls` }));
  return (
    <Chart
      id="chart-calls"
      title="Calls per hour"
      summary={total === 0 ? "No call in 24 hours" : `${total} in 24 hours, at most ${most(bars)} in an hour`}
      bars={bars}
    />
  );
};

/** How long deliveries to the CRM took: half of them, and 95 %. */
export const DeliveryChart = ({ hours }: { readonly hours: readonly Hour[] }): Html => {
  const known = hours.filter(({ delivered }) => delivered > 0);
  const bars = hours.map(({ at, p50 = 0, p95 = 0, delivered }) => ({
    at,
    // Deliveries take from a millisecond to minutes.
    value: scale(p50),
    behind: scale(p95),
    text: delivered === 0 ? "no delivery" : `half within ${secondsText(p50)}, 95 % within ${secondsText(p95)}`,
  }));
  const last = known.at(-1);
  const summary = last
    ? `${secondsText(last.p50 ?? 0)} for half, ${secondsText(last.p95 ?? 0)} for 95 %`
    : "No delivery in 24 hours";
  return <Chart id="chart-delivery" title="Delivery to UWQ" summary={summary} bars={bars} />;
};

const Chart = ({ id, title, summary, bars }: {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly bars: readonly Bar[];
}): Html => {
  const top = Math.max(1e-9, ...bars.map(({ value, behind = 0 }) => Math.max(value, behind)));
  const step = width / bars.length;
  const rect = (index: number, value: number, name: string): Html | null => {
    const size = value <= 0 ? 0 : Math.max(2, value / top * (height - 4));
    return size === 0 ? null : (
      <rect
        class={name}
        x={(index * step + 1).toFixed(1)}
        y={(height - size).toFixed(1)}
        width={(step - 2).toFixed(1)}
        height={size.toFixed(1)}
        rx="1.5"
      />
    );
  };
  return (
    <figure class="card chart">
      <figcaption id={id}>
        <strong>{title}</strong> <span class="quiet">{summary}</span>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-labelledby={id} preserveAspectRatio="none">
        <line class="axis" x1="0" y1={height - 0.5} x2={width} y2={height - 0.5} />
        {bars.map((bar, index) => (
          <g>
            <title>{`${hourText(bar.at)}: ${bar.text}`}</title>
            {rect(index, bar.behind ?? 0, "behind")}
            {rect(index, bar.value, "bar")}
          </g>
        ))}
      </svg>
      <div class="ends quiet">
        <span>{hourText(bars[0]?.at ?? "")}</span>
        <span>now</span>
      </div>
    </figure>
  );
};

function most(bars: readonly Bar[]): number {
  return Math.max(0, ...bars.map(({ value }) => value));
}

/** Each factor of ten is a third of the way from 1 ms to 1 s. */
function scale(seconds: number): number {
  return seconds <= 0 ? 0 : Math.max(0.3, Math.log10(seconds * 1000) + 1);
}

function secondsText(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds} s`;
}

/** `14:00` */
function hourText(at: string): string {
  return localTime(new Date(at)).slice(11, 16);
}
