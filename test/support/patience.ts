/** Loaded before every test file (bunfig.toml): a deadline is a backstop for a test that hangs, not a judgement of the machine. */
import { setDefaultTimeout } from "bun:test";

setDefaultTimeout(60_000);
