/**
 * Imported before any schema is made. Without this, zod makes code from each schema's text, which loads the engine's compiler:
 * all of telesetd's own code is compiled already, and the configuration is parsed once.
 */
import { config } from "zod";

config({ jitless: true });
