/** `telesetd schema` */
import { lineSchemas } from "../../drivers/registry.ts";
import { jsonSchema } from "../config/json-schema.ts";
import type { Io } from "./io.ts";

/** Prints the JSON Schema of the configuration. */
export function schema(io: Io): number {
  io.out(`${JSON.stringify(jsonSchema(lineSchemas), null, 2)}\n`);
  return 0;
}
