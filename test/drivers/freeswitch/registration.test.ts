/** Events about the phone itself, and nonsensical frames. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Translator } from "../../../drivers/freeswitch/translate.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

const desks = [{ extension: "1001", presence: ["1001@pbx.example", "1001@10.0.0.1", "1001@[2001:db8::1]", "1001@2001:db8::1"] }];
const site = { desks, outsideProfiles: ["external"], variables: ["CustomerID"] };
const custom = (subclass: string, headers: Record<string, string>) =>
  new Translator(site).frame({ "Event-Name": "CUSTOM", "Event-Subclass": subclass, ...headers });

describe("registrations", () => {
  const ours = { "from-user": "1001", "from-host": "pbx.example", contact: "<sip:1001@10.0.0.9>" };
  const expiry = { user: "1001", host: "pbx.example", contact: "<sip:1001@10.0.0.9>" };
  const lookUp = [{ type: "look-up-phone" as const, desk: "1001" }];
  const registered = [{ type: "phone" as const, desk: "1001", registered: true, contact: "<sip:1001@10.0.0.9>" }];

  test.each([
    ["sofia::register: registered", "sofia::register", ours, registered],
    ["sofia::register by an alias", "sofia::register", { ...ours, "from-host": "10.0.0.1" }, registered],
    ["sofia::register that names us in to-user only", "sofia::register", {
      "to-user": "1001",
      "to-host": "pbx.example",
      contact: ours.contact,
    }, registered],
    ["sofia::unregister: another contact may be left, look it up", "sofia::unregister", ours, lookUp],
    ["sofia::expire: another contact may be left, look it up", "sofia::expire", expiry, lookUp],
    ["another tenant's 1001 registers with our realm, on our profile: the switch is asked", "sofia::register", {
      ...ours,
      "from-host": "other.example",
      "to-host": "other.example",
      realm: "pbx.example",
      "presence-hosts": "other.example,pbx.example",
    }, lookUp],
    ["another tenant's 1001 is unregistered, and we have that realm: the switch is asked", "sofia::unregister", {
      ...ours,
      "from-host": "other.example",
      realm: "pbx.example",
    }, lookUp],
    ["a colleague registers for 1001's account name: nothing", "sofia::register", {
      ...ours,
      "from-user": "1002",
      "to-user": "1001",
      username: "1001",
    }, []],
    ["another spelling of our domain", "sofia::register", { ...ours, "from-host": "PBX.Example" }, registered],
    ["our domain with a port: the switch is asked", "sofia::unregister", { ...ours, "from-host": "PBX.example:5060" }, lookUp],
    ["our domain as an absolute name: the switch is asked", "sofia::register", { ...ours, "from-host": "pbx.example." }, lookUp],
    ["our address with a port: the switch is asked", "sofia::expire", { ...expiry, host: "[2001:DB8::1]:5060" }, lookUp],
    ["another tenant with a port: nothing", "sofia::unregister", { ...ours, "from-host": "Other.example:5060" }, []],
    ["an address of another tenant that ends like ours: nothing", "sofia::expire", { ...expiry, host: "2001:db8::1:5060" }, []],
    ["another tenant's 1001 registers: nothing", "sofia::register", { ...ours, "from-host": "other.example" }, []],
    ["another tenant's 1001 unregisters: nothing", "sofia::unregister", { ...ours, "from-host": "other.example" }, []],
    ["another tenant's 1001 expires: nothing", "sofia::expire", { ...expiry, host: "other.example" }, []],
    ["a colleague registers: nothing", "sofia::register", { ...ours, "from-user": "1002" }, []],
    ["nobody registers: nothing", "sofia::register", {}, []],
    ["another word of sofia: nothing", "sofia::gateway_state", ours, []],
    ["a word of the queue: nothing", "callcenter::info", { "CC-Action": "agent-status-change", ...ours }, []],
  ])("%s", (_name, subclass, headers, expected) => {
    expect(custom(subclass, headers as Record<string, string>)).toEqual(expected);
  });
});

describe("nonsensical frames", () => {
  const headers = [
    "Event-Name",
    "Event-Subclass",
    "Unique-ID",
    "Old-Unique-ID",
    "Channel-Presence-ID",
    "Channel-Name",
    "Call-Direction",
    "Answer-State",
    "Channel-Call-State",
    "Caller-Caller-ID-Number",
    "Caller-Callee-ID-Number",
    "Caller-Destination-Number",
    "Caller-RDNIS",
    "Hangup-Cause",
    "Other-Type",
    "Other-Leg-Unique-ID",
    "Other-Leg-Direction",
    "Other-Leg-Channel-Name",
    "Other-Leg-Destination-Number",
    "Other-Leg-Caller-ID-Number",
    "Other-Leg-Callee-ID-Number",
    "Other-Leg-Channel-Answered-Time",
    "variable_originated_legs",
    "variable_originating_leg_uuid",
    "variable_telesetd_call",
    "variable_CustomerID",
    "variable_cc_member_session_uuid",
    "CC-Action",
    "CC-Member-Session-UUID",
    "CC-Member-DNIS",
    "from-user",
    "from-host",
    "contact",
    "variable_sip_gateway_name",
  ];
  const values = [
    "",
    "CUSTOM",
    "CHANNEL_CREATE",
    "CHANNEL_PROGRESS",
    "CHANNEL_CALLSTATE",
    "CHANNEL_ANSWER",
    "CHANNEL_BRIDGE",
    "CHANNEL_UUID",
    "CALL_UPDATE",
    "CHANNEL_HANGUP",
    "callcenter::info",
    "agent-offering",
    "sofia::register",
    "sofia::expire",
    "1001@pbx.example",
    "1001",
    "pbx.example",
    "leg",
    "far",
    "inbound",
    "outbound",
    "answered",
    "ringing",
    "hangup",
    "RING_WAIT",
    "originatee",
    "0",
    "14155550123",
    "1001-0x55",
    "sofia/external/x",
    "constructor",
    "__proto__",
    "toString",
  ];
  const text = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: fc.string() });
  const frame = fc.dictionary(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...headers) }, { weight: 1, arbitrary: fc.string() }),
    fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.array(text, { maxLength: 3 }) }),
    { minKeys: 4, maxKeys: headers.length, noNullPrototype: true },
  ).map((drawn) => ({ "Channel-Presence-ID": "1001@pbx.example", "Unique-ID": "leg", ...drawn }));

  test("in any order, nothing is thrown, and all facts are of our desk and fit the CRM", () => {
    let count = 0;
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), (frames) => {
        const translator = new Translator(site);
        translator.dials.set("leg", "1001");
        for (const event of frames.flatMap((frame) => translator.frame(frame))) {
          count++;
          expect("facts" in event ? event.facts.desk : "desk" in event && event.desk).toBe("1001");
          if (event.type === "leg") expect(event.facts.leg).toMatch(/^[^]{1,60}$/);
        }
      }),
      { numRuns: 3000 },
    );
    expect(count).toBeGreaterThan(1000);
  });
});
