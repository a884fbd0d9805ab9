/** Settings that several drivers have. */
import * as v from "valibot";
import { type About, matching, setting, whole } from "../../src/config/setting.ts";
import { phoneMakes } from "./auto-answer.ts";

/** Text without control characters, which would end a command or a header and start another; also refused when it is sent. */
export const clean = matching(/^[^\p{Cc}]*$/u, "expected no control characters");

/** Where a switch listens. */
export const address = v.pipe(clean, v.regex(/^[^\s[\]/]+$/, "expected an address or a name, IPv6 without brackets"));

/** A password; {@link clean}, and not empty. */
export const password = v.pipe(clean, v.nonEmpty());

/** Whose header for auto-answer MakeCall uses. */
export function phoneMake(about: About = {}): v.OptionalSchema<v.PicklistSchema<typeof phoneMakes, undefined>, "generic"> {
  return setting(
    "the make of the phones, which decides how MakeCall requests auto-answer; with none the phone rings",
    v.picklist(phoneMakes),
    "generic",
    about,
  ) as ReturnType<typeof phoneMake>;
}

/** How long MakeCall rings. */
export const ringSeconds = setting("how long MakeCall rings the handset, in seconds", whole(5, 120), 25);
