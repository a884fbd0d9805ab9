import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { type CalloutContext, decodeAnswer, decodeCallout } from "../../src/cctsdk/decode.ts";
import { type CalloutName, calloutNames } from "../../src/core/crm.ts";
import { withoutInvisible } from "../../src/core/spelling.ts";

setDefaultTimeout(60_000);

// A backstop: how long many runs of a property take depends on the machine.
const context: CalloutContext = {
  from: "10.0.0.5",
  desks: ["1001", "1002"],
  addressAllowed: (address) => address === "10.9.9.9",
};
const decode = (query: string) => decodeCallout(query, context);
const why = (query: string): string => {
  const decoded = decode(query);
  return decoded.ok ? "" : decoded.why;
};
const who = "telesetNumber=1001&agentID=SMITH";

// deno-lint-ignore no-control-regex -- control characters must not appear in an error
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A valid query for each callout, by parameter. */
const good: Record<CalloutName, Record<string, string>> = {
  Register: { telesetNumber: "1001", agentID: "SMITH", ipAddress: "10.0.0.5", port: "5000" },
  Unregister: { telesetNumber: "1001", agentID: "SMITH" },
  Login: { telesetNumber: "1001", agentID: "SMITH", agentPassword: "s3cret", agentQueue: "sales" },
  Logout: { telesetNumber: "1001", agentID: "SMITH", agentQueue: "sales" },
  Ready: { telesetNumber: "1001", agentID: "SMITH" },
  NotReady: { telesetNumber: "1001", agentID: "SMITH" },
  CheckStatus: {},
  MakeCall: { telesetNumber: "1001", agentID: "SMITH", dialString: "94155550123" },
  DialCanonical: { telesetNumber: "1001", agentID: "SMITH", dialString: "%2B1+%28415%29+555-0123" },
};
const optional = ["ipAddress", "agentPassword", "agentQueue"];
const query = (name: string, parameters: Record<string, string>): string =>
  [`FunctionName=${name}`, ...Object.entries(parameters).map(([key, value]) => `${key}=${value}`)].join("&");
const parameters = calloutNames.flatMap((name) => Object.keys(good[name]).map((parameter) => [name, parameter] as const));

describe("a valid callout is decoded:", () => {
  const smith = { desk: "1001", agent: "SMITH" };
  test.each(
    [
      ["Register", { ...smith, address: "10.0.0.5", port: 5000 }],
      ["Unregister", smith],
      ["Login", { ...smith, password: "s3cret", queue: "sales" }],
      ["Logout", { ...smith, queue: "sales" }],
      ["Ready", smith],
      ["NotReady", smith],
      ["CheckStatus", { from: "10.0.0.5" }],
      ["MakeCall", { ...smith, dialString: "94155550123", from: "10.0.0.5" }],
      ["DialCanonical", { ...smith, dialString: "+1 (415) 555-0123", from: "10.0.0.5" }],
    ] as const,
  )("%s", (name, rest) => {
    expect<unknown>(decode(query(name, good[name]))).toEqual({ ok: true, callout: { name, ...rest } });
  });
});

describe("spelling is flexible:", () => {
  const ready = { ok: true, callout: { name: "Ready", desk: "1001", agent: "SMITH" } };
  test.each([
    ["names in any case", "functionname=READY&TELESETNUMBER=1001&AgentId=SMITH"],
    ["any order", `${who}&FunctionName=Ready`],
    ["repeated identically", `FunctionName=Ready&${who}&telesetNumber=1001&functionName=ready`.replace("ready", "Ready")],
    ["repeated identically except for spaces", `FunctionName=Ready&${who}&telesetNumber=+1001+`],
    ["repeated, once empty", `FunctionName=Ready&${who}&telesetNumber=`],
    ["spaces around values", "FunctionName=+Ready%20&telesetNumber=%201001&agentID=SMITH+"],
    ["encoded names and values", "Function%4eame=%52eady&telesetNumber=%31001&agentID=SMITH"],
    ["unknown parameters, even broken", `FunctionName=Ready&${who}&foo=%zz&%ff=1&bar&=&&__proto__=x`],
    ["empty optional parameters", `FunctionName=Ready&${who}&agentPassword=&agentQueue`],
  ])("%s", (_, text) => expect<unknown>(decode(text)).toEqual(ready));

  test("Login without password and queue", () => {
    expect<unknown>(decode(`FunctionName=Login&${who}`)).toEqual({
      ok: true,
      callout: { name: "Login", desk: "1001", agent: "SMITH" },
    });
  });

  test("UTF-8 in values", () => {
    expect(decode("FunctionName=Ready&telesetNumber=1001&agentID=M%C3%9CLLER+%F0%9F%98%80")).toMatchObject({
      callout: { agent: "MÜLLER 😀" },
    });
  });

  test("an equals sign in a value", () => {
    expect(decode("FunctionName=Ready&telesetNumber=1001&agentID=a=b")).toMatchObject({ callout: { agent: "a=b" } });
  });
});

