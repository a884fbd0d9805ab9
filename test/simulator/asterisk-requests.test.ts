/** The scripted Asterisk answers requests as a live Asterisk 22.10.1 did while a call with a withheld number rang at 1001. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Asterisk, InboundCall, Originator } from "../../simulator/asterisk/mod.ts";
import { AriListener } from "../support/asterisk/listener.ts";

let pbx: Asterisk;
let call: InboundCall;

beforeAll(async () => {
  pbx = new Asterisk();
  new Originator(pbx);
  await pbx.server.listen();
  await AriListener.open(pbx.server, [], "box");
  call = new InboundCall(pbx, { from: "14155550123", name: "14155550123", dialled: "7004", withheld: true });
});

afterAll(() => pbx.server.stop());

/** The status and body of the answer; `DESK` stands for the id of the phone's channel. */
async function ask(request: string, authorization = `Basic ${btoa("box:s3cret")}`): Promise<[number, unknown]> {
  const [method = "", path = "", body] = request.replaceAll("DESK", call.id).split(" ");
  const response = await fetch(`http://127.0.0.1:${pbx.server.port}/ari${path}`, {
    method,
    headers: { Authorization: authorization, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    ...(body === undefined ? {} : { body }),
  });
  return [response.status, await response.json()];
}

const refused = (message: string) => ({ message });

/** Requests with the recorded status and body. */
const recorded: readonly (readonly [string, number, unknown])[] = [
  ["POST /applications/box/subscription?eventSource=endpoint:PJSIP/1001", 200, {
    name: "box",
    channel_ids: [],
    bridge_ids: [],
    endpoint_ids: ["PJSIP/1001"],
    device_names: [],
    events_allowed: [],
    events_disallowed: [],
  }],
  ["POST /applications/box/subscription?eventSource=endpoint:PJSIP/1077", 422, refused("Event source does not exist")],
  ["POST /applications/nope/subscription?eventSource=endpoint:PJSIP/1001", 404, refused("Application not found")],
  ["GET /channels/DESK/variable?variable=CONNECTEDLINE(num-pres)", 200, { value: "prohib" }],
  ["GET /channels/DESK/variable?variable=CONNECTEDLINE(name-pres)", 200, { value: "allowed_not_screened" }],
  ["GET /channels/DESK/variable?variable=CONNECTEDLINE(pres)", 200, { value: "prohib" }],
  ["GET /channels/DESK/variable?variable=NOPE", 404, refused("Provided variable was not found")],
  ["GET /channels/DESK/variable?variable=BRIDGEPEER", 404, refused("Provided variable was not found")],
  ["GET /endpoints/PJSIP/1077", 404, refused("Endpoint not found")],
  ["GET /endpoints/SIP", 404, refused("No Endpoints found - invalid tech SIP")],
  ["GET /channels/1.1", 404, refused("Channel not found")],
  ["GET /bridges/x", 404, refused("Bridge not found")],
  ["GET /nope", 404, refused("Resource not found")],
  ["GET /asterisk/modules/nope.so", 404, refused("Module could not be found in running modules")],
  ["GET /asterisk/variable?variable=NOPE", 200, { value: "" }],
  [
    'POST /channels {"endpoint":"PJSIP/1001","extension":"1002","context":"default","channelId":"DESK"}',
    409,
    refused("Channel with given unique ID already exists"),
  ],
  ['POST /channels {"extension":"1002"}', 400, refused("Endpoint must be specified")],
];

describe("as a live Asterisk answered:", () => {
  test.each(recorded)("%s: %p", async (request, status, body) => expect(await ask(request)).toEqual([status, body]));

  test("without the right password: 401", async () => {
    expect(await ask("GET /channels", `Basic ${btoa("box:wrong")}`)).toEqual([401, refused("Authentication required")]);
  });

  test("the phone's endpoint names its channel, which belongs to the caller's call", async () => {
    expect(await ask("GET /endpoints/PJSIP/1001")).toEqual([
      200,
      { technology: "PJSIP", resource: "1001", state: "online", channel_ids: [call.id] },
    ]);
    expect(await ask("GET /channels/DESK/variable?variable=CHANNEL(linkedid)")).toEqual([200, { value: call.caller.id }]);
  });

  test("a channel has these fields", async () => {
    expect(await ask("GET /channels/DESK")).toEqual([200, {
      id: call.id,
      name: expect.stringMatching(/^PJSIP\/1001-[0-9a-f]{8}$/),
      state: "Ringing",
      protocol_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      caller: { name: "Phone 1001", number: "1001" },
      connected: { name: "14155550123", number: "14155550123" },
      accountcode: "",
      dialplan: { context: "default", exten: "7004", priority: 1, app_name: "AppDial", app_data: "(Outgoing Line)" },
      creationtime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/),
      language: "en",
    }]);
  });
});
