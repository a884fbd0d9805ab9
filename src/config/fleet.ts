/** The section of the configuration about the fleet of a box. */
import * as z from "zod";

/** The value of `fleet`. */
export const fleetSection = z.strictObject({
  configKey: z.string().regex(/^U[A-Z2-7]{55}$/, "expected the key that telesetd fleet add --image-config writes").meta({
    description: "public key of the administrator, who may push settings over this file (telesetd fleet push)",
  }),
}).optional().meta({ description: "the fleet of this box; absent: nobody may push settings" });
