/**
 * Silences drachtio-srf, whatever the environment: DEBUG makes it write every message, the secret and customers' numbers
 * included, to stderr; DRACHTIO_PRESERVE_HEADER_NAMES lets headers escape their names. The variables are read before any code
 * of ours runs, so `debug` is disabled afterwards.
 */
import debug from "debug";

debug.disable();
delete process.env["DRACHTIO_PRESERVE_HEADER_NAMES"];
