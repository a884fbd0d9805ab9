/**
 * How much of the processor a piece of work takes. Unlike the time that passes, it hardly depends on what else the machine
 * does.
 */

/** The processor time of this process while the work is done, in ms; everything that the process does meanwhile counts. */
export async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
