/**
 * The compiled binary with the SIP driver: from a switch behind drachtio-server to the CRM, without JIT, killed and restarted.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { SipPbx } from "../../simulator/drachtio/mod.ts";
import { type ReceivedEvent, sendCallout, SmallCrm } from "../../simulator/crm/mod.ts";
import { Box, noBinary } from "../support/daemon/box.ts";
import { quietPort } from "../support/ports.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

/** A box at a scripted switch, with an agent registered at desk 1001. */
async function office(): Promise<{ pbx: SipPbx; box: Box; crm: SmallCrm; received: ReceivedEvent[] } & AsyncDisposable> {
  const pbx = new SipPbx();
  await pbx.server.listen();
  const received: ReceivedEvent[] = [];
  const crm = await SmallCrm.open((event) => received.push(event));
  const line = {
    driver: "sip",
    host: "127.0.0.1",
    port: pbx.server.port,
    drachtioSecret: "cymru",
    domain: "pbx",
    user: "1009",
    password: "s3cret",
    referTellsAnswer: true,
  };
  const box = new Box({
    folder,
    port: await quietPort(),
    switchPort: pbx.server.port,
    more: { line, crm: { errorEvents: true } },
  });
  // Hostile to the library: no JIT, and a DEBUG that would make it print.
  box.environment = { BUN_JSC_useJIT: "0", DEBUG: "*" };
  await box.start();
  await box.connected();
  const parameters = { telesetNumber: "1001", agentID: "A7", ipAddress: "127.0.0.1", port: String(crm.port) };
  await sendCallout(box.port, "/", { FunctionName: "Register", ...parameters });
  const close = async () => {
    await box.kill();
    crm.close();
    pbx.server.stop();
  };
  return { pbx, box, crm, received, [Symbol.asyncDispose]: close };
}

const shown = (received: readonly ReceivedEvent[]) =>
  received.map(({ name, data }) => [name, data["occtSourceID"], data["occtANI"]]);

