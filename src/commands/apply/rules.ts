/** The addresses that the service may communicate with, according to its configuration. */
import { driverOf } from "../../../drivers/registry.ts";
import type { Config } from "../../config/schema.ts";
import { addressesToAllow } from "../../platform/ip-filter.ts";

/** The ranges to allow; undefined: all, because the configuration has the switch by name. */
export function rulesOf({ line, http, crm }: Config): readonly string[] | undefined {
  return addressesToAllow({
    switches: driverOf(line).hosts,
    ranges: [...http.allow, ...http.monitorAllow, ...http.page?.allow ?? [], ...crm.registerAllow],
  });
}