describe("each parameter of each callout:", () => {
  const changed = (name: CalloutName, parameter: string, value: string) => query(name, { ...good[name], [parameter]: value });

  test.each(parameters)("%s without %s", (name, parameter) => {
    const text = why(changed(name, parameter, ""));
    if (optional.includes(parameter)) expect(text).toBe("");
    else expect(text).toStartWith(`${name} failed: ${parameter} is missing: expected `);
  });

  test.each(parameters)("%s with %s twice, different", (name, parameter) => {
    const text = why(`${query(name, good[name])}&${parameter}=oth%22er`);
    expect(text).toStartWith(`${name} failed: ${parameter} is given twice with different values`);
    if (parameter !== "agentPassword") expect(text).toContain('and "oth?er": expected one');
  });

  test.each(parameters)("%s with %s of 3,000 characters", (name, parameter) => {
    const text = why(changed(name, parameter, "7".repeat(3000)));
    expect(text).toStartWith(`${name} failed: ${parameter} `);
    expect(text.length).toBeLessThan(200);
  });

  test.each(parameters.flatMap((pair) => ["\ufffd", "%EF%BF%BD"].map((bad) => [...pair, bad] as const)))(
    "%s with %s damaged by the client: %p",
    (name, parameter, bad) => {
      expect(why(changed(name, parameter, `1001${bad}`))).toBe(
        `${name} failed: ${parameter} contains U+FFFD, which replaces an unreadable character: expected UTF-8 or windows-1252.`,
      );
    },
  );

  test.each(
    parameters.flatMap((pair) => ["%zz", "%", "%4", "%4g", "%FC%"].map((bad) => [...pair, bad] as const)),
  )(
    "%s with %s incorrectly encoded: %p",
    (name, parameter, bad) => {
      expect(why(changed(name, parameter, `1001${bad}`))).toBe(
        `${name} failed: ${parameter} cannot be decoded: expected two hexadecimal digits after each %.`,
      );
    },
  );

  test.each(parameters.flatMap((pair) =>
    [
      ["%0d%0a", "U+000D"],
      ["%00", "U+0000"],
      ["%7F", "U+007F"],
      ["%C2%85", "U+0085"],
      ["%81", "U+0081"],
      ["%E2%80%A8", "U+2028"],
      ["\t", "U+0009"],
    ].map(([bad = "", code = ""]) => [...pair, bad, code] as const)
  ))(
    "%s with %s containing the control character %p",
    (name, parameter, bad, code) => {
      for (const value of [`1001${bad}`, `${bad}1001`, `10${bad}01`]) {
        expect(why(changed(name, parameter, value))).toBe(
          `${name} failed: ${parameter} contains the control character ${code}: remove it.`,
        );
      }
    },
  );

  // Free text is accepted, since it is escaped later; other values are refused, and the error has no quote that could end a string.
  test.each(parameters)("%s with %s containing quotes and angle brackets", (name, parameter) => {
    const decoded = decode(changed(name, parameter, "%22%3Cb%3E%27"));
    if (!["telesetNumber", "ipAddress", "port"].includes(parameter)) expect(decoded.ok).toBe(true);
    else expect(decoded).toMatchObject({ ok: false, why: expect.stringContaining(`${parameter} is "?<b>'"`) });
  });
});

