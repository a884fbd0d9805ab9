/** The section of the configuration about the fleet of a box. */
import * as v from "valibot";
import { matching, optional, required } from "./setting.ts";

/** The value of `fleet`. */
export const fleetSection = optional(
  "the fleet of this box; absent: nobody may push settings",
  v.strictObject({
    configKey: required(
      "public key of the administrator, who may push settings over this file (telesetd fleet push)",
      matching(/^U[A-Z2-7]{55}$/, "expected the key that telesetd fleet add --image-config writes"),
    ),
  }),
);
