/** `telesetd try` as a process: it unregisters at each signal that ends it. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { sendCallout } from "../../simulator/crm/mod.ts";
import { binary, noBinary } from "../support/daemon/box.ts";
import { onStage } from "../support/daemon/stage.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();

describe.skipIf(noBinary !== "")(`telesetd try${noBinary}`, () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s: nobody is registered afterwards",
    (signal) =>
      onStage({ folder }, async ({ box }) => {
        await sendCallout(box.port, "/", { FunctionName: "Unregister", telesetNumber: "1001", agentID: "agent-1001" });
        const child = Bun.spawn([binary, "try", "--config", box.config], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
        const output = new Response(child.stdout).text();
        await box.until("nobody is registered", ({ desks }) => desks[0]?.registered?.agent === "try");
        child.kill(signal);
        expect(await child.exited).toBe(0);
        expect(await output).toEndWith("Desk 1001 is unregistered.\n");
        expect((await box.status()).desks[0]?.registered).toBeUndefined();
      }),
  );
});
