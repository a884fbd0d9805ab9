/** The manual pages: telesetd(8) from the table of commands, telesetd.json(5) from the schema. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { table } from "../src/cli.ts";
import { type Key, keys } from "./keys.ts";
import { bold, page, prose, tagged, verbatim } from "./roff.ts";

/** The one example that README.md, the package and telesetd.json(5) show. */
const exampleConfig = readFileSync(join(import.meta.dir, "../packaging/config.example.json"), "utf8");

/** telesetd(8). */
export function daemonPage(): string {
  const program = table({ out: () => {}, err: () => {}, terminal: false, environment: {} }, () => {});
  return page("telesetd(8)", "a SIP desk phone as UWQ's softphone", [
    ".SH SYNOPSIS",
    ".B telesetd\n.I command\n.RI [ arguments ]",
    ".SH DESCRIPTION",
    prose(program.description()),
    `.PP\n${
      prose(
        "It watches the phone's line over FreeSWITCH's event socket, or over SIP, answers the callouts of Universal Work Queue over HTTP, and posts events to it. systemd runs it as telesetd.service; the other commands query the running daemon, check its configuration, or show what it would do. Each has --help.",
      )
    }`,
    ".SH FIRST STEPS",
    tagged(
      "telesetd setup",
      "Creates the configuration by questions, and tests each answer. Without a terminal: telesetd apply FILE.",
    ),
    tagged("systemctl enable --now telesetd", "Starts the daemon, now and at each boot."),
    tagged("telesetd doctor", "Checks every hop from the phone to UWQ, and says how to fix what fails."),
    tagged("telesetd apply", "After each change of the configuration. Calls continue."),
    ".SH COMMANDS",
    ...leaves(program).map(([command, parents]) => section(command, parents)),
    ".SH THE WIRE",
    tagged(
      "http://BOX:8090/PREFIX/",
      "The softphone's URL for UWQ: callouts by GET. 8090 is http.port, PREFIX is http.prefix; other paths get 404.",
    ),
    tagged(
      "http://PC:PORT",
      "Events for UWQ, by POST to the address and port of its Register. The PC's firewall must let the box in.",
    ),
    tagged(
      "GET /healthz, /readyz, /metrics",
      "For the box itself and for http.monitorAllow, without PREFIX: whether the process is alive, whether the desks can work and if not why (503), and metrics for Prometheus.",
    ),
    tagged(
      "FreeSWITCH (line.driver freeswitch)",
      "The event socket: TCP to line.host, port 8021. The switch must give the box access: /usr/share/doc/telesetd/docs/setup.md.",
    ),
    tagged(
      "any other switch (line.driver sip)",
      "drachtio-server on the box, TCP port 9022, which speaks SIP with the switch: /usr/share/doc/telesetd/docs/sip.md.",
    ),
    ".SH EXIT STATUS",
    tagged("0", "Success."),
    tagged("1", "Failure: standard error has the reason and what to do."),
    tagged("2", "Wrong usage or configuration. systemd does not restart the daemon."),
    ".SH SIGNALS",
    tagged("SIGTERM, SIGINT, SIGHUP", "Save the state and exit. After a change of the configuration use telesetd apply."),
    ".SH FILES",
    tagged("/etc/telesetd/config.json", "The configuration: telesetd.json(5). It is owned by root, mode 600."),
    tagged(
      "/etc/telesetd/secrets",
      'Secrets in separate files: {"credential": "esl"} is the file esl. It is owned by root, mode 700.',
    ),
    tagged(
      "/boot/firmware/telesetd.json, /boot/telesetd.json",
      "Checked and installed as the configuration at the next boot, then removed. Errors in it are shown in telesetd-errors.txt beside it, above the login prompt, and in telesetd status.",
    ),
    tagged("/var/lib/telesetd/telesetd.db", "The persistent state: registrations, live calls, pending events."),
    tagged(
      "/run/telesetd/admin.sock",
      "The socket of the commands that ask the daemon: for root, and for the group telesetd if there is one.",
    ),
    tagged(
      "/usr/share/doc/telesetd",
      "README.md; docs/setup.md; docs/troubleshooting.md; docs/fleet.md and docs/upgrade.md, for many boxes; examples.",
    ),
    ".SH SEE ALSO",
    ".BR telesetd.json (5),\n.BR systemctl (1),\n.BR journalctl (1)",
  ]);
}