test("an invalid value is an error even if a valid one is repeated before or after it", () => {
  for (const ids of ["agentID=%zz&agentID=SMITH", "agentID=SMITH&agentID=%zz"]) {
    expect(why(`FunctionName=Ready&telesetNumber=1001&${ids}`)).toContain("agentID cannot be decoded");
  }
});

describe("limits:", () => {
  test.each(
    [["agentID", "Ready", 60], ["agentPassword", "Login", 100], ["agentQueue", "Logout", 100], [
      "dialString",
      "MakeCall",
      100,
    ]] as const,
  )(
    "%s of %s may have %d characters (code points)",
    (parameter, name, most) => {
      const of = (length: number) => decode(query(name, { ...good[name], [parameter]: encodeURIComponent("😀".repeat(length)) }));
      expect(of(most).ok).toBe(true);
      expect(of(most + 1)).toMatchObject({
        ok: false,
        name,
        why: `${name} failed: ${parameter} has ${most + 1} characters: expected at most ${most}.`,
      });
    },
  );

  test.each([["1", 1], ["65535", 65535], ["08090", 8090]])("port %s is accepted", (port, number) => {
    expect(decode(query("Register", { ...good.Register, port }))).toMatchObject({ callout: { port: number } });
  });

  test.each(["0", "65536", "-1", "1.5", "0x50", "1e3", "99999999999", "%D9%A1", "8090%20a"])("port %s is refused", (port) => {
    expect(why(query("Register", { ...good.Register, port }))).toContain("expected a number from 1 to 65535");
  });
});

describe("ipAddress", () => {
  const register = (ipAddress: string, from = "10.0.0.5") =>
    decodeCallout(query("Register", { ...good.Register, ipAddress }), { ...context, from });

  test.each([
    "",
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "10.0.0.5",
    "::ffff:10.0.0.5",
  ])(
    "%p means the source address",
    (ip) => expect(register(ip)).toMatchObject({ callout: { address: "10.0.0.5" } }),
  );

  test.each([["10.9.9.9", "10.9.9.9"], ["::ffff:10.9.9.9", "10.9.9.9"]])("%s is a different, allowed address", (ip, address) => {
    expect(register(ip)).toMatchObject({ callout: { address } });
  });

  test("in IPv6 is compared regardless of spelling", () => {
    expect(register("[2001:DB8:0::1]", "2001:db8::1")).toMatchObject({ callout: { address: "2001:db8::1" } });
  });

  test.each(["10.0.0.6", "8.8.8.8", "0.0.0.0", "::", "fe80::1"])("%s is a different address, not allowed", (ip) => {
    expect(register(ip)).toEqual({
      ok: false,
      name: "Register",
      refused: true,
      desk: "1001",
      agent: "SMITH",
      why:
        `Register failed: ipAddress is ${ip}, but the request came from 10.0.0.5: use that address, or list ${ip} in crm.registerAllow.`,
    });
  });

  test.each(["10.1", "010.0.0.5", "0x7f000001", "2130706433", "agentpc", "10.0.0.5:80", "1.2.3.4/8", "::g"])(
    "%s is not an address",
    (ip) => {
      expect(register(ip)).toMatchObject({
        ok: false,
        why: expect.stringContaining(`"${ip}": expected an IP address, localhost or nothing`),
      });
    },
  );
});