describe.skipIf(noBinary !== "")(`the binary with the SIP driver${noBinary}`, () => {
  test("a call from outside, and one that the CRM starts", async () => {
    await using desk = await office();
    const { pbx, box, received } = desk;
    await box.until("the phone is assumed to be registered", ({ desks }) => desks[0]?.phone === "assumed");
    const { id } = pbx.rings("14155550123");
    pbx.change(id, { state: "confirmed" });
    pbx.change(id, { state: "terminated" });
    await box.until("the call is not reported", () => received.length === 3);
    expect(shown(received)).toEqual([["ScreenPop", id, "14155550123"], ["CallEstablished", id, undefined], [
      "CallReleased",
      id,
      undefined,
    ]]);
    const parameters = { telesetNumber: "1001", agentID: "A7", dialString: "14155550999" };
    expect(await sendCallout(box.port, "/", { FunctionName: "MakeCall", ...parameters })).toBe("<CCTSDK></CCTSDK>");
    await box.until("the dial is not reported", () => received.length === 5);
    expect(received.slice(3).map(({ name, data }) => [name, data["occtANI"]])).toEqual([["ScreenPop", "14155550999"], [
      "CallEstablished",
      undefined,
    ]]);
    expect(box.log).not.toMatch(/drachtio:|s3cret|authenticate\|/);
  });

  test("killed in a call and restarted: the same id, released when it ends; unsubscribed on SIGTERM", async () => {
    await using desk = await office();
    const { pbx, box, received } = desk;
    const { id } = pbx.rings("14155550123");
    pbx.change(id, { state: "confirmed" });
    await box.until("the call is not reported", () => received.length === 2);
    await box.kill();
    await box.start();
    await box.connected();
    pbx.change(id, { state: "terminated" });
    await box.until("the end is not reported", () => received.some(({ name }) => name === "CallReleased"));
    // At least once: an event whose answer the killed daemon did not see is sent again.
    const once = [...new Set(shown(received).map(([name, call]) => `${name} ${call}`))];
    expect(once).toEqual([`ScreenPop ${id}`, `CallEstablished ${id}`, `CallReleased ${id}`]);
    const before = pbx.subscriptions.size;
    expect(await box.terminate()).toBe(0);
    expect(pbx.subscriptions.size).toBe(before - 1);
  });

  test("killed after it has transferred a dial: the outcome is unknown, and reported as unknown", async () => {
    await using desk = await office();
    const { pbx, box, received } = desk;
    pbx.refer = [100];
    const parameters = { telesetNumber: "1001", agentID: "A7", dialString: "14155550999" };
    await sendCallout(box.port, "/", { FunctionName: "MakeCall", ...parameters });
    await box.until(
      "the phone is not transferred",
      ({ desks }) => pbx.count("REFER") === 1 && desks[0]?.lastDial?.outcome === "calling",
    );
    await box.kill();
    await box.start();
    const { desks: [restarted] } = await box.connected();
    expect(restarted?.lastDial?.outcome).toBe("not known: telesetd was restarted");
    expect(restarted?.calls).toMatchObject([{ kind: "outbound", state: "not known" }]);
    pbx.change(pbx.dialogs[0]?.id ?? "", { state: "terminated" });
    const outcome = "telesetd was restarted: it is not known whether the number was reached.";
    await box.until("the end is not known", ({ desks }) => desks[0]?.lastDial?.outcome === outcome);
    await box.delivered();
    expect(received.map(({ name, data }) => [name, data["occtErrorMsg"]])).toEqual([["Error", outcome]]);
  });

  test("drachtio-server is killed in a call that ends meanwhile: CheckStatus reports it, and the call is released when it is back", async () => {
    await using desk = await office();
    const { pbx, box, received } = desk;
    const { id } = pbx.rings("14155550123");
    pbx.change(id, { state: "confirmed" });
    await box.until("the call is not reported", () => received.length === 2);
    pbx.kill();
    await box.until("the loss is not seen", ({ desks }) => desks[0]?.trouble !== undefined);
    expect(await sendCallout(box.port, "/", { FunctionName: "CheckStatus" })).toContain("No connection to the phone system");
    pbx.dialogs.splice(0);
    await pbx.server.listen();
    await box.until("the end is not reported", () => received.length === 3);
    expect(received[2]).toMatchObject({ name: "CallReleased", data: { occtSourceID: id } });
  });

  test("documents that cannot be read: status reports it until one can, and no call is lost", async () => {
    await using desk = await office();
    const { pbx, box, received } = desk;
    const document = pbx.document.bind(pbx);
    pbx.document = () => '<dialog-info state="full">\u0007';
    pbx.publish("1001");
    const unreadable = "sends documents about phone 1001 that cannot be read";
    await box.until("it is not said", ({ desks }) => desks[0]?.trouble?.includes(unreadable) === true);
    pbx.document = document;
    const { id } = pbx.rings("14155550123");
    await box.until("the call is not reported", ({ desks }) => desks[0]?.trouble === undefined && received.length === 1);
    expect(shown(received)).toEqual([["ScreenPop", id, "14155550123"]]);
  });

  test("a phone that is not registered: MakeCall, status and CheckStatus report it until it rings", async () => {
    await using desk = await office();
    const { pbx, box } = desk;
    pbx.instead = ({ method }) => method === "INVITE" ? { status: 404, headers: { Reason: "Q.850;cause=3" } } : undefined;
    const parameters = { telesetNumber: "1001", agentID: "A7", dialString: "14155550999" };
    const why = "Phone 1001 is probably not registered: the switch cannot ring it (404). Check its cable and power.";
    expect(await sendCallout(box.port, "/", { FunctionName: "MakeCall", ...parameters })).toContain(why);
    await box.until("it is not shown", ({ desks }) => desks[0]?.phone === "unregistered");
    expect(await sendCallout(box.port, "/", { FunctionName: "CheckStatus" })).toContain("Phone 1001 is not registered");
    pbx.rings("14155550123");
    await box.until("it is shown still", ({ desks }) => desks[0]?.phone === "assumed");
    expect(await sendCallout(box.port, "/", { FunctionName: "CheckStatus" })).toBe("<CCTSDK></CCTSDK>");
  });
});
