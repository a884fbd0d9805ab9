import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { fstatSync } from "node:fs";
import {
  isJournal,
  type Log,
  type LogFields,
  type LogLevel,
  logLevels,
  marked,
  openLog,
  type RootLog,
} from "../../src/log/log.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
/** A log, and the lines that it has written. */
function opened(level: LogLevel, prefix = false): { log: RootLog; lines: string[] } {
  const lines: string[] = [];
  return { log: openLog((line) => lines.push(line), level, prefix), lines };
}

function all(log: Log): void {
  for (const level of logLevels) log[level](`at ${level}`);
}

describe("the level", () => {
  test.each(logLevels.map((level, index) => [level, logLevels.slice(0, index + 1)] as const))(
    "%s writes %j",
    (level, written) => {
      const { log, lines } = opened(level);
      all(log);
      expect(lines.map((line) => line.split("at ")[1] ?? "")).toEqual([...written]);
    },
  );

  test("does not concern followers, who get every entry with its fields until they leave", () => {
    const { log, lines } = opened("error");
    const taken: unknown[] = [];
    const leave = log.follow((entry) => taken.push(entry));
    expect(log.tracing()).toBe(true);
    log.with({ desk: "1001" }).trace("from the switch", { event: "14155550123" });
    leave();
    log.info("later");
    expect(log.tracing()).toBe(false);
    expect(taken).toEqual([{ level: "trace", text: "from the switch", fields: { desk: "1001", event: "14155550123" } }]);
    expect(lines).toEqual([]);
  });

  test("can be changed, also for loggers already in use", () => {
    const { log, lines } = opened("error");
    const part = log.with({ desk: "1001" });
    part.info("before");
    log.setLevel("info");
    part.info("after");
    expect([log.level(), lines]).toEqual(["info", ["info    after desk=1001"]]);
  });

  test("tracing() is true only on trace", () => {
    expect(logLevels.map((level) => opened(level).log.tracing())).toEqual([false, false, false, false, true]);
  });
});

test("for journald each line starts with its priority (sd-daemon(3))", () => {
  const { log, lines } = opened("trace", true);
  all(log);
  expect(lines).toEqual(["<3>at error", "<4>at warning", "<6>at info", "<7>at debug", "<7>at trace"]);
});

describe("fields", () => {
  const cases: [string, LogFields, string][] = [
    ["are written as key=value", { desk: "1001", attempt: 2, up: true }, " desk=1001 attempt=2 up=true"],
    ["that are undefined are omitted", { desk: undefined, call: "c1" }, " call=c1"],
    ["with spaces are quoted", { why: "no answer" }, ' why="no answer"'],
    ["with quotes are quoted and escaped", { why: 'say "no"' }, ' why="say \\"no\\""'],
    ["with an equals sign are quoted", { why: "a=b" }, ' why="a=b"'],
    ["that are empty are quoted", { why: "" }, ' why=""'],
  ];
  test.each(cases)("%s", (_, fields, text) => {
    const { log, lines } = opened("info");
    log.info("Sent", fields);
    expect(lines).toEqual([`info    Sent${text}`]);
  });

  test("added by with() come before those of the line, which take precedence", () => {
    const { log, lines } = opened("info");
    log.with({ desk: "1001", call: "c1" }).with({ event: "ScreenPop" }).info("Sent", { call: "c2" });
    expect(lines).toEqual(["info    Sent desk=1001 call=c2 event=ScreenPop"]);
  });
});

describe("customers' numbers", () => {
  test.each([
    ["Called 14155550123", "Called ...0123"],
    ["Called +14155550123", "Called ...0123"],
    ["from=4155550123", "from=...0123"],
    ["desk 1001", "desk 1001"],
    ["status 404 after 123456 ms", "status 404 after 123456 ms"],
    ["leg 5f6c1a2b-1234567-89", "leg 5f6c1a2b-1234567-89"],
  ])("%s is written as %s", (text, written) => {
    const { log, lines } = opened("debug");
    log.debug(text);
    expect(lines).toEqual([`debug   ${written}`]);
  });

  test("in fields are masked too", () => {
    const { log, lines } = opened("info");
    log.info("Sent", { number: "14155550123", why: "no route to 14155550123" });
    expect(lines).toEqual(['info    Sent number=...0123 why="no route to ...0123"']);
  });

  test("are not masked on trace", () => {
    const { log, lines } = opened("trace");
    log.trace("GET /?dialString=14155550123");
    expect(lines).toEqual(["trace   GET /?dialString=14155550123"]);
  });
});

