/** What a dial leaves behind, and which dialogs are its own. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { header } from "../../../../simulator/drachtio/mod.ts";
import { referAfter } from "../../../../drivers/sip/dial/step.ts";
import { Rig } from "../../../support/sip/rig.ts";

setDefaultTimeout(60_000);

test.concurrent("it leaves no timer behind", async () => {
  await using rig = await Rig.ready();
  const { length } = rig.timers.pending;
  await rig.dial();
  await rig.waits(referAfter);
  await rig.until(() => rig.pbx.count("BYE") === 1);
  // Long enough for its last dialogs.
  await rig.passes(12_000);
  expect(rig.timers.pending).toHaveLength(length);
});

test.concurrent("a dialog with the Call-ID of its INVITE is its own, whatever caller the phone shows", async () => {
  await using rig = await Rig.ready({
    before: (pbx) => {
      const document = pbx.document.bind(pbx);
      pbx.document = (sub) => {
        const callId = pbx.invite ? header(pbx.invite.message, "call-id") : "";
        return document(sub).replaceAll("sip:1009@pbx", "sip:14155550000@pbx").replace(
          "<dialog ",
          `<dialog call-id="${callId}" `,
        );
      };
    },
  });
  expect(await rig.dial("call-1")).toEqual({ outcome: "done" });
  expect(await rig.facts(({ direction }) => direction !== undefined)).toMatchObject({ call: "call-1" });
});

test.concurrent("a call of the box's user long afterwards is another one", async () => {
  await using rig = await Rig.ready({ before: (pbx) => pbx.handset = "declines" });
  await rig.dial("call-1");
  await rig.passes(6000);
  const { id } = rig.pbx.rings("1009");
  expect((await rig.facts(({ leg, rings }) => leg === id && rings === true)).call).toBeUndefined();
});

test.concurrent("the phone's dialog may arrive with the first document of a new subscription", async () => {
  await using rig = await Rig.ready();
  const publish = rig.pbx.publish.bind(rig.pbx);
  rig.pbx.publish = () => {};
  const dial = rig.dial("call-1");
  await rig.until(() => rig.pbx.count("ACK") === 1);
  rig.pbx.publish = publish;
  rig.pbx.end(rig.sub, "whatever");
  await rig.waits(500);
  expect(await dial).toEqual({ outcome: "done" });
});
