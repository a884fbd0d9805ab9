/** Power cuts. */
import { join } from "node:path";
import { bootSeconds, fast, ready, scene, type Setting, updatesSoon } from "../scene.ts";
import { publish } from "../site.ts";

/** Power cuts at random moments of a boot, a call and an update: the box always starts, and keeps what was written. */
export async function cuts(setting: Setting): Promise<void> {
  const { check, say, cuts: count, images } = setting;
  const stage = await scene(setting);
  const { machine, site, served, port, close } = stage;
  try {
    publish({ from: join(images, "2", "amd64"), to: served, version: "2", key: join(images, "key") });
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ units: fast });
    const boot = await machine.shows(ready, bootSeconds);
    // The copy of the configuration and its first sync.
    await machine.shows(/image: /, bootSeconds, machine.console.length);
    await machine.cut();
    const lost: string[] = [];
    let calls = 0;
    for (let cut = 1; cut <= count; cut++) {
      machine.forgetful();
      machine.start({ units: fast, extra: updatesSoon });
      // Whatever the speed of the emulator, two cuts of five come during a boot, and three after it.
      const wait = Math.random() * 2.5 * boot;
      const came = await machine.shows(ready, wait).then(() => true, () => false);
      if (came) {
        // A call at once, which is synced when the cut comes, and one that the cut may meet.
        if ((await site.call(port).catch(() => [])).length === 3) calls++;
        await machine.shows(/nothing shows this/, 2 + Math.random() * boot / 2).catch(() => 0);
        void site.call(port).catch(() => []);
        await machine.shows(/nothing shows this/, Math.random() * 3).catch(() => 0);
      }
      await machine.cut();
      machine.settle();
      const names = machine.names("EFI/Linux");
      const fat = machine.checkBoot();
      if (!names.some((name) => /^telesetd_[12]\.efi$/.test(name))) lost.push(`cut ${cut}: kernel images ${names.join()}`);
      if (fat !== "") lost.push(`cut ${cut}: boot partition: ${fat}`);
      if (!machine.file("/lib/telesetd-config/config.json")?.includes("1001")) lost.push(`cut ${cut}: no configuration`);
      try {
        const stored = machine.storedCalls();
        if (stored < calls) lost.push(`cut ${cut}: ${stored} of ${calls} calls`);
      } catch (error) {
        lost.push(`cut ${cut}: ${(error as Error).message}`);
      }
      say(`cut ${cut} after ${Math.round(wait)} s, desk ready: ${came ? "yes" : "not yet"}; ${names.join()}; ${calls} calls`);
    }
    check(`${count} cuts: kernel images, boot partition, configuration, store, synced calls`, lost.length === 0, lost.join("; "));
    machine.start({ units: fast });
    await machine.shows(ready, 2 * bootSeconds);
    check("then it starts, and a call pops", (await site.call(port)).length === 3);
    await machine.cut();
    check("the data partition was never made again", machine.file("/lib/telesetd-image/data-restored") === undefined);
  } finally {
    await close();
  }
}
