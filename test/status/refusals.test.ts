/** Which refused callouts are remembered. */
import { expect, test } from "bun:test";
import type { RefusedCallout } from "../../src/core/crm.ts";
import { Refusals } from "../../src/status/refusals.ts";

const wrongDesk: RefusedCallout = {
  name: "Register",
  desk: "9999",
  agent: "7001",
  from: "10.0.0.7",
  why: "this box serves 1001.",
};
const register = { name: "Register", desk: "1001", agent: "7001", address: "10.0.0.7", port: 5000 } as const;

function rig() {
  const clock = { now: 1000 };
  return { clock, refusals: new Refusals(() => clock.now) };
}

test("the newest is first; the same one again is counted", () => {
  const { clock, refusals } = rig();
  refusals.note(wrongDesk);
  clock.now = 2000;
  refusals.note({ ...wrongDesk, from: "10.0.0.8" });
  clock.now = 3000;
  refusals.note(wrongDesk);
  expect(refusals.list().map(({ from, at, times }) => [from, at, times])).toEqual([["10.0.0.7", 3000, 2], ["10.0.0.8", 2000, 1]]);
});

test("one that is executed after all is forgotten: the same agent's, with the right extension", () => {
  const { refusals } = rig();
  refusals.note(wrongDesk);
  refusals.note({ ...wrongDesk, agent: "7002" });
  refusals.note({ ...wrongDesk, desk: "1001", from: "10.0.0.9" });
  refusals.note({ ...wrongDesk, name: "Login", desk: "1001" });
  refusals.accepted(register, "10.0.0.7");
  expect(refusals.list().map(({ name, agent }) => [name, agent])).toEqual([["Login", "7001"], ["Register", "7002"]]);
});

test("at most 20 are remembered, for a day", () => {
  const { clock, refusals } = rig();
  for (let n = 1; n <= 100; n++) refusals.note({ ...wrongDesk, desk: `${n}` });
  expect(refusals.list().map(({ desk }) => desk)).toEqual(Array.from({ length: 20 }, (_, n) => `${100 - n}`));
  clock.now += 86_400_001;
  expect(refusals.list()).toEqual([]);
});