/** telesetd.json(5). */
export function configurationPage(): string {
  return page("telesetd.json(5)", "configuration of telesetd", [
    ".SH DESCRIPTION",
    prose(
      "telesetd(8) reads one JSON file, /etc/telesetd/config.json. The same file, named telesetd.json on a box's boot partition, is installed at the next boot. Unknown keys are an error, with a suggestion; telesetd check lists all errors. Regular expressions are JavaScript's.",
    ),
    `.PP\n${
      prose(
        'A secret may be the text itself, or a reference: {"credential": "name"} is the file /etc/telesetd/secrets/name, which systemd passes to the daemon (LoadCredential); {"file": "path"} is a file readable by the user of the daemon, or one beside telesetd.json on the boot partition, whose text is put into the configuration.',
      )
    }`,
    ".SH KEYS",
    ...keys().map((key) => tagged(key.path, keyText(key))),
    ".SH EXAMPLE",
    verbatim(exampleConfig.trimEnd().split("\n")),
    ".SH FILES",
    tagged(
      "/etc/telesetd/config.json",
      "The configuration: it is owned by root, mode 600. telesetd check lists its errors.",
    ),
    tagged("/etc/telesetd/secrets", 'The files for {"credential": ...}. The folder is owned by root, mode 700.'),
    tagged("/usr/share/doc/telesetd/examples/config.json", "The example above."),
    ".SH SEE ALSO",
    ".BR telesetd (8)",
  ]);
}

function keyText({ meaning, required, fallback, choices, driver, secret }: Key): string {
  // A name with a capital in it, such as occtDNIS, keeps its spelling.
  const named = /^[a-z]+[A-Z]/.test(meaning);
  const sentence = meaning === "" ? "" : `${named ? meaning[0] : meaning[0]?.toUpperCase()}${meaning.slice(1)}.`;
  return [
    driver === undefined ? "" : `(${driver})`,
    sentence,
    choices.length > 1 ? `One of ${choices.join(", ")}.` : "",
    secret ? "Secret." : "",
    required ? "Required." : fallback === undefined ? "" : `Default: ${fallback}`,
  ].filter((part) => part !== "").join(" ") || "Contains the keys below.";
}

/** The commands without subcommands, each with the names of its parents. */
function leaves(command: Command, parents: readonly string[] = []): [Command, readonly string[]][] {
  return command.createHelp().visibleCommands(command).filter((child) => child.name() !== "help").flatMap(
    (child): [Command, readonly string[]][] => {
      const below = leaves(child, [...parents, child.name()]);
      return below.length > 0 ? below : [[child, parents]];
    },
  );
}

function section(command: Command, parents: readonly string[]): string {
  const name = [...parents, command.name()].join(" ");
  const given = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`
  );
  return [
    `.SS ${bold([name, ...given].join(" "))}`,
    prose(command.description()),
    ...command.options.filter(({ hidden }) => !hidden).map((option) => {
      const { flags, description, defaultValue } = option;
      const values: unknown[] = [defaultValue ?? []].flat();
      const fallback = values.length > 0 && typeof values[0] !== "boolean" ? ` (default: ${values.join(" and ")})` : "";
      return tagged(flags, `${description}${fallback}`);
    }),
    ...example(command),
  ].join("\n");
}

/** The example is in the last part of the help, which commander prints but does not return. */
function example(command: Command): string[] {
  let shown = "";
  command.configureOutput({ writeOut: (text) => shown += text }).outputHelp();
  const [, text = ""] = /\nExample:\n([\s\S]*)$/.exec(shown) ?? [];
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return lines.length === 0 ? [] : [".PP\nExample:\n.PP", verbatim(lines)];
}
