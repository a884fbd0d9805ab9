/** Whatever Asterisk sends, the translation continues, and reports only what it may. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { LegFacts } from "../../../src/core/line.ts";
import { Translator } from "../../../drivers/asterisk/translate.ts";
import { readEvent } from "../../../drivers/asterisk/wire/message.ts";
import { called, dialEvent, dialling, event, model, reading, site, trunk } from "../../support/asterisk/shown.ts";

setDefaultTimeout(60_000);

const up = { ...called, state: "Up" };

describe("for any input", () => {
  const anyChannel = fc.oneof(
    fc.constantFrom(called, up, dialling, trunk, { ...called, name: "PJSIP/1003-00000001", id: "3" }).map(model),
    fc.object(),
    fc.constant(null),
    fc.string(),
  );
  const anyEvent = fc.record({
    type: fc.constantFrom(
      ...[
        "ChannelCreated",
        "ChannelStateChange",
        "ChannelVarset",
        "ChannelConnectedLine",
        "ChannelDestroyed",
        "ChannelHold",
        "Dial",
      ],
      "EndpointStateChange",
    ),
    channel: anyChannel,
    caller: anyChannel,
    peer: anyChannel,
    endpoint: fc.oneof(fc.object(), fc.constant({ technology: "PJSIP", resource: "1001", state: "online" })),
    dialstatus: fc.constantFrom("", "RINGING", "ANSWER", "BUSY", "x"),
    variable: fc.constantFrom("BRIDGEPEER", "CustomerID", "BLINDTRANSFER", "\u0000"),
    value: fc.string(),
    cause: fc.oneof(fc.integer(), fc.string()),
  });

  test("no events crash it, and every fact is about a desk, a leg and nothing withheld by mistake", () => {
    fc.assert(fc.property(fc.array(anyEvent), (events) => {
      const translator = new Translator(site);
      for (const json of events) {
        const read = readEvent(JSON.stringify(json));
        if (!read) continue;
        const must = translator.mustRead(read);
        const shown = must !== undefined && read.channel
          ? translator.read(read.channel, reading({ presentation: "prohib" }))
          : [];
        for (const result of [...shown, ...translator.event(read)]) {
          expect(["1001", "1003"]).toContain(result.type === "leg" ? result.facts.desk : result.desk);
          if (result.type !== "leg") continue;
          expect(result.facts.leg).toMatch(/^.{1,60}$/u);
          if (result.facts.caller) expect(result.facts.caller.withheld).toBe(true);
        }
      }
    }));
  });

  test("repeated and reordered events never unsay anything", () => {
    const events = [
      event("ChannelStateChange", called),
      event("ChannelStateChange", up),
      event("ChannelConnectedLine", up),
      dialEvent("RINGING", trunk, up),
    ];
    fc.assert(fc.property(fc.array(fc.constantFrom(...events)), (some) => {
      const translator = new Translator(site);
      const facts = some.flatMap((event) => translator.event(event)).map((result) => result.type === "leg" ? result.facts : {});
      for (const sign of ["rings", "answered", "farCalled", "farAnswered", "queue"] as const) {
        for (const fact of facts) expect((fact as LegFacts)[sign] ?? true).toBe(true);
      }
    }));
  });
});
