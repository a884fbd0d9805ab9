/** When a subscription is renewed, and what is done at once without any time passing. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { header, type SipMessage, type SipPbx } from "../../../../simulator/drachtio/mod.ts";
import { Rig, type RigOptions } from "../../../support/sip/rig.ts";

setDefaultTimeout(60_000);

const isRenewal = (message: SipMessage) => message.method === "SUBSCRIBE" && (header(message, "to") ?? "").includes("tag=");
const renewals = (rig: Rig) => rig.pbx.requests.filter(isRenewal).length;

/** Accepts each SUBSCRIBE for this number of seconds, whatever its NOTIFYs say. */
const grants = (seconds: number) => (pbx: SipPbx) =>
  pbx.subscribed = ({ sent }) =>
    sent.client.respond(sent, 202, { Expires: String(seconds), Contact: "<sip:1001@127.0.0.1:5060>" });

/** The number of seconds for which the NOTIFYs say the subscription is valid. */
const says = (pbx: SipPbx, seconds: number) => {
  const notify = pbx.notify.bind(pbx);
  pbx.notify = (sub, what = {}) => notify(sub, { state: `active;expires=${seconds}`, ...what });
};

const cases: [string, RigOptions, number][] = [
  ["10 s before it expires", { config: { refreshSeconds: 300 }, before: grants(60) }, 50_000],
  ["in half of its time, when that is short", { before: grants(10) }, 5000],
  ["by the NOTIFY, when that says shorter", { before: (pbx) => says(pbx, 10) }, 5000],
  ["by a NOTIFY that came before the response", {
    before: (pbx) => {
      says(pbx, 10);
      const respond = pbx.subscribed.bind(pbx);
      pbx.subscribed = (sub) => {
        pbx.notify(sub);
        pbx.notify = () => "";
        respond(sub);
      };
    },
  }, 5000],
  ["after line.refreshSeconds at the latest", {}, 30_000],
];
test.concurrent.each(cases)("it is renewed %s", async (_, options, ms) => {
  await using rig = await Rig.ready(options);
  await rig.waits(ms);
  await rig.until(() => renewals(rig) > 0);
  expect(rig.links()).toEqual(["up"]);
});

test.concurrent("up to a quarter earlier, at random", async () => {
  await using rig = await Rig.open();
  rig.timers.chance = 1;
  await rig.next("phone");
  await rig.waits(22_500);
  await rig.until(() => renewals(rig) > 0);
});

test.concurrent("a later NOTIFY with a longer duration does not postpone the renewal", async () => {
  await using rig = await Rig.ready({ before: (pbx) => (grants(10)(pbx), says(pbx, 300)) });
  rig.pbx.rings("14155550123");
  await rig.facts(({ rings }) => rings === true);
  await rig.waits(5000);
  await rig.until(() => renewals(rig) > 0);
});

test.concurrent("a full state that is needed during a renewal is requested right after it", async () => {
  await using rig = await Rig.ready();
  const { id } = rig.pbx.rings("14155550123");
  await rig.facts(({ leg, rings }) => leg === id && rings === true);
  rig.pbx.dialogs.pop();
  // The only document of a renewal arrives before its response, with a version that was seen before.
  const respond = rig.pbx.subscribed.bind(rig.pbx);
  rig.pbx.sendsFirstDocument = false;
  rig.pbx.subscribed = (sub) => {
    rig.sub.version = 0;
    rig.pbx.notify(rig.sub);
    respond(sub);
  };
  await rig.waits(30_000);
  await rig.until(() => renewals(rig) === 2);
  const now = rig.timers.now();
  await rig.facts(({ leg, ended }) => leg === id && ended !== undefined);
  expect(rig.timers.now()).toBe(now);
});

test.concurrent("a daemon that stops before the switch has answered has nothing to unsubscribe from", async () => {
  let subscribes = 0;
  const rig = await Rig.open({
    before: (pbx) =>
      pbx.instead = ({ method }) => method === "SUBSCRIBE" ? (subscribes++, pbx.server.changed(), "silence") : undefined,
  });
  await rig.until(() => subscribes === 1);
  await rig[Symbol.asyncDispose]();
  expect(subscribes).toBe(1);
});
