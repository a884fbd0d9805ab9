/** The table of commands. Exit codes: 0 good, 1 failed, 2 wrong usage or configuration. */
import { Command, CommanderError } from "commander";
import { showAddressRules } from "./commands/install/address-rules.ts";
import { check } from "./commands/check.ts";
import { demo } from "./commands/rehearsal/demo.ts";
import { showDials } from "./commands/dials.ts";
import { doctor } from "./commands/doctor/mod.ts";
import { explain, explainAtDesk } from "./commands/explain.ts";
import { reload } from "./commands/run/hand-over.ts";
import { hashPasswordCommand } from "./commands/hash-password.ts";
import { defaultConfig, type Io } from "./commands/io.ts";
import { logCommand } from "./commands/log.ts";
import { outboxDrop, outboxList, outboxRetry, outboxShow } from "./commands/outbox.ts";
import { bootFolders, install } from "./commands/install/mod.ts";
import { replay } from "./commands/rehearsal/replay.ts";
import { run } from "./commands/run/mod.ts";
import { schema } from "./commands/schema.ts";
import { setup } from "./commands/setup/mod.ts";
import { showStatus } from "./commands/status.ts";
import { version } from "./version.ts";

/** Runs a command line and returns its exit code. */
export async function cli(args: readonly string[], io: Io): Promise<number> {
  let code = 0;
  const program = table(io, (given) => code = given);
  if (args.length === 0) {
    io.out(program.helpInformation());
    return 2;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
}

/** The table, for a command line and for the manual page. `done` takes the exit code of the command. */
export function table(io: Io, done: (code: number) => void): Command {
  const program = new Command("telesetd")
    .description("Makes a SIP desk phone appear to Oracle Universal Work Queue as its softphone.")
    .exitOverride().showSuggestionAfterError().configureOutput({ writeOut: io.out, writeErr: io.err })
    .addHelpText("after", "\nExit codes: 0 good, 1 failed, 2 wrong usage or configuration.\nStart with: telesetd demo");
  const add = (name: string, description: string, example: string) =>
    program.command(name).description(description).addHelpText("after", `\nExample:\n  ${example}`);
  const withConfig = (command: Command) => command.option("-c, --config <file>", "configuration file", defaultConfig);
  withConfig(add("run", "Run the daemon.", "telesetd run --config /etc/telesetd/config.json"))
    .action(async ({ config }) => done(await run(config, io)));
  withConfig(
    add(
      "address-rules",
      "Show the addresses that the service may communicate with, according to the configuration.",
      "telesetd address-rules",
    ),
  )
    .option("--apply", "pass them to systemd, as telesetd-addresses.service does before each start")
    .action(async ({ config, apply }) => done(await showAddressRules(config, apply === true, io)));
  const installing = (command: Command) =>
    command.option("--from <folders...>", "folders to look for telesetd.json", [...bootFolders])
      .option("--to <file>", "where the configuration goes", defaultConfig)
      .action(({ from, to }) => done(install({ from, to }, io)));
  installing(
    add("install", "Install telesetd.json from the boot partition, as telesetd-firstboot.service does.", "telesetd install"),
  );
  // The name in 0.1.0: a copy of its unit in /etc/systemd/system survives the upgrade of the package.
  installing(program.command("provision", { hidden: true }).description("Run install under its former name."));
  // For systemd/telesetd.service; people use systemctl reload telesetd.
  withConfig(program.command("reload", { hidden: true }).description("Hand the configuration over to the running daemon."))
    .requiredOption("--pid <pid>", "the daemon's process")
    .action(async ({ config, pid }) => done(await reload({ config, pid: Number(pid) }, io)));
  withConfig(add("check", "Check the configuration and list all its errors.", "telesetd check --config config.json")).option(
    "--json",
    "print JSON",
  )
    .action(({ config, json }) => done(check(config, json === true, io)));
  add("setup", "Create the configuration interactively, testing each answer, or install an existing file.", "telesetd setup")
    .option("--from <file>", "check and install this file, without questions").option(
      "--to <file>",
      "where the configuration goes",
      defaultConfig,
    )
    .action(async (options) => done(await setup(options, io)));
  withConfig(
    add("doctor", "Check every hop from the phone to UWQ and say how to fix what fails.", "telesetd doctor"),
  ).option("--json", "print JSON").action(async (options) => done(await doctor(options, io)));
  add(
    "demo",
    "Show calls through the daemon, with a simulated FreeSWITCH and a small CRM.",
    "telesetd demo --record demo.txt",
  )
    .option("--loop", "repeat until stopped").option("--record <file>", "save the transcript").option("--json", "print JSON")
    .action(async (options) => done(await demo(options, io)));
  withConfig(
    add(
      "replay <recording>",
      "Play a recording through the whole daemon and print the events for the CRM.",
      "telesetd replay call.jsonl",
    ),
  )
    .option("--speed <times>", "speed relative to the recording", "8").option("--json", "print JSON")
    .action(async (recording, options, command) =>
      done(await replay(recording, { ...options, given: command.getOptionValueSource("config") !== "default" }, io))
    );
  withConfig(
    add("explain <number>", "Show how a number is sent to the CRM and dialled, rule by rule.", "telesetd explain +14155550123"),
  ).option("--json", "print JSON")
    .option("-d, --desk <extension>", "say whether MakeCall would dial it at this desk now, and why")
    .action(async (number, { config: file, json, desk }) =>
      done(
        desk === undefined
          ? explain(number, file, json === true, io)
          : await explainAtDesk({ number, desk, file, json: json === true }, io),
      )
    );
  withConfig(add("status", "Show the state of the running daemon.", "telesetd status")).option("--json", "print JSON")
    .action(async ({ config, json }) => done(await showStatus(config, json === true, io)));
  withConfig(add("dials", "List the numbers dialled by the CRM, with agent and outcome.", "telesetd dials")).option(
    "--json",
    "print JSON",
  )
    .action(async ({ config, json }) => done(await showDials(config, json === true, io)));
  withConfig(
    add(
      "log [level] [duration]",
      "Show or set the log level of the running daemon, optionally for a limited time.",
      "telesetd log trace 10m",
    ),
  ).option("--json", "print JSON")
    .action(async (level, duration, options) => done(await logCommand(level, duration, options, io)));
  addOutbox(program, io, done);
  add(
    "hash-password",
    "Hash a password for agent.passwordHashes, read from the terminal or a pipe.",
    "telesetd hash-password",
  )
    .action(async () => done(await hashPasswordCommand(io)));
  add("schema", "Print the JSON Schema of the configuration.", "telesetd schema > config.schema.json").action(() =>
    done(schema(io))
  );
  add("version", "Print the version.", "telesetd version").action(() => io.out(`telesetd ${version}\n`));
  return program;
}

function addOutbox(program: Command, io: Io, done: (code: number) => void): void {
  const outbox = program.command("outbox").description(
    "Show and manage events of the running daemon that are pending or discarded.",
  );
  const add = (name: string, description: string, example: string) =>
    outbox.command(name).description(description).addHelpText("after", `\nExample:\n  ${example}`)
      .option("-c, --config <file>", "configuration file", defaultConfig).option("--json", "print JSON");
  add("list", "List pending events (--all: finished ones too).", "telesetd outbox list --all").option(
    "--all",
    "finished events too",
  )
    .action(async (options) => done(await outboxList(options, io)));
  add("show <id>", "Show one event with its data.", "telesetd outbox show 42").action(async (id, options) =>
    done(await outboxShow(id, options, io))
  );
  add("retry [id]", "Retry one event, or --all, now.", "telesetd outbox retry --all").option(
    "--all",
    "all pending and discarded events",
  )
    .action(async (id, options) => done(await outboxRetry(id, options, io)));
  add("drop <id>", "Discard an event.", "telesetd outbox drop 42").action(async (id, options) =>
    done(await outboxDrop(id, options, io))
  );
}
