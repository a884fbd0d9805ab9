/**
 * The table of commands. Exit codes: 0 success, 1 failure, 2 invalid usage or configuration. A command is loaded when it runs,
 * so that the daemon does not carry the others in its memory, which each collection of garbage visits.
 */
import { Command, CommanderError, Option } from "commander";
import { bootFolders, defaultConfig, defaultRelayConfig, fleetFolder, type Io } from "./commands/io.ts";
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
    .version(`telesetd ${version}`, "-V, --version", "print the version")
    .addOption(new Option("-v", "print the version").hideHelp()).on("option:v", () => {
      io.out(`telesetd ${version}\n`);
      throw new CommanderError(0, "commander.version", version);
    })
    .addHelpText("after", "\nExit codes: 0 success, 1 failure, 2 invalid usage or configuration.");
  const group = { program, io, ...toolsFor(program, done) };
  program.commandsGroup("Start here:");
  addFirst(group);
  program.commandsGroup("Every day:");
  addOutbox({ ...group, ...toolsFor(program.command("outbox").description(outboxDescription), done) });
  addQuestions(group);
  program.commandsGroup("Files:");
  addFiles(group);
  program.commandsGroup("Many boxes:");
  addRelay(group);
  addFleet({ ...group, ...toolsFor(program.command("fleet").description(fleetDescription), done) });
  program.commandsGroup("Plumbing:");
  addPlumbing(group);
  addImage({ ...group, ...toolsFor(program.command("image").description(imageDescription), done) });
  program.helpCommand("help [command]", "Show the help of a command.");
  return program;
}

/** The arguments and options that a command has declared, as commander gives them. */
type Given = Parameters<Parameters<Command["action"]>[0]>;

type Add = (name: string, description: string, example: string, options?: { readonly isDefault?: boolean }) => Command;

/** The helpers that the groups of commands use. */
interface Tools {
  readonly add: Add;
  /** Adds a command that reads the configuration. */
  readonly configured: Add;
  /** Adds a command that reads the configuration and can print JSON. */
  readonly printing: Add;
  /** Adds a command that asks the running daemon, and can print JSON. */
  readonly asking: Add;
  /** The same for a command that prints times. */
  readonly timed: Add;
  /** Sets the action of a command, which returns the exit code. */
  does(command: Command, work: (...given: Given) => number | Promise<number>): void;
}

function toolsFor(parent: Command, done: (code: number) => void): Tools {
  const add: Add = (name, description, example, options = {}) =>
    parent.command(name, options).description(description).addHelpText("after", `\nExample:\n  ${example}`);
  const configured: Add = (...given) => withConfig(add(...given));
  const printing: Add = (...given) => configured(...given).option("--json", "print JSON");
  const asking: Add = (...given) =>
    printing(...given).option("--socket <path>", "socket of the daemon, if several run on this machine");
  return {
    add,
    configured,
    printing,
    asking,
    timed: (...given) => asking(...given).option("--utc", "print times in UTC (ISO 8601), not in the zone of the machine"),
    does: (command, work) => void command.action(async (...given) => done(await work(...given))),
  };
}

function withConfig(command: Command): Command {
  return command.option("-c, --config <file>", "configuration file", defaultConfig);
}

interface Group extends Tools {
  readonly program: Command;
  readonly io: Io;
}

