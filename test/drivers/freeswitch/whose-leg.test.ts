/** Whether a leg with the desk's presence id belongs to the desk: its destination decides. */
import { describe, expect, test } from "bun:test";
import { Translator } from "../../../drivers/freeswitch/translate.ts";
import { type Contact, readContacts } from "../../../drivers/freeswitch/whose-leg.ts";
import { dialling, ringing, site } from "../../support/freeswitch/frames.ts";

const direct = "sofia/internal/sip:1001-0x55@10.0.0.9:5060";
const nat = "sofia/internal/sip:7kq2@192.168.1.20:5062;fs_nat=yes;fs_path=sip%3A7kq2%40203.0.113.9%3A61234";
const path = "sofia/internal/sip:7kq2@10.1.1.1:5060;fs_path=%3Csip%3A10.0.0.5%3A5070%3Blr%3E";
const tls = "sofia/internal/sip:7kq2@10.0.0.9:5061;transport=tls";
const webSocket =
  "sofia/internal/sip:gk41bsi3@df7jal23ls0d.invalid;transport=ws;fs_nat=yes;fs_path=sip%3Agk41bsi3%40203.0.113.9%3A4040%3Btransport%3Dws";
const ipv6 = "sofia/internal/sip:7kq2@[2001:db8:0::5]:5060";
const outside = "sofia/external/sip:7kq2@198.51.100.7:5060";

/** A leg as translated. @param answer of `sofia_contact` before; undefined: it was not asked yet. */
function translated(answer: string | undefined, change: Record<string, string>, frame = ringing, known: string[] = []) {
  const contacts: readonly Contact[] | undefined = answer === undefined ? undefined : readContacts(answer);
  const translator = new Translator(site, {
    contactsOf: () => contacts,
    known: () => known.map((leg) => ({ desk: "1001", leg })),
  });
  return translator.frame({ ...frame, ...change });
}

const forwarded = { "Channel-Name": "sofia/external/14155550177@203.0.113.77" };

describe("a leg to a registered contact is the desk's", () => {
  test.each([
    ["the contact itself", direct, "sofia/internal/1001-0x55@10.0.0.9:5060"],
    ["with its scheme in the name", direct, "sofia/internal/sip:1001-0x55@10.0.0.9:5060"],
    ["one of several contacts", `${direct},${nat}`, "sofia/internal/7kq2@192.168.1.20:5062"],
    ["behind a NAT, by the address that the phone names", nat, "sofia/internal/7kq2@192.168.1.20:5062"],
    ["behind a NAT, by the address that its packets come from", nat, "sofia/internal/7kq2@203.0.113.9:61234"],
    ["behind a NAT that has given the phone another port", nat, "sofia/internal/7kq2@203.0.113.9:61999"],
    ["through a Path", path, "sofia/internal/7kq2@10.1.1.1:5060"],
    ["through a Path, by the proxy's address", path, "sofia/internal/7kq2@10.0.0.5:5070"],
    ["over TLS", tls, "sofia/internal/7kq2@10.0.0.9:5061"],
    ["a phone that has started again, with another user", direct, "sofia/internal/zz19@10.0.0.9:5060"],
    ["over a WebSocket", webSocket, "sofia/internal/gk41bsi3@df7jal23ls0d.invalid"],
    ["IPv6, spelled otherwise", ipv6, "sofia/internal/7kq2@[2001:0DB8::5]:5060"],
    ["another spelling of a host's name", "sofia/internal/sip:7kq2@Phone.Example.", "sofia/internal/7kq2@phone.example:5060"],
    ["a profile for outside on which the desk is registered", `${direct},${outside}`, "sofia/external/7kq2@198.51.100.7:5060"],
    ["dialled by its registration, without a host", direct, "sofia/internal/1001"],
    ["a contact with a comma", "sofia/internal/sip:7kq2@10.0.0.9:5060;a=b,c", "sofia/internal/7kq2@10.0.0.9:5060"],
  ])("%s", (_name, contacts, name) => {
    expect(translated(contacts, { "Channel-Name": name })).toMatchObject([{ type: "leg", facts: { desk: "1001", rings: true } }]);
  });
});

describe("in doubt the leg is the desk's", () => {
  test.each([
    ["no contact known yet", undefined, forwarded["Channel-Name"]],
    ["verto", direct, "verto.rtc/1001@pbx.example"],
    ["verto, and no SIP phone is registered", "error/user_not_registered", "verto.rtc/1001@pbx.example"],
    ["the extension at another host: a proxy between", direct, "sofia/internal/1001@proxy.example"],
    ["the extension's contact at another host: the phone has moved", direct, "sofia/internal/1001-0x99@10.0.0.77:5060"],
    [
      "phones registered at a proxy only, behind an outside profile",
      "error/user_not_registered",
      "sofia/external/1001@proxy.example",
    ],
    ["a phone that never registers", "error/user_not_registered", "sofia/internal/7kq2@10.0.0.9"],
    ["a name that says nothing", direct, ""],
  ])("%s", (_name, contacts, name) => {
    expect(translated(contacts, { "Channel-Name": name })).toMatchObject([{ type: "leg", facts: { rings: true } }]);
  });

  test("a leg of our own dial", () => {
    const change = { ...forwarded, variable_telesetd_call: "call", variable_sip_redirected_to: "<sip:1415@203.0.113.77>" };
    expect(translated(direct, change)).toMatchObject([{ type: "leg", facts: { call: "call" } }]);
  });

  test("a leg that belonged to another desk at its start stays with that desk, although it now carries this one's presence id", () => {
    const desks = [...site.desks, { extension: "1002", presence: ["1002@pbx.example"] }];
    const known = () => [{ desk: "1002", leg: "leg" }];
    const translator = new Translator({ ...site, desks }, { contactsOf: () => readContacts(direct), known });
    const frame = { ...ringing, "Channel-Name": "sofia/internal/1002@10.0.0.9:5070", "Event-Name": "CALL_UPDATE" };
    expect(translator.frame(frame)).toMatchObject([{ facts: { desk: "1002" } }]);
  });

  test("a leg that belonged to the desk at its start, although it now carries a presence id of no desk", () => {
    const change = { "Channel-Presence-ID": "1005@pbx.example", "Event-Name": "CHANNEL_HANGUP" };
    expect(translated(direct, change, ringing)).toEqual([]);
    expect(translated(direct, change, ringing, ["leg"])).toMatchObject([{ facts: { desk: "1001", ended: {} } }]);
  });

  test("a leg that belonged to the desk at its start, although the contact is now gone", () => {
    expect(translated(direct, { "Channel-Name": "sofia/internal/7kq2@10.9.9.9" })).toEqual([]);
    const ended = { "Channel-Name": "sofia/internal/7kq2@10.9.9.9", "Event-Name": "CHANNEL_HANGUP" };
    expect(translated(direct, ended, ringing, ["leg"])).toMatchObject([{ type: "leg", facts: { ended: {} } }]);
  });
});

