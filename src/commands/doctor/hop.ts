/** How the doctor checks a hop. */
import type { Hop } from "../../../drivers/registry.ts";
import { failed, type Finding, stopwatch } from "../../../drivers/shared/probing.ts";
import { messageOf } from "../../platform/text.ts";

/** Runs the check of a hop. An unforeseen error is a failure of that hop, not of the whole run. */
export async function checked(name: string, check: () => Finding | Promise<Finding>): Promise<Hop> {
  const ms = stopwatch(performance);
  let finding: Finding;
  try {
    finding = await check();
  } catch (error) {
    const message = `Cannot check: ${messageOf(error)}.`;
    finding = failed(message, "Run it as root; if that does not help, report it with this line.");
  }
  return { name, ...finding, ms: ms() };
}

/** What to do when the user lacks a right. */
export const asRoot = "Run it as root: sudo telesetd doctor";

/** A finding with further details below it. */
export function withDetails(finding: Finding, details: readonly string[]): Finding {
  return details.length === 0 ? finding : { ...finding, details: [...finding.details ?? [], ...details] };
}
