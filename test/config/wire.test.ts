import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { defaultAnswers, defaultEvents, successOfAll } from "../../src/cctsdk/profile.ts";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { type Config, ConfigError, parseConfig } from "../../src/config/schema.ts";

const minimal = { desks: [{ extension: "1001" }], line: { driver: "freeswitch", password: "x", domain: "d" } };

function parse(crm: unknown, answer: unknown = {}, environment: Record<string, string> = {}): Config {
  return parseConfig(JSON.stringify({ ...minimal, crm, http: { answer } }), lineSchemas, environment);
}

/** All errors; empty if there are none. */
function problems(crm: unknown, answer: unknown = {}): readonly string[] {
  try {
    parse(crm, answer);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test("the defaults are the assumptions of docs/cctsdk.md", () => {
  const { crm, http } = parse({});
  expect(crm).toMatchObject({ ...defaultEvents });
  expect(http.answer).toEqual({ ...defaultAnswers, success: { ...defaultAnswers.success } });
});

describe("crm.headers:", () => {
  test.each<[string, Record<string, string>]>([
    ["none", {}],
    ["several", { "X-Site": "Kiel 7", SOAPAction: '""', "X-Empty": "", Accept: "text/xml, */*" }],
    ["a value with a tab in it", { "X-A": "a\tb" }],
    ["one named like a reference to a secret", { file: "a" }],
  ])("%s: accepted unchanged", (_, headers) => expect(parse({ headers }).crm.headers).toEqual(headers));

  test("a value may be a credential", () => {
    const folder = mkdtempSync(join(tmpdir(), "telesetd-wire-"));
    writeFileSync(join(folder, "uwq"), "Bearer s3cret\n");
    const { crm } = parse({ headers: { Authorization: { credential: "uwq" } } }, {}, { CREDENTIALS_DIRECTORY: folder });
    rmSync(folder, { recursive: true });
    expect(crm.headers).toEqual({ Authorization: "Bearer s3cret" });
  });

  const own = "telesetd writes this header itself";
  test.each<[string, unknown, string]>([
    ...["Host", "content-LENGTH", "Transfer-Encoding", "Connection", "Expect", "TE", "Upgrade", "Content-Encoding", "Trailer"]
      .map((
        name,
      ): [string, unknown, string] => [name, { [name]: "x" }, `crm.headers.${name.includes("-") ? name : name}: ${own}`]),
    ["Content-Type", { "Content-Type": "x" }, `crm.headers.Content-Type: ${own}: set crm.contentType`],
    ["a name with a space", { "X A": "x" }, 'crm.headers["X A"]: expected a header name'],
    ["a name with a colon", { "X:": "x" }, 'crm.headers["X:"]: expected a header name'],
    ["a name with a line end", { "X\r\nHost": "x" }, "expected a header name"],
    ["a name beyond ASCII", { "X-Größe": "x" }, "expected a header name"],
    ["no name", { "": "x" }, 'crm.headers[""]: expected a header name'],
    ["a line end in a value", { X: "s3cret\r\nHost: y" }, "crm.headers.X: expected a value of plain ASCII without control"],
    ["a bare line feed in a value", { X: "s3cret\nY: z" }, "crm.headers.X: expected a value of plain ASCII without control"],
    ["a NUL in a value", { X: "s3cret\0" }, "crm.headers.X: expected a value of plain ASCII without control"],
    ["an umlaut in a value", { X: "s3crét" }, "crm.headers.X: expected a value of plain ASCII without control"],
    ["a space before a value", { X: " s3cret" }, "crm.headers.X: expected a value without spaces around it"],
    ["a value of 4001 characters", { X: "s".repeat(4001) }, "crm.headers.X: expected a value of at most 4000 characters"],
    [
      "too much in all",
      { X: "s".repeat(4000), Y: "s".repeat(4000) },
      "crm.headers.X: all headers have 8002 characters: expected",
    ],
    [
      "the same name twice",
      { "X-Site": "a", "x-site": "b" },
      "crm.headers.x-site: duplicate of X-Site: expected each header once",
    ],
    ["a number", { X: 5 }, "crm.headers.X: expected text"],
    ["a text", "X: y", 'crm.headers is "X: y": expected an object'],
  ])("%s: an error that does not show the value", (_, headers, text) => {
    const errors = problems({ headers });
    expect(errors).toEqual([expect.stringContaining(text)]);
    expect(errors.join()).not.toContain("s3cr");
  });
});

describe("crm.delivered:", () => {
  test.each<[unknown, unknown]>([
    [[200], [{ from: 200, to: 200 }]],
    [["200-299", 302, "404", "500 - 503"], [{ from: 200, to: 299 }, { from: 302, to: 302 }, { from: 404, to: 404 }, {
      from: 500,
      to: 503,
    }]],
  ])("%j", (delivered, ranges) => expect<unknown>(parse({ delivered }).crm.delivered).toEqual(ranges));

  const wanted = "expected a status from 200 to 599, or a range such as 200-299";
  test.each<[unknown, string]>([
    [[], "crm.delivered: expected at least 1 entry"],
    [[100], `crm.delivered[0] is 100: ${wanted}`],
    [[200, 600], `crm.delivered[1] is 600: ${wanted}`],
    [["299-200"], `crm.delivered[0] is "299-200": ${wanted}`],
    [["2xx"], `crm.delivered[0] is "2xx": ${wanted}`],
    [["100-299"], `crm.delivered[0] is "100-299": ${wanted}`],
    [[""], `crm.delivered[0] is "": ${wanted}`],
    [[200.5], "crm.delivered[0] is 200.5: expected a status such as 200, or a range such as 200-299"],
    [[null], "crm.delivered[0]: expected a status such as 200"],
    ["200", 'crm.delivered is "200": expected a list'],
    [200, "crm.delivered is 200: expected a list"],
  ])("%j is an error", (delivered, text) => expect(problems({ delivered })).toEqual([expect.stringContaining(text)]));
});

describe.each(["crm", "http.answer"])("%s.contentType:", (where) => {
  const at = (contentType: unknown) => where === "crm" ? problems({ contentType }) : problems({}, { contentType });

  test.each([
    "text/xml",
    "application/xml",
    "text/plain; charset=us-ascii",
    'text/xml;charset="UTF-8"',
    "text/xml; charset=ISO-8859-1",
  ])(
    "%s is accepted",
    (type) => expect(at(type)).toEqual([]),
  );

  const type = "expected a media type such as text/xml; charset=utf-8";
  test.each([
    ["", type],
    ["xml", type],
    ["text/xml;", type],
    ["text/xml\r\nX: y", type],
    ["text/xml; charset=utf-8\n", type],
    ["text/xml; charset=ütf", type],
    ["text/xml; charset=utf-8; charset=latin1", "expected one charset"],
    ["text/xml; charset=utf-16", "telesetd cannot write the charset UTF-16: expected utf-8 or us-ascii or iso-8859-1"],
  ])("%j is an error", (given, text) => {
    expect(at(given)).toEqual([`${where}.contentType is ${JSON.stringify(given)}: ${at(given)[0]?.split('": ')[1]}`]);
    expect(at(given)[0]).toContain(text);
  });
});

test.each([["a b", "/a b"], ["a line end", "/a\r\nX: y"], ["a fragment", "/a#b"], ["an umlaut", "/ä"]])(
  "crm.path with %s is an error",
  (_, path) => expect(problems({ path })).toEqual([expect.stringContaining("expected no space, no # and only ASCII")]),
);

describe("http.answer.success:", () => {
  const success = (given: unknown) => parse({}, { success: given }).http.answer.success;

  test.each([
    ["element", "element"],
    ["none", "none"],
    ["", "none"],
    ["OK", "OK"],
    ["<CCTSDK/>\r\n", "<CCTSDK/>\r\n"],
    ["größer", "größer"],
  ])("%j for all functions", (given, body) => expect(success(given)).toEqual(successOfAll(body)));

  test("by function, in any case, and for the others", () => {
    const given = { checkstatus: "OK", MAKECALL: "none", others: "<ok/>" };
    expect(success(given)).toEqual({ ...successOfAll("<ok/>"), CheckStatus: "OK", MakeCall: "none" });
    expect(success({ Register: "OK" })).toEqual({ ...successOfAll("element"), Register: "OK" });
  });

  test.each<[string, unknown, string]>([
    ["a function that does not exist", { Registr: "OK" }, "http.answer.success.Registr: not a function: did you mean Register?"],
    ["a function that is like none", { Dance: "" }, "http.answer.success.Dance: not a function: expected Register, Unregister, "],
    ["a function twice", { Ready: "a", READY: "b" }, "http.answer.success.READY: the same function as another key"],
    ["a control character", "O\u0001K", "expected no control character except tab and line end"],
    ["a control character for a function", { Ready: "\u007f" }, "http.answer.success.Ready: expected no control character"],
    ["half a character", "\ud800", "expected no control character except tab and line end"],
    ["4001 characters", "x".repeat(4001), "it has 4001 characters: expected at most 4000"],
    ["a keyword with a space", "none ", 'http.answer.success is "none ": did you mean none?'],
    ["another spelling of a keyword", "None", 'http.answer.success is "None": did you mean none?'],
    ["a number", 5, "http.answer.success is 5: expected element, none, the text to answer, or an object"],
    ["a number for a function", { Ready: 5 }, "http.answer.success.Ready is 5: expected text"],
    ["null", null, "expected element, none, the text to answer, or an object"],
  ])("%s is an error", (_, given, text) => {
    expect(problems({}, { success: given })).toEqual([expect.stringContaining(text)]);
  });

  test("a text that the charset of its Content-Type cannot represent is an error", () => {
    const contentType = "text/plain; charset=iso-8859-1";
    expect(problems({}, { success: "größer", contentType })).toEqual([
      expect.stringContaining(
        "http.answer.success: its text is not ASCII, but http.answer.contentType says ISO-8859-1: expected",
      ),
    ]);
    expect(problems({}, { success: "OK", contentType })).toEqual([]);
  });
});

describe("http.answer.errorStatus:", () => {
  test.each([200, 299, 400, 500, 599])("%d", (errorStatus) => {
    expect(parse({}, { errorStatus }).http.answer.errorStatus).toBe(errorStatus);
  });
  test.each<[unknown, string]>([
    [100, "expected a status from 200 to 599"],
    [600, "expected a status from 200 to 599"],
    [204, "no body"],
    [205, "no body"],
    [302, "redirects are not supported"],
    [304, "redirects are not supported"],
    [500.5, "expected a whole number"],
    ["500", "expected a number"],
  ])("%j is an error", (errorStatus, text) => {
    expect(problems({}, { errorStatus })).toEqual([expect.stringContaining(text)]);
  });
});

test.each(["crm", "http.answer"])("%s.declaration is true or false", (where) => {
  const at = (declaration: unknown) => where === "crm" ? problems({ declaration }) : problems({}, { declaration });
  expect(at(true)).toEqual([]);
  expect(at("yes")).toEqual([`${where}.declaration is "yes": expected true or false`]);
});

describe("http.parameters:", () => {
  const parameters = (given: unknown) =>
    parseConfig(JSON.stringify({ ...minimal, http: { parameters: given } }), lineSchemas, {}).http.parameters;

  test("one additional name or several, in any case", () => {
    expect(parameters({ dialString: ["Number", "canonicalNumber"], AGENTPASSWORD: "pwd" })).toEqual({
      number: "dialString",
      canonicalnumber: "dialString",
      pwd: "agentPassword",
    });
  });

  test.each<[unknown, string]>([
    [{ dialstrin: "x" }, "http.parameters.dialstrin: not a parameter of UWQ: did you mean dialString?"],
    [{ dance: "x" }, "http.parameters.dance: not a parameter of UWQ: expected FunctionName, telesetNumber, "],
    [{ dialString: "a b" }, 'http.parameters.dialString: "a b" is not a name: expected letters, digits and _ . -'],
    [{ dialString: "" }, 'http.parameters.dialString: "" is not a name'],
    [{ dialString: "agentid" }, "http.parameters.dialString: agentid already means agentID"],
    [{ agentID: ["__proto__", "__PROTO__"] }, "http.parameters.agentID: __PROTO__ already means agentID"],
    [{ agentID: ["constructor", "Constructor"] }, "http.parameters.agentID: Constructor already means agentID"],
    [{ dialString: "who", agentID: ["WHO"] }, "http.parameters.agentID: WHO already means dialString"],
    [{ dialString: 5 }, "expected a parameter name, or a list of them"],
    ["x", 'http.parameters is "x": expected an object'],
  ])("%j is an error", (given, text) => expect(() => parameters(given)).toThrow(text));
});

test("crm.port is a port", () => {
  expect(parse({ port: 7777 }).crm.port).toBe(7777);
  expect(problems({ port: 0 })).toEqual([expect.stringContaining("crm.port is 0: ")]);
});

test("a mistyped key gets a hint", () => {
  expect(problems({ header: {} }, { sucess: "OK" })).toEqual([
    "crm.header is not a key: did you mean headers?",
    "http.answer.sucess is not a key: did you mean success?",
  ]);
});

test("telesetd schema has a description of each of these keys, and each header value as a secret", () => {
  const schema = jsonSchema(lineSchemas) as {
    properties: Record<string, { properties: Record<string, Record<string, unknown>> }>;
  };
  const { crm, http } = schema.properties;
  const answer = http?.properties["answer"] as { properties: Record<string, Record<string, unknown>> };
  const own = ["declaration", "headers", "delivered"].map((key) => crm?.properties[key]);
  for (const key of [...own, ...Object.values(answer.properties)]) expect(key?.["description"]).toBeString();
  expect(Object.keys(answer.properties)).toEqual(["success", "contentType", "errorStatus", "declaration"]);
  expect(crm?.properties["headers"]?.["additionalProperties"]).toHaveProperty(
    "anyOf",
    expect.arrayContaining([
      { type: "object", properties: { credential: { type: "string" } }, required: ["credential"] },
    ]),
  );
});