/** The commands of the first day. */
function addFirst({ io, add, configured, asking, does }: Group): void {
  does(
    add("setup", "Create the configuration interactively, testing each answer, or install an existing file.", "telesetd setup")
      .option("--from <file>", "check and install this file, without questions")
      .option("--force", "with --from: install the file even if the switch or a phone cannot be reached")
      .option("--to <file>", "where the configuration goes", defaultConfig),
    async (options) => (await import("./commands/setup/mod.ts")).setup(options, io),
  );
  does(
    asking("doctor", "Check every hop from the phone to UWQ and say how to fix what fails.", "telesetd doctor"),
    async (options) => (await import("./commands/doctor/mod.ts")).doctor(options, io),
  );
  does(
    asking("status", "Show the state of the running daemon.", "telesetd status"),
    async ({ json, ...place }) => (await import("./commands/status.ts")).showStatus(place, json === true, io),
  );
  does(
    configured(
      "try",
      "Play UWQ against the running daemon: register, show the events of calls, dial.",
      "telesetd try --desk 1001",
    )
      .option("-d, --desk <extension>", "desk to play UWQ for (default: the first one)")
      .option("--agent <id>", "agent who logs in, too; asks for the password if agent.verify needs one")
      .option("--socket <path>", "socket of the daemon, if several run on this machine"),
    async (options) => (await import("./commands/try.ts")).tryUwq(options, io),
  );
  does(
    add("demo", "Show calls through the daemon, with a simulated FreeSWITCH and a small CRM.", "telesetd demo --record demo.txt")
      .option("--loop", "repeat until stopped").option("--record <file>", "save the transcript").option("--json", "print JSON")
      .option("--page", "serve a page on this machine instead, to play with: phones, the box, a small UWQ")
      .option("--port <port>", "with --page: its port")
      .option("--fleet", "show a fleet instead: nats-server, two relays and three boxes, parts of which are killed"),
    async ({ page, port, fleet, ...options }) =>
      fleet
        ? (await import("./commands/rehearsal/fleet/mod.ts")).demoFleet(io)
        : page
        ? (await import("./commands/rehearsal/page/mod.ts")).demoPage(port, io)
        : (await import("./commands/rehearsal/demo.ts")).demo(options, io),
  );
}

/** The commands of the days after it. */
function addQuestions({ io, add, configured, asking, timed, does }: Group): void {
  does(
    timed("watch", "Show the state of the running daemon and its calls, live, until q or Ctrl-C.", "telesetd watch")
      .option("--with-numbers", "show customers' numbers"),
    async (options) => (await import("./commands/watch/mod.ts")).watch(options, io),
  );
  does(
    asking(
      "explain <number>",
      "Show how a number is sent to the CRM and dialled, rule by rule.",
      "telesetd explain +14155550123",
    )
      .option("-d, --desk <extension>", "say whether MakeCall would dial it at this desk now, and why"),
    async (number, { config, socket, json, desk }) =>
      (await import("./commands/explain.ts")).explain({ number, desk, config, socket, json: json === true }, io),
  );
  does(
    timed(
      "calls [id]",
      "List the calls of the desks, with what was sent to the CRM, or why nothing was; or show one call, step by step.",
      "telesetd calls --desk 1001",
    ).option("-d, --desk <extension>", "only the calls of this desk").option("--all", "all calls on record, not only the newest"),
    async (id, options) => (await import("./commands/calls.ts")).showCalls(id, options, io),
  );
  does(
    timed("dials", "List the numbers dialled by the CRM, with agent and outcome.", "telesetd dials"),
    async (options) => (await import("./commands/dials.ts")).showDials(options, io),
  );
  does(
    timed(
      "log [level] [duration]",
      "Show or set the log level of the running daemon, optionally for a limited time; or follow its log: telesetd log follow.",
      "telesetd log trace 10m",
    ).option("--wire", "with follow: print the whole messages of both wires"),
    async (level, duration, options) => (await import("./commands/log.ts")).logCommand(level, duration, options, io),
  );
  does(
    configured(
      "support [file]",
      "Write a file for a bug report: machine, configuration without secrets, findings, calls, log. Numbers and names are masked.",
      "telesetd support report.tar.gz",
    ).option("--with-numbers", "include customers' numbers, and names of people").option(
      "--force",
      "replace the file if it exists",
    )
      .option("--socket <path>", "socket of the daemon, if several run on this machine"),
    async (file, options) => (await import("./commands/support/mod.ts")).support(file, options, io),
  );
  does(
    configured(
      "apply [file]",
      "Check a configuration, install it, and restart the service with it; return to the old one if that fails.",
      "telesetd apply new.json",
    ).option("--start", "start the service, now and at each boot, even if it does not run"),
    async (from, options) => (await import("./commands/apply/mod.ts")).apply({ from, ...options }, io),
  );
  does(
    add("update", "On the image: install a new version in the other slot, or go back to the version before.", "telesetd update")
      .option("--check", "only look whether there is a newer version")
      .option("--rollback", "run the version before after the next restart")
      .option("--restart", "restart into the version that was installed, when no desk has had a call for 10 minutes"),
    async (options) => (await import("./commands/update.ts")).update(options, io),
  );
}

