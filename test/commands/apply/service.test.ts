/** What `telesetd apply` asks systemd, and how it understands the answers. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { serviceOf, systemdService } from "../../../src/commands/apply/service.ts";
import { ownFolder } from "../../support/folder.ts";

const folder = ownFolder();

/** The service with a systemctl that shows these properties; records its commands. */
function service(shown: string, { code = 0, output = "", booted = folder } = {}) {
  const sent: string[] = [];
  const config = join(folder, "config.json");
  writeFileSync(config, "its text");
  return {
    sent,
    ...systemdService((...args) => {
      sent.push(args.join(" "));
      return Promise.resolve(args[0] === "show" ? { code: 0, output: shown } : { code, output });
    }, { booted, config }),
  };
}

describe("the service", () => {
  test("is that of the default file only", () => {
    expect(serviceOf("/tmp/config.json")).toBeUndefined();
    expect(serviceOf("/etc/telesetd/config.json")).toBeDefined();
  });

  test("has systemd's state; none without systemd or without the unit", async () => {
    expect(await service("LoadState=loaded\nActiveState=failed").state()).toBe("failed");
    expect(await service("LoadState=not-found\nActiveState=inactive").state()).toBeUndefined();
    const elsewhere = service("LoadState=loaded\nActiveState=active", { booted: join(folder, "nowhere") });
    expect([await elsewhere.state(), elsewhere.sent]).toEqual([undefined, []]);
  });

  test("has the configuration of the running daemon among its credentials", () => expect(service("").running()).toBe("its text"));

  test("is ready when systemd reports it after the restart", async () => {
    const ready = service("ActiveState=active\nResult=success\nExecMainStatus=0\nStatusText=desk 1001: fine");
    expect(await ready.restart()).toBeUndefined();
    expect(ready.sent[0]).toBe("restart telesetd.service");
  });

  test.each([
    [
      "the daemon's own words",
      "ActiveState=activating\nResult=exit-code\nExecMainStatus=1\nStatusText=Failed: Cannot listen on 0.0.0.0:80 = taken",
      "Cannot listen on 0.0.0.0:80 = taken",
    ],
    ["an exit code", "ActiveState=failed\nResult=exit-code\nExecMainStatus=203\nStatusText=", "it ended with exit code 203"],
    [
      "a timeout",
      "ActiveState=activating\nResult=timeout\nExecMainStatus=0\nStatusText=",
      "it did not report in time that it is ready",
    ],
    ["what systemctl printed", "ActiveState=inactive\nResult=success\nExecMainStatus=0\nStatusText=", "Unit is masked."],
  ])("is not: the reason is %s", async (_, shown, reason) => {
    expect(await service(shown, { code: 1, output: "Unit is masked." }).restart()).toBe(reason);
  });

  test("is restricted to addresses, or to none", async () => {
    const restricted = service("");
    expect(await restricted.restrict(["127.0.0.0/8", "10.1.0.5/32"])).toBeUndefined();
    expect(await restricted.restrict(undefined)).toBeUndefined();
    const reset = "set-property telesetd.service IPAddressDeny= IPAddressAllow=";
    expect(restricted.sent).toEqual([
      `${reset} IPAddressDeny=any IPAddressAllow=127.0.0.0/8 10.1.0.5/32`,
      "daemon-reload",
      reset,
      "daemon-reload",
    ]);
    expect(await service("", { code: 1, output: "Access denied" }).restrict([])).toBe("Access denied");
  });

  test("is enabled, or the reason is systemctl's", async () => {
    const good = service("");
    expect(await good.enable()).toBeUndefined();
    expect(good.sent).toEqual(["--no-reload --quiet enable telesetd.service"]);
    expect(await service("", { code: 1, output: "Unit is masked." }).enable()).toBe("Unit is masked.");
  });
});
