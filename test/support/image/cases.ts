/** The cases of scripts/image-test: each boots its own machines. */
import { arm64, reproducible, rpi } from "./cases/builds.ts";
import { cuts } from "./cases/cuts.ts";
import { boot, data, vlan } from "./cases/first.ts";
import { rollback, unhealthy } from "./cases/rollback.ts";
import { refused, update } from "./cases/updates.ts";
import type { Setting } from "./scene.ts";

/** The cases, in the order in which they run. */
export const cases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  boot,
  vlan,
  update,
  refused,
  rollback,
  unhealthy,
  data,
  arm64,
  rpi,
  reproducible,
  cuts,
};
