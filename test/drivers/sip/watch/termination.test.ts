/** The end of a subscription: when it is requested again, by the reason, and never in a flood. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { header, type SipMessage } from "../../../../simulator/drachtio/mod.ts";
import { Rig } from "../../../support/sip/rig.ts";

setDefaultTimeout(60_000);

const isRenewal = (message: SipMessage) => message.method === "SUBSCRIBE" && (header(message, "to") ?? "").includes("tag=");
const renewals = (rig: Rig) => rig.pbx.requests.filter(isRenewal).length;

describe("Subscription-State: terminated;", () => {
  const atOnce = ["deactivated", "timeout"];
  test.concurrent.each(atOnce)("reason=%s: subscribes again at once, and the first document is the truth", async (reason) => {
    await using rig = await Rig.ready();
    const old = rig.sub;
    const { id } = rig.pbx.rings("14155550123");
    await rig.facts(({ leg, rings }) => leg === id && rings === true);
    // It ends while the phone is not watched.
    rig.pbx.dialogs.splice(0);
    rig.pbx.end(old, reason);
    await rig.facts(({ leg, ended }) => leg === id && ended !== undefined);
    rig.pbx.rings("14155550999");
    await rig.facts(({ leg, rings }) => leg !== id && rings === true);
    expect([rig.links(), renewals(rig)]).toEqual([["up"], 0]);
  });

  const later = ["probation;retry-after=3", "giveup;retry-after=3", ";retry-after=3", "whatever;retry-after=3"];
  test.concurrent.each(later)("reason=%s: not before that time", async (reason) => {
    await using rig = await Rig.ready();
    rig.pbx.end(rig.sub, reason);
    const from = rig.events.length;
    const { why } = await rig.next("link-down");
    expect(why).toMatch(/^pbx has ended the subscription to phone 1001 \(\w/);
    await rig.waits(3000);
    await rig.next("link-up", () => true, from);
  });

  const never: [string, string][] = [
    ["rejected", "pbx no longer allows this box to watch extension 1001 (rejected)"],
    ["noresource", "pbx says that there is no extension 1001 (noresource)"],
    ["invariant", "pbx says that the state of phone 1001 never changes (invariant)"],
    ["rejected;retry-after=0", "pbx no longer allows this box to watch extension 1001 (rejected)"],
    ["probation", "pbx has ended the subscription to phone 1001 (probation)"],
  ];
  test.concurrent.each(never)("reason=%s: reported, and not retried soon", async (reason, why) => {
    await using rig = await Rig.ready();
    rig.pbx.end(rig.sub, reason);
    expect((await rig.next("link-down")).why).toBe(why);
    expect(rig.pbx.subscriptions.size).toBe(0);
    await rig.waits(30_000);
    await rig.next("link-up", () => true, rig.events.length);
  });
});

describe("a switch that ends every subscription as soon as it has accepted it is not flooded with requests:", () => {
  const growing = [2000, 4000, 8000];
  const reasons: [string, readonly number[]][] = [
    ["deactivated", growing],
    ["timeout", growing],
    ["probation;retry-after=0", growing],
    // An hour, and a tenth of it by chance.
    ["giveup;retry-after=31536000", [3_600_000 * (1 + 1 / 10)]],
  ];
  test.concurrent.each(reasons)("reason=%s", async (reason, pauses) => {
    await using rig = await Rig.open({
      before: (pbx) => {
        const notify = pbx.notify.bind(pbx);
        pbx.notify = (sub, what) => {
          const transaction = notify(sub, what);
          if (what === undefined) pbx.end(sub, reason);
          return transaction;
        };
      },
    });
    rig.timers.chance = 1;
    for (const ms of pauses) await rig.waits(ms);
  });

  test.concurrent("for 0 s: reported, and requested again later", async () => {
    await using rig = await Rig.open({
      before: (pbx) =>
        pbx.subscribed = ({ sent }) => sent.client.respond(sent, 202, { Expires: "0", Contact: "<sip:1001@127.0.0.1:5060>" }),
    });
    rig.timers.chance = 1;
    expect((await rig.next("link-down")).why).toBe("pbx ends the subscription to phone 1001 as soon as it accepts it");
    for (const ms of [1000, ...growing]) await rig.waits(ms);
  });

  test.concurrent("active, for 0 s: the answer to the SUBSCRIBE counts", async () => {
    await using rig = await Rig.open({
      before: (pbx) => {
        const notify = pbx.notify.bind(pbx);
        pbx.notify = (sub, what = {}) => notify(sub, { state: "active;expires=0", ...what });
      },
    });
    await rig.next("phone");
    await rig.waits(30_000);
    await rig.until(() => renewals(rig) > 0);
    expect(rig.links()).toEqual(["up"]);
  });
});