describe("a leg that goes elsewhere is not the desk's", () => {
  const names = ["CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_CALLSTATE", "CHANNEL_ANSWER", "CALL_UPDATE", "CHANNEL_HANGUP"];

  test.each([
    ["by an outside profile without a contact", direct, forwarded["Channel-Name"]],
    ["by an outside profile, to the extension's namesake", direct, "sofia/external/1001@203.0.113.77"],
    ["by an outside profile, while no phone is registered", "error/user_not_registered", forwarded["Channel-Name"]],
    ["to a foreign host", direct, "sofia/internal/14155550177@203.0.113.77"],
    ["to a foreign host, with several contacts", `${direct},${nat},${webSocket}`, "sofia/internal/14155550177@203.0.113.77:5062"],
    ["to another port and user of a contact's host", direct, "sofia/internal/14155550177@10.0.0.9:5090"],
    ["to a foreign IPv6 host", ipv6, "sofia/internal/14155550177@[2001:db8::6]:5060"],
    ["by a gateway", direct, "sofia/external/14155550177"],
  ])("%s", (_name, contacts, name) => {
    for (const event of names) {
      const state = event === "CHANNEL_CALLSTATE" ? { "Channel-Call-State": "RINGING" } : {};
      const events = translated(contacts, { "Channel-Name": name, "Event-Name": event, ...state });
      // Its beginning is reported, so that the history of calls can explain it.
      expect(events.map(({ type }) => type)).toEqual(event === "CHANNEL_CREATE" ? ["leg-elsewhere"] : []);
    }
  });

  test("a call that comes in by an outside profile with the desk's name is not the desk's call", () => {
    const change = { "Channel-Name": "sofia/external/1001@pbx.example" };
    expect(translated(direct, change, dialling)).toEqual([]);
    expect(translated(`${direct},${outside}`, change, dialling)).toMatchObject([{ facts: { direction: "from-desk" } }]);
    expect(translated(direct, {}, dialling)).toMatchObject([{ facts: { direction: "from-desk" } }]);
  });
});

describe("a phone that forwards the call itself (302)", () => {
  const target = { variable_sip_redirected_to: "<sip:14155550177@203.0.113.77>" };

  test.each([["contacts known", direct], ["none known", undefined]])("ends its leg, %s", (_name, contacts) => {
    expect(translated(contacts, target)).toEqual([{
      type: "leg",
      facts: {
        desk: "1001",
        leg: "leg",
        ended: { cause: "REDIRECTION_TO_NEW_DESTINATION", why: "Phone 1001 has forwarded the call to another place." },
      },
    }]);
    expect(translated(contacts, { ...target, "Event-Name": "CHANNEL_ANSWER" }, ringing, ["leg"])).toMatchObject([{
      facts: { ended: {} },
    }]);
  });

  test.each([
    ["to another of its own contacts", { variable_sip_redirected_to: "<sip:7kq2@192.168.1.20:5062>" }],
    ["a colleague's phone does, on the leg that called it", {
      ...target,
      variable_sip_redirect_contact_0: "<sip:14155550177@203.0.113.77>",
    }],
  ])("does not end it: %s", (_name, change) => {
    expect(translated(`${direct},${nat}`, change)).toMatchObject([{ facts: { rings: true } }]);
  });

  test("does not end a call that the desk dials", () => {
    expect(translated(direct, target, dialling)).toMatchObject([{ facts: { direction: "from-desk" } }]);
  });
});

describe("a leg that goes elsewhere is reported once, with its caller, the leg that caused it, and its destination", () => {
  const create = { ...forwarded, "Event-Name": "CHANNEL_CREATE", "Caller-Destination-Number": "14155550177" };

  test("at its beginning", () => {
    expect(translated(direct, create)).toEqual([{
      type: "leg-elsewhere",
      desk: "1001",
      leg: "leg",
      farLeg: "far",
      to: "14155550177",
      caller: { identity: "14155550123", outside: true },
    }]);
  });

  test.each([
    ["a leg by which somebody calls in", { "Call-Direction": "inbound" }],
    ["a gateway's leg", { variable_sip_gateway_name: "carrier" }],
    ["a leg without an id", { "Unique-ID": "" }],
    ["another desk's", { "Channel-Presence-ID": "1002@pbx.example" }],
  ])("but not %s", (_, change) => expect(translated(direct, { ...create, ...change })).toEqual([]));
});