/** The commands of the image's units. */
function addImage({ io, add, configured, does }: Group): void {
  const rooted = (command: Command) => command.option("--root <folder>", "the root of the system", "/");
  does(
    rooted(configured(
      "settings",
      "Write the files of the system for network, ntp and update of the configuration.",
      "telesetd image settings",
    )),
    async (options) => (await import("./commands/image/settings.ts")).writeSettings(options, io),
  );
  does(
    rooted(configured("health", "Wait until this boot of a new version is found good, or not.", "telesetd image health"))
      .option("--minutes <number>", "how long the boot has", "5"),
    async (options) => (await import("./commands/image/health.ts")).health(options, io),
  );
  does(
    rooted(add("record", "Record which version runs, and which one was rejected and why.", "telesetd image record")),
    async (options) => (await import("./commands/image/record.ts")).recordBoot(options, io),
  );
  does(
    rooted(configured("console", "Print what the screen of the box shows.", "telesetd image console")),
    async (options) => (await import("./commands/image/console.ts")).showConsole(options, io),
  );
}

/** The commands that need no daemon. */
function addFiles({ io, add, printing, does }: Group): void {
  does(
    printing("check", "Check the configuration and list all its errors.", "telesetd check --config config.json"),
    async ({ config, json }) => (await import("./commands/check.ts")).check(config, json === true, io),
  );
  does(
    add("schema", "Print the JSON Schema of the configuration.", "telesetd schema > config.schema.json"),
    async () => (await import("./commands/schema.ts")).schema(io),
  );
  does(
    add(
      "hash-password",
      "Hash a password for agent.passwordHashes, read from the terminal or a pipe.",
      "telesetd hash-password",
    ),
    async () => (await import("./commands/hash-password.ts")).hashPasswordCommand(io),
  );
  does(
    printing(
      "replay <recording>",
      "Play a recording through the whole daemon and print the events for the CRM.",
      "telesetd replay call.jsonl",
    ).option("--speed <times>", "speed relative to the recording", "8"),
    async (recording, options, command) =>
      (await import("./commands/rehearsal/replay.ts")).replay(recording, {
        ...options,
        given: command.getOptionValueSource("config") !== "default",
      }, io),
  );
}

/** The commands of the systemd units. */
function addPlumbing({ program, io, add, configured, does }: Group): void {
  does(
    configured("run", "Run the daemon.", "telesetd run --config /etc/telesetd/config.json")
      .option("--socket <path>", "socket for the administrator's commands (default: in $RUNTIME_DIRECTORY, or beside the store)"),
    async (options) => (await import("./commands/run.ts")).run(options, io),
  );
  const installing = (command: Command, restarts: boolean) =>
    does(
      command.option("--from <folders...>", "folders to look for telesetd.json", [...bootFolders])
        .option("--to <file>", "where the configuration goes", defaultConfig),
      async ({ from, to }) =>
        (await import("./commands/install/mod.ts")).install(
          { from, to },
          io,
          restarts ? (await import("./commands/apply/service.ts")).serviceOf(to) : undefined,
        ),
    );
  installing(
    add("install", "Install telesetd.json from the boot partition, as telesetd-firstboot.service does.", "telesetd install"),
    true,
  );
  // The name in 0.1.0: a copy of its unit in /etc/systemd/system survives the upgrade of the package, and restarts the service.
  installing(program.command("provision", { hidden: true }).description("Run install under its former name."), false);
  add("version", "Print the version.", "telesetd version").action(() => io.out(`telesetd ${version}\n`));
}

/** The role beside the switch. */
function addRelay({ io, add, does }: Group): void {
  does(
    add("relay", "Watch the switch for many boxes, which hear it through a broker.", "telesetd relay --check")
      .option("-c, --config <file>", "configuration file", defaultRelayConfig)
      .option("--check", "only check the configuration")
      .option("--state <folder>", "folder for pushed configurations (default: $STATE_DIRECTORY, or beside the configuration)"),
    async (options) => (await import("./commands/relay.ts")).relay(options, io),
  );
}

const fleetDescription = "Administer a fleet of boxes that reach the switch through a broker.";

