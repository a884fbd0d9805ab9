/** Repair of the request lines of old clients, in pieces of any size. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { RequestLines } from "../../src/http/request-line.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
const maxBytes = 16_384;

/** The output for these bytes in these pieces. */
function through(text: string, ...cuts: readonly number[]): string {
  const bytes = Buffer.from(text, "latin1");
  const lines = new RequestLines(maxBytes);
  const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
  const parts = ends.map((end, i) => lines.through(bytes.subarray(ends[i - 1] ?? 0, end)));
  return Buffer.concat([...parts, lines.end()]).toString("latin1");
}
const eachByte = (text: string) => through(text, ...text.split("").keys());

const head = "Host: box\r\n\r\n";
const sent = `GET ?a=1 2&b=gr\xfc\xdfe HTTP/1.1\r\n${head}`;
const made = `GET /?a=1%202&b=gr%FC%DFe HTTP/1.1\r\n${head}`;

describe("a request line is repaired:", () => {
  test.each([
    ["/?a=1 2", "/?a=1%202"],
    ["/?a=1  2 ", "/?a=1%20%202"],
    ["?a=1", "/?a=1"],
    [" ?a=1", "/?a=1"],
    ["/?a=1\t2", "/?a=1%092"],
    ["/?a=b+c d&e=f+g", "/?a=b%2Bc%20d&e=f+g"],
    ["/?a=9 +44 (0)20&e=+f &g=h+", "/?a=9%20%2B44%20(0)20&e=+f%20&g=h+"],
    ["/k+y ?a=b", "/k+y%20?a=b"],
    ["/?a=\x80\xff", "/?a=%80%FF"],
    ["/?a= HTTP/1.1 b", "/?a=%20HTTP/1.1%20b"],
    ["http://box?a=1 2", "http://box?a=1%202"],
    ["/k3y/?a=(415) 555-0123", "/k3y/?a=(415)%20555-0123"],
  ])("%j becomes %s", (target, becomes) => {
    for (const version of ["HTTP/1.0", "HTTP/1.1"]) {
      expect(through(`GET ${target} ${version}\r\n${head}`)).toBe(`GET ${becomes} ${version}\r\n${head}`);
    }
  });

  test.each([
    ["a valid one", `GET /?a=1%202 HTTP/1.1\r\n${head}`],
    ["one without a version", `GET /?a=1 2\r\n${head}`],
    ["one with a control character", `GET /?a=1\x002 HTTP/1.1\r\n${head}`.replace(" 2", "2")],
    ["one with a bare CR", `GET /?a=1\r2 HTTP/1.1\r\n${head}`],
    ["a method in lower case", `get ?a=1 2 HTTP/1.1\r\n${head}`],
    ["a space in a header", `GET /?a HTTP/1.1\r\nUser-Agent: Java 1.3 \xfc\r\n${head}`],
  ])("except %s", (_, text) => expect([through(text), eachByte(text)]).toEqual([text, text]));

  test("in pieces, cut at any byte", () => {
    for (let cut = 0; cut <= sent.length; cut++) expect(through(sent, cut)).toBe(made);
    expect(eachByte(sent)).toBe(made);
  });

  test("also if it is one of several on a connection, or follows empty lines", () => {
    const several = sent + "\r\n\r\n" + sent.replace("Host", "content-length: 0 \r\nHost") + sent;
    const becomes = made + "\r\n\r\n" + made.replace("Host", "content-length: 0 \r\nHost") + made;
    expect([through(several), eachByte(several), through(several, 30, 61)]).toEqual([becomes, becomes, becomes]);
  });

  test("as soon as its last byte arrives", () => {
    const lines = new RequestLines(maxBytes);
    expect(lines.through(Buffer.from("GET ?a HTTP/1.1\r")).length).toBe(0);
    expect(lines.through(Buffer.from("\n")).toString()).toBe("GET /?a HTTP/1.1\r\n");
  });
});

describe("where a request ends is decided by node:http alone:", () => {
  test.each([
    "Content-Length: 30",
    "content-length:30",
    "CONTENT-LENGTH : 030",
    "Content-Length: 0, 30",
    "Content-Length: 0\r\nContent-Length: 30",
    "Transfer-Encoding: chunked",
    "X: y\r\n\ttransfer-encoding: chunked",
    "Upgrade: h2c",
  ])("after a header with %j nothing is changed", (header) => {
    const text = `POST /?a=1 HTTP/1.1\r\n${header}\r\n\r\n${sent}${sent}`;
    expect([through(text), eachByte(text)]).toEqual([text, text]);
  });

  test("after a header with bare line feeds, or without end, nothing is changed", () => {
    const text = `GET /?a=1 HTTP/1.1\nHost: box\n\nGET ?a=1 2 HTTP/1.1\r\n`;
    expect(through(text)).toBe(text);
  });

  test("line ends are kept, and in a request line only spaces and bytes above 127 are changed", () => {
    const piece = fc.constantFrom(
      "GET ",
      "?",
      "/",
      " ",
      "\xfc",
      "\r\n",
      "\n",
      "\r\n\r\n",
      "HTTP/1.1",
      "Content-Length: 3",
      "a",
      "\0",
      "POST ",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(100), { maxLength: 5 }), (pieces, cuts) => {
        const text = pieces.join("");
        const out = through(text, ...cuts.filter((cut) => cut <= text.length));
        expect(out).toBe(through(text));
        expect(out.split("\n").length).toBe(text.split("\n").length);
        const bare = (line: string) => line.replace(/%20|%FC|[ \xfc]|\/(?=\?)/g, "");
        expect(out.split("\n").map(bare)).toEqual(text.split("\n").map(bare));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("too long input passes unchanged, for node:http to refuse:", () => {
  test.each([
    ["a line", `GET /?${"x ".repeat(maxBytes)} HTTP/1.1\r\n${head}`],
    ["a header", `GET /?a HTTP/1.1\r\nX: ${"x".repeat(maxBytes)}\r\n\r\nGET ?a HTTP/1.1\r\n`],
  ])("%s", (_, text) => {
    const cuts = Array.from({ length: Math.floor(text.length / 1000) }, (_, i) => i * 1000);
    expect(through(text, ...cuts)).toBe(text);
  });

  test("and is not held back until its end", () => {
    const lines = new RequestLines(maxBytes);
    lines.through(Buffer.from("G".repeat(maxBytes)));
    expect(lines.through(Buffer.from("G")).length).toBe(maxBytes + 1);
  });
});

test.each([["TLS", "\x16\x03\x01"], ["garbage", "\xff"]])("%s is passed on at once", (_, text) => {
  expect(new RequestLines(maxBytes).through(Buffer.from(text, "latin1")).toString("latin1")).toBe(text);
});
