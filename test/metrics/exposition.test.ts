import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Counter, exposition, formatFor, Histogram, startOf } from "../../src/metrics/exposition.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { allFamilies } from "../../src/metrics/page.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
const made = (): Counter<"in" | "out", "ok" | "bad"> =>
  new Counter("x_total", 'What\nis \\ "counted".', { name: "way", values: ["in", "out"] }, {
    name: "result",
    values: ["ok", "bad"],
  });

describe("a counter", () => {
  test("has all its series from the start, at 0", () => {
    expect(made().series()).toBe(
      'x_total{way="in",result="ok"} 0\nx_total{way="in",result="bad"} 0\nx_total{way="out",result="ok"} 0\nx_total{way="out",result="bad"} 0\n',
    );
  });

  test("counts each series separately", () => {
    const counter = made();
    counter.add("in", "ok");
    counter.add("in", "ok");
    counter.add("out", "bad");
    expect(counter.series()).toContain('x_total{way="in",result="ok"} 2\n');
    expect(counter.series()).toContain('x_total{way="in",result="bad"} 0\n');
    expect(counter.series()).toContain('x_total{way="out",result="bad"} 1\n');
  });

  test("creates no series for an unknown value", () => {
    const counter = made();
    const before = counter.series();
    for (const odd of ["other", "__proto__", "constructor", ""]) {
      counter.add(odd as "in", "ok");
      counter.add("in", odd as "ok");
    }
    expect(counter.series()).toBe(before);
  });

  test("without labels", () => {
    const counter = new Counter("y_total", "y");
    counter.add();
    expect(counter.series()).toBe("y_total 1\n");
  });
});

describe("a histogram", () => {
  test("counts values up to and including each bound, with a sum and a bucket for all", () => {
    const histogram = new Histogram("t_seconds", "t", [0.001, 0.1, 1]);
    for (const value of [0, 0.001, 0.0011, 0.1, 7]) histogram.observe(value);
    expect(histogram.series()).toBe(
      't_seconds_bucket{le="0.001"} 2\nt_seconds_bucket{le="0.1"} 4\nt_seconds_bucket{le="1.0"} 4\nt_seconds_bucket{le="+Inf"} 5\nt_seconds_sum 7.1021\nt_seconds_count 5\n',
    );
  });

  test("has buckets that never decrease and end at the count", () => {
    fc.assert(fc.property(fc.array(fc.float({ min: 0, max: 1000, noNaN: true })), (values) => {
      const histogram = new Histogram("t", "t", [0.001, 0.5, 2]);
      for (const value of values) histogram.observe(value);
      const counts = histogram.series().split("\n").filter((line) => line.includes("_bucket")).map((line) =>
        Number(line.split(" ").at(-1))
      );
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect(counts.at(-1)).toBe(values.length);
      expect(histogram.series()).toContain(`t_count ${values.length}\n`);
    }));
  });
});

test("label values are escaped", () => {
  expect(startOf("a", ["desk"], ['10"01\\\n'])).toBe('a{desk="10\\"01\\\\\\n"} ');
});

describe("the page", () => {
  const counter = made();
  test("in the text format", () => {
    expect(exposition([counter], "text")).toStartWith(
      '# HELP x_total What\\nis \\\\ "counted".\n# TYPE x_total counter\nx_total{way="in"',
    );
    expect(exposition([counter], "text")).not.toContain("EOF");
  });

  test("in OpenMetrics: the family without its suffix, quotes escaped, an end", () => {
    const page = exposition([counter], "openmetrics");
    expect(page).toStartWith('# HELP x What\\nis \\\\ \\"counted\\".\n# TYPE x counter\nx_total{way="in"');
    expect(page).toEndWith("\n# EOF\n");
    const info = exposition(allFamilies(new Metrics()), "openmetrics");
    expect(info).toContain("# TYPE telesetd_build info\ntelesetd_build_info{");
    expect(exposition(allFamilies(new Metrics()), "text")).toContain("# TYPE telesetd_build_info gauge\n");
  });
});

describe("an Accept header", () => {
  test.each([
    [undefined, "text"],
    ["", "text"],
    ["*/*", "text"],
    ["text/plain;version=0.0.4", "text"],
    ["application/json", "text"],
    ["application/openmetrics-text", "openmetrics"],
    ["APPLICATION/OPENMETRICS-TEXT; version=1.0.0 ; q=0.8", "openmetrics"],
    [
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      "openmetrics",
    ],
    ["text/plain, application/openmetrics-text;q=0.5", "text"],
    ["application/openmetrics-text;q=0", "text"],
    ["application/openmetrics-text;q=x", "text"],
    [",;,;=;q=", "text"],
  ])("%j gets %s", (accept, format) => expect(formatFor(accept)).toBe(format as "text"));
});

describe("the table of metrics", () => {
  const families = allFamilies(new Metrics());
  test("has unique names that follow Prometheus' conventions", () => {
    expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
    for (const { name, type, labels } of families) {
      expect(name).toMatch(/^(telesetd|process)_[a-z_]+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect([name, /_(ms|milliseconds|minutes|kb|mb|count)$/.test(name)]).toEqual([name, false]);
      expect(labels.filter(({ name: label }) => /agent|number|call$|caller|address/.test(label))).toEqual([]);
    }
  });
  test.each(families.map((family) => [family.name, family.help] as const))("%s has a sentence as its help text", (_, help) => {
    expect(help).toMatch(/^[A-Z1].{15,}\.$/);
  });
});
