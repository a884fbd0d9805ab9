import { describe, expect, test } from "bun:test";
import { requestText } from "../../src/cctsdk/redact.ts";

const asked = (path: string, query = "") => ({ from: "10.0.0.5", method: "GET", path, query, header: () => undefined });

describe("a request in the trace", () => {
  test("is complete", () => {
    expect(requestText(asked("/", "FunctionName=Ready"), { host: "box", "user-agent": "Java/1.8" }, undefined)).toEqual({
      request: "GET /?FunctionName=Ready",
      headers: "host: box; user-agent: Java/1.8",
    });
  });

  test.each([
    ["/k3y", ""],
    ["/k3y/", "FunctionName=Ready"],
    ["/k3y/more", ""],
    ["/%6b3y/", ""],
    ["/x", "a=/k3y"],
    ["/", "a=%2Fk3y"],
    ["/", "a=%zz&b=/k3y"],
    ["/%6B3y", "a=%zz"],
    ["/", "a=%zz&b=%2fk%33y"],
  ])("does not contain the secret prefix: %s?%s", (path, query) => {
    const { request, headers } = requestText(asked(path, query), { referer: "http://box/k3y/" }, "/k3y");
    expect(`${request} ${headers}`).not.toMatch(/k3y|%6b3y/i);
    expect(request).toStartWith("GET /");
  });

  test("contains no password and no credentials", () => {
    const text = requestText(
      asked("/;agentPassword=hunter2", "agentPassword=hunter2&x=1"),
      { authorization: "Basic hunter2", cookie: "a=hunter2", "x-note": "agentPassword=hunter2", accept: "*/*" },
      undefined,
    );
    expect(JSON.stringify(text)).not.toContain("hunter2");
    expect(text.headers).toEndWith("accept: */*");
    expect(text.request).toEndWith("&x=1");
  });
});