describe("a repeated line", () => {
  const rare = (level: LogLevel = "info") => {
    let now = 0;
    const lines: string[] = [];
    const log = openLog((line) => lines.push(line), level, false, { now: () => now });
    return { log, lines, pass: (ms: number) => now += ms };
  };

  test("is written once an hour, with the number omitted since", () => {
    const { log, lines, pass } = rare();
    for (let time = 0; time < 10; time++) log.rarely("down").warning("No connection", { why: "x" });
    expect(lines).toEqual(["warning No connection why=x"]);
    pass(3_600_000);
    log.rarely("down").warning("No connection", { why: "x" });
    log.rarely("down").warning("No connection", { why: "x" });
    expect(lines.slice(1)).toEqual(["warning No connection repeated=9 why=x"]);
    pass(3_600_000);
    log.rarely("down").warning("No connection", { why: "x" });
    expect(lines.slice(2)).toEqual(["warning No connection repeated=1 why=x"]);
  });

  test("is written as often as requested, counted per key", () => {
    const { log, lines } = rare();
    for (let time = 0; time < 10; time++) {
      log.with({ desk: "1001" }).rarely("a", 3).info("a");
      log.rarely(`b${time}`).info("b");
    }
    expect(lines.filter((line) => line === "info    a desk=1001")).toHaveLength(3);
    expect(lines.filter((line) => line === "info    b")).toHaveLength(10);
  });

  test("is written each time from debug on", () => {
    const { log, lines } = rare("debug");
    for (let time = 0; time < 10; time++) log.rarely("a").info("a");
    expect(lines).toHaveLength(10);
  });

  test("that is omitted is dropped at every level", () => {
    const { log, lines } = rare();
    log.rarely("a").info("a");
    const left = log.rarely("a");
    all(left);
    all(left.with({ desk: "1001" }).rarely("b"));
    expect([lines.length, left.tracing()]).toEqual([1, false]);
  });

  test("does not fill the memory", () => {
    const { log, lines } = rare();
    for (let time = 0; time < 2000; time++) log.rarely(`from ${time}`).info("a");
    log.rarely("from 0").info("forgotten, so it is new");
    log.rarely("from 1999").info("remembered");
    expect(lines).toHaveLength(2001);
  });
});

test("a notice is written at every level and not counted", () => {
  const counted: string[] = [];
  const lines: string[] = [];
  const log = openLog((line) => lines.push(line), "error", true, { counted: (level) => counted.push(level) });
  log.notice("Log level changed", { level: "error" });
  log.warning("not written, so not counted");
  log.error("written");
  expect([lines, counted]).toEqual([["<5>Log level changed level=error", "<3>written"], ["error"]]);
});

test("long numbers of desks and agents are not masked", () => {
  const { log, lines } = opened("info");
  log.info("Sent", { desk: "41441234567", agent: "20010001", call: "12345678", leg: "87654321", from: "4144123456" });
  expect(lines).toEqual(["info    Sent desk=41441234567 agent=20010001 call=12345678 leg=87654321 from=...3456"]);
});

describe("standard error is the journal", () => {
  const { dev, ino } = fstatSync(2, { bigint: true });
  test.each([
    [`${dev}:${ino}`, true],
    [`${dev}:${ino + 1n}`, false],
    [`${dev + 1n}:${ino}`, false],
    ["", false],
    ["1:2:3", false],
    [undefined, false],
  ])("with JOURNAL_STREAM %j: %p", (stream, expected) => expect(isJournal(stream)).toBe(expected));
  test("but not when it is closed", () => expect(isJournal(`${dev}:${ino}`, 987)).toBe(false));
});

test("any entry is one line without control characters", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom("\r\n<3>forged", "\u001b[2J", "a\u2028b", "\u0085", "\u0000", "\u001f\u007f\u009f"),
  );
  fc.assert(fc.property(text, text, fc.boolean(), (sentence, value, prefix) => {
    const { log, lines } = opened("trace", prefix);
    log.with({ bound: value }).error(sentence, { value });
    log.trace(sentence, { value });
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  }));
});

test("each line of a command's error output gets the priority error for journald, unless it has one", () => {
  expect(marked("x has 2 errors:\n  one\n  two\n")).toBe("<3>x has 2 errors:\n<3>  one\n<3>  two\n");
  expect(marked("<6>telesetd is running\n")).toBe("<6>telesetd is running\n");
});
