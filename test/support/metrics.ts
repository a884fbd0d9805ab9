/** The values on a page of metrics, by series. */
export function seriesOf(page: string): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const line of page.split("\n")) {
    const [, series, value] = /^([^#\s][^{\s]*(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (series === undefined) continue;
    if (all.has(series)) throw new Error(`${series} appears twice`);
    all.set(series, Number(value));
  }
  return all;
}

/** Those of one metric that are not 0, without its name. */
export function counted(page: string, name: string): Record<string, number> {
  return Object.fromEntries(
    [...seriesOf(page)].filter(([series, value]) => series.split("{")[0] === name && value !== 0)
      .map(([series, value]) => [series.slice(name.length), value]),
  );
}
