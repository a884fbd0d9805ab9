/** The table of commands. Human text on a terminal, `--json` for machines; exit codes: 0 good, 1 failed, 2 wrong usage or config. */
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

/** Runs one command line and gives its exit code. */
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

/** The table: for a command line, and for the manual page. `done` takes the exit code of the command that ran. */
export function table(io: Io, done: (code: number) => void): Command {
  const program = new Command("telesetd")
    .description("Makes the SIP desk phone on an agent's desk look, to Oracle's Universal Work Queue, like its softphone.")
    .exitOverride().showSuggestionAfterError().configureOutput({ writeOut: io.out, writeErr: io.err })
    .addHelpText("after", "\nExit codes: 0 good, 1 failed, 2 wrong usage or configuration.\nStart with: telesetd demo");
  const add = (name: string, description: string, example: string) =>
    program.command(name).description(description).addHelpText("after", `\nExample:\n  ${example}`);
  const withConfig = (command: Command) => command.option("-c, --config <file>", "configuration file", defaultConfig);
  withConfig(add("run", "Run the daemon.", "telesetd run --config /etc/telesetd/config.json"))
    .action(async ({ config }) => done(await run(config, io)));
  withConfig(
    add("address-rules", "The addresses that the service may speak with, from the configuration.", "telesetd address-rules"),
  )
    .option("--apply", "give them to systemd, as telesetd-addresses.service does before each start")
    .action(async ({ config, apply }) => done(await showAddressRules(config, apply === true, io)));
  const installing = (command: Command) =>
    command.option("--from <folders...>", "folders to look for telesetd.json", [...bootFolders])
      .option("--to <file>", "where the configuration goes", defaultConfig)
      .action(({ from, to }) => done(install({ from, to }, io)));
  installing(
    add("install", "Install telesetd.json from the boot partition, as telesetd-firstboot.service does.", "telesetd install"),
  );
  // The name in 0.1.0: a copy of its unit in /etc/systemd/system outlives the upgrade of the package.
  installing(program.command("provision", { hidden: true }).description("The former name of install."));
  // For systemd/telesetd.service, not for people: who wants to reload says systemctl reload telesetd.
  withConfig(program.command("reload", { hidden: true }).description("Hand the configuration over to the running daemon."))
    .requiredOption("--pid <pid>", "the daemon's process")
    .action(async ({ config, pid }) => done(await reload({ config, pid: Number(pid) }, io)));
  withConfig(add("check", "Check the configuration and say every error at once.", "telesetd check --config config.json")).option(
    "--json",
    "for machines",
  )
    .action(({ config, json }) => done(check(config, json === true, io)));
  add("setup", "Make the configuration by questions, each answer tried at once; or install one that is ready.", "telesetd setup")
    .option("--from <file>", "ask nothing: check and install this one").option("--to <file>", "where it goes", defaultConfig)
    .action(async (options) => done(await setup(options, io)));
  withConfig(
    add("doctor", "Try each hop from the phone to UWQ: what is wrong, and what to do about it.", "telesetd doctor"),
  ).option("--json", "for machines").action(async (options) => done(await doctor(options, io)));
  add(
    "demo",
    "A simulated FreeSWITCH, the real daemon and a small CRM: watch the calls go through.",
    "telesetd demo --record demo.txt",
  )
    .option("--loop", "keep going").option("--record <file>", "save the transcript").option("--json", "for machines")
    .action(async (options) => done(await demo(options, io)));
  withConfig(
    add(
      "replay <recording>",
      "Feed a recording through the whole pipe and print what the CRM would get.",
      "telesetd replay call.jsonl",
    ),
  )
    .option("--speed <times>", "how much faster than recorded", "8").option("--json", "for machines")
    .action(async (recording, options, command) =>
      done(await replay(recording, { ...options, given: command.getOptionValueSource("config") !== "default" }, io))
    );
  withConfig(
    add("explain <number>", "What a number becomes for the CRM and for dialling, rule by rule.", "telesetd explain +14155550123"),
  ).option("--json", "for machines")
    .option("-d, --desk <extension>", "whether MakeCall would dial it there, now, and why")
    .action(async (number, { config: file, json, desk }) =>
      done(
        desk === undefined
          ? explain(number, file, json === true, io)
          : await explainAtDesk({ number, desk, file, json: json === true }, io),
      )
    );
  withConfig(add("status", "What the running daemon sees.", "telesetd status")).option("--json", "for machines")
    .action(async ({ config, json }) => done(await showStatus(config, json === true, io)));
  withConfig(add("dials", "The numbers that the CRM asked to dial, who asked, and what became of it.", "telesetd dials")).option(
    "--json",
    "for machines",
  )
    .action(async ({ config, json }) => done(await showDials(config, json === true, io)));
  withConfig(
    add(
      "log [level] [duration]",
      "Show or change how much the running daemon logs; back after the duration.",
      "telesetd log trace 10m",
    ),
  ).option("--json", "for machines")
    .action(async (level, duration, options) => done(await logCommand(level, duration, options, io)));
  addOutbox(program, io, done);
  add(
    "hash-password",
    "Hash a password for agent.passwordHashes; it is read from the terminal or a pipe.",
    "telesetd hash-password",
  )
    .action(async () => done(await hashPasswordCommand(io)));
  add("schema", "The JSON Schema of the configuration.", "telesetd schema > config.schema.json").action(() => done(schema(io)));
  add("version", "The version.", "telesetd version").action(() => io.out(`telesetd ${version}\n`));
  return program;
}

function addOutbox(program: Command, io: Io, done: (code: number) => void): void {
  const outbox = program.command("outbox").description(
    "Events not yet delivered to the CRM, and those discarded, on the running daemon.",
  );
  const add = (name: string, description: string, example: string) =>
    outbox.command(name).description(description).addHelpText("after", `\nExample:\n  ${example}`)
      .option("-c, --config <file>", "configuration file", defaultConfig).option("--json", "for machines");
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
    "all that are waiting or were discarded",
  )
    .action(async (id, options) => done(await outboxRetry(id, options, io)));
  add("drop <id>", "Discard an event.", "telesetd outbox drop 42").action(async (id, options) =>
    done(await outboxDrop(id, options, io))
  );
}
