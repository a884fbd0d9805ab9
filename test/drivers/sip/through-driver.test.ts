/** Documents of notifiers as NOTIFYs to the real driver, over TCP: its events go through the core to the CRM. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { TestDesk } from "../../support/sip/desk.ts";
import { readFixture } from "../../support/sip/documents.ts";
import { Rig } from "../../support/sip/rig.ts";

setDefaultTimeout(60_000);

const firstCall = ["ScreenPop 1 14155550123", "CallEstablished 1", "CallReleased 1"];
const twoCalls = [...firstCall, "ScreenPop 2 14155550999", "CallEstablished 2", "CallReleased 2"];
const cases: Record<string, readonly string[]> = {
  "dialog-id-is-the-uri": twoCalls,
  "kamailio-early-after-terminated": firstCall,
  "forked-tags": twoCalls,
  "live-asterisk22-two-in-a-row": twoCalls,
};

test.concurrent.each(Object.entries(cases))("%s", async (name, expected) => {
  const { documents } = readFixture(name);
  const bodies = documents.map(({ body }) => body.trim());
  let shown = 0;
  await using rig = await Rig.ready({ before: (pbx) => pbx.document = () => bodies[shown] ?? "" });
  for (shown = 1; shown < bodies.length; shown++) {
    const transaction = rig.pbx.notify(rig.sub);
    await rig.until(() => rig.pbx.answers.has(transaction));
  }
  const desk = new TestDesk();
  let heard = 0;
  await rig.until(() => {
    for (; heard < rig.events.length; heard++) {
      const event = rig.events[heard];
      if (event) desk.step({ type: "line", event });
    }
    return desk.sent.length >= expected.length;
  });
  expect(desk.sent).toEqual([...expected]);
  expect(desk.calls).toEqual([]);
});
