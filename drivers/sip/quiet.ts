/**
 * Imported before drachtio-srf, which reads these when it is loaded: DEBUG makes it write every message, passwords and customers'
 * numbers included, to stderr; DRACHTIO_PRESERVE_HEADER_NAMES lets headers escape their names.
 */
delete process.env["DEBUG"];
delete process.env["DRACHTIO_PRESERVE_HEADER_NAMES"];