describe("errors are clear:", () => {
  test.each([
    ["", `FunctionName is missing: expected one of ${calloutNames.join(", ")}`],
    [who, "FunctionName is missing"],
    ["FunctionName=Redy", 'FunctionName is "Redy": did you mean Ready? Otherwise expected one of Register'],
    ["FunctionName=un-register", "did you mean Unregister?"],
    ["FunctionName=HangUpTheCall", `FunctionName is "HangUpTheCall": expected one of ${calloutNames.join(", ")}`],
    ["FunctionName=Ready&FunctionName=NotReady", 'FunctionName is given twice with different values, "Ready" and "NotReady"'],
    ["FunctionName=%f", "FunctionName cannot be decoded"],
    ["FunctionName=R%E9ady", 'FunctionName is "Réady": did you mean Ready?'],
    ["FunctionName=Ready&agentID=x&telesetNumber=1OO1", 'telesetNumber is "1OO1" (O (U+004F) is not a digit), but this box'],
    ["FunctionName=Ready&agentID=x&telesetNumber=1%D0%9E01", 'is "1\u041e01" (\u041e (U+041E) is not a digit), but this box'],
    [`FunctionName=Ready&agentID=x&telesetNumber=1009`, 'telesetNumber is "1009", but this box serves 1001, 1002.'],
  ])("%s", (text, part) => expect(why(text)).toContain(part));

  test("all problems of a callout are reported together", () => {
    expect(why("FunctionName=Register&telesetNumber=9&port=0&agentQueue=%f")).toBe(
      'Register failed: telesetNumber is "9", but this box serves 1001, 1002; agentID is missing: expected the agent\'s id; ' +
        'port is "0": expected a number from 1 to 65535, the port that UWQ listens on.',
    );
  });

  test("a long list of desks is shortened, with a count", () => {
    const desks = Array.from({ length: 1000 }, (_, i) => String(2000 + i));
    const decoded = decodeCallout("FunctionName=Ready&agentID=x", { ...context, desks });
    expect(decoded).toMatchObject({ why: expect.stringMatching(/this box serves 2000, 2001, .* 2009 and 990 more\.$/) });
  });
});

describe("a password is never repeated:", () => {
  test.each([
    `FunctionName=Login&${who}&agentPassword=hunter2&agentPassword=hunter3`,
    `FunctionName=Login&${who}&agentPassword=hunter2%0a`,
    `FunctionName=Login&${who}&agentPassword=hunter2%zz`,
    `FunctionName=Login&${who}&agentPassword=${"hunter2".repeat(20)}`,
    "FunctionName=Login;agentPassword=hunter2",
    "FunctionName=Login&telesetNumber=1001;agentPassword=hunter2&agentID=x",
    `FunctionName=Register&${who}&port=5000;agentPassword=hunter2`,
  ])("%s", (text) => {
    expect(why(text)).not.toBe("");
    expect(why(text)).not.toContain("hunter");
  });
});

describe("for any query,", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...calloutNames,
      "FunctionName",
      "telesetNumber",
      "agentID",
      "ipAddress",
      "port",
      "agentPassword",
      "dialString",
    ),
    fc.constantFrom("=", "&", "+", "%", "%0d", "%ff", "%C3%A9", "1001", "5000", "#", "?", ";"),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  const anyQuery = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
  const anyValue = fc.string({ unit: "binary", maxLength: 20 });

  test("decoding never throws, and errors contain no control character", () => {
    fc.assert(fc.property(anyQuery, (text) => expect(why(text)).not.toMatch(control)), {
      numRuns: 500,
    });
  });

  test("a free-text value is kept unchanged, or the callout is refused for a control character or its length", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const decoded = decode(
          `FunctionName=MakeCall&${who}&dialString=${value.isWellFormed() ? encodeURIComponent(value) : value}`,
        );
        const seen = withoutInvisible(value).trim();
        if (decoded.ok) expect(decoded.callout).toMatchObject({ dialString: seen });
        else {expect(
            seen === "" || control.test(value) || /[&#%+\ufffd]/.test(value) || !value.isWellFormed(),
          ).toBe(true);}
      }),
      { numRuns: 500 },
    );
  });
});

describe("an answer from the CRM", () => {
  const error = '<CCTSDK><event name="Error"><data name="occtErrorMsg" value="a &amp; b"/></event></CCTSDK>';
  test.each([
    ["an Error", error, "a & b"],
    ["an Error after a declaration", `<?xml version="1.0"?>\n${error}`, "a & b"],
    ["an Error without a text", '<CCTSDK><event name="Error"/></CCTSDK>', "Error without occtErrorMsg"],
    ["success", "<CCTSDK></CCTSDK>", undefined],
    ["another event", '<CCTSDK><event name="Fine"><data name="occtErrorMsg" value="Error"/></event></CCTSDK>', undefined],
    ["HTML", "<html><body>Error<br></body></html>", undefined],
    ["nothing", "", undefined],
    ["an Error with a document type", `<!DOCTYPE x>${error}`, undefined],
  ])("that is %s", (_, text, message) => expect(decodeAnswer(text)).toBe(message));
});