/** The commands of the administrator of many boxes. */
function addFleet({ io, add, does }: Group): void {
  const ofFleet: Add = (...given) => add(...given).option("--folder <folder>", "folder of the fleet's keys", fleetFolder);
  const certified = (command: Command): Command =>
    command.option("--certificate <file>", "certificate of the servers in PEM (default: one by the fleet's own authority)")
      .option("--key <file>", "its key").option("--ca <file>", "the authority that the boxes trust");
  does(
    certified(
      ofFleet(
        "init",
        "Create the keys of a fleet, and the configuration of its nats-servers.",
        "telesetd fleet init --server nats1.example.com",
      ),
    ).requiredOption("--server <hosts...>", "host[:port] of each nats-server, as the boxes reach it")
      .option("--prefix <prefix>", "first part of all subjects, another one for each PBX", "tele")
      .option("--passphrase", "encrypt the keys; the passphrase is read from the terminal or a pipe")
      .option("--server-folder <folder>", "folder of the files on the servers", "/etc/nats")
      .option("--server-state <folder>", "folder on the servers for the accounts", "/var/lib/nats"),
    async (options) => (await import("./commands/fleet/init.ts")).initFleet(options, io),
  );
  does(
    ofFleet(
      "add [desk]",
      "Issue the credential of a box: of one desk, or of several (1001+1002).",
      "telesetd fleet add 1001 --image-config shared.json",
    ).option("--csv <file>", "a list instead, with a line such as 1001,sales for each box")
      .option("--group <name>", "group of the box, for telesetd fleet push")
      .option("--image-config [shared]", "write telesetd.json of the box too, with the settings of this file")
      .option("--replace", "issue a new credential, and revoke the old one")
      .option("--relay", "issue the credential of a relay instead, for example of relay c"),
    async (name, options) => (await import("./commands/fleet/add.ts")).addToFleet(name, options, io),
  );
  does(
    ofFleet("revoke <name>", "Shut a box or a relay out, at once.", "telesetd fleet revoke 1001"),
    async (name, options) => (await import("./commands/fleet/revoke.ts")).revokeFromFleet(name, options, io),
  );
  does(
    ofFleet("list", "List the boxes and relays that have credentials.", "telesetd fleet list --group sales")
      .option("--group <name>", "only this group").option("--all", "revoked ones too").option("--json", "print JSON"),
    async (options) => (await import("./commands/fleet/list.ts")).listFleet(options, io),
  );
  does(
    ofFleet(
      "status [search]",
      "Show the state of the fleet: the desks in trouble, or those of an agent or a version.",
      "telesetd fleet status",
    ).option("--all", "all desks").option("--json", "print JSON"),
    async (search, options) => (await import("./commands/fleet/status.ts")).fleetStatus(search, options, io),
  );
  does(
    ofFleet(
      "push [file]",
      "Sign settings and send them to boxes, over their own files; without a file, send the last ones again.",
      "telesetd fleet push sales.json --group sales",
    ).option("--group <name>", "the boxes of a group").option("-d, --desk <extension>", "one box").option("--all", "all boxes")
      .option("--wait <seconds>", "how long to wait for the boxes", "30"),
    async (file, options) => (await import("./commands/fleet/push.ts")).pushToFleet(file, options, io),
  );
  does(
    certified(
      ofFleet(
        "servers [hosts...]",
        "Write the files of the servers again, for other addresses or with a new certificate.",
        "telesetd fleet servers nats1.example.com nats2.example.com",
      ),
    ),
    async (hosts, options) => (await import("./commands/fleet/init.ts")).renewServers(hosts, options, io),
  );
}
const imageDescription = "Serve the units of the image: settings, health, record, console.";

const outboxDescription = "List events of the running daemon that are pending or discarded, retry them or drop them.";

function addOutbox({ io, timed, does }: Group): void {
  does(
    timed("list", "List pending events (--all: finished ones too).", "telesetd outbox list --all", { isDefault: true })
      .option("--all", "finished events too"),
    async (options) => (await import("./commands/outbox.ts")).outboxList(options, io),
  );
  does(
    timed("show <id>", "Show one event with its data.", "telesetd outbox show 42"),
    async (id, options) => (await import("./commands/outbox.ts")).outboxShow(id, options, io),
  );
  does(
    timed("retry [id]", "Retry one event, or --all, now.", "telesetd outbox retry --all")
      .option("--all", "all pending and discarded events"),
    async (id, options) => (await import("./commands/outbox.ts")).outboxRetry(id, options, io),
  );
  does(
    timed("drop <id>", "Discard an event.", "telesetd outbox drop 42"),
    async (id, options) => (await import("./commands/outbox.ts")).outboxDrop(id, options, io),
  );
}
