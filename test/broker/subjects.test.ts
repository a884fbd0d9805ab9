/** The subjects of a fleet: a desk has its own, and nothing in a name can reach another's. */
import { expect, test } from "bun:test";
import { readServer } from "../../src/broker/broker.ts";
import { askSubject, deskSubject, inboxOf, prefixPattern, readAsk, reportSubject } from "../../src/broker/subjects.ts";

test("each contains its desk", () => {
  expect(deskSubject("tele", "1001", "line")).toBe("tele.desk.1001.line");
  expect(askSubject("pbx.two", "*", "*")).toBe("pbx.two.ask.*.*");
  expect(reportSubject("tele", "status", "1001")).toBe("tele.status.1001");
  expect(inboxOf("1001")).toBe("_INBOX.1001.");
});

test.each([
  ["tele.ask.1001.dial", { desk: "1001", question: "dial" }],
  ["tele.ask.1001.dial.x", undefined],
  ["tele.ask.*.dial", undefined],
  ["tele.ask.10 01.dial", undefined],
  ["other.ask.1001.dial", undefined],
  ["tele.desk.1001.line", undefined],
])("a question on %s: %p", (subject, ask) => expect(readAsk("tele", subject)).toEqual(ask as never));

test.each(["tele", "pbx.two", "a-b_c"])("%s is a prefix", (prefix) => expect(prefix).toMatch(prefixPattern));
test.each(["", "tele.", "*", "tele.>", "a b", "_INBOX.$"])(
  "%p is not a prefix",
  (text) => expect(text).not.toMatch(prefixPattern),
);

test.each([
  ["tls://10.1.0.5:4222", { tls: true, host: "10.1.0.5", port: 4222 }],
  ["nats://broker.example.com", { tls: false, host: "broker.example.com", port: 4222 }],
  ["tls://[fd00::1]:4223", { tls: true, host: "fd00::1", port: 4223 }],
  ["http://10.1.0.5", undefined],
  ["tls://10.1.0.5:99999", undefined],
  ["tls://user:password@10.1.0.5", undefined],
])("the server %s is %p", (url, server) => expect(readServer(url)).toEqual(server as never));
