/** The completion of telesetd for bash, from the table of commands. */
import type { Command, Option } from "commander";
import { table } from "../src/cli.ts";
import { logLevels } from "../src/log/log.ts";

/** The script that bash-completion loads. */
export function completionScript(): string {
  const commands = withPaths(table({ out: () => {}, err: () => {}, terminal: false, environment: {} }, () => {}), "telesetd");
  const fileOptions = new Set(commands.flatMap(({ command }) => optionsOf(command).filter(takesFile).flatMap(spellings)));
  const takingFiles = commands.filter(({ command }) => command.registeredArguments.some((argument) => isFile(argument.name())));
  return `# Completion of telesetd for bash. Generated from the table of commands by ./scripts/docs: do not edit.

_telesetd() {
  local word=\${COMP_WORDS[COMP_CWORD]} command=telesetd words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command \${COMP_WORDS[i]}" in
      ${alternatives(commands.slice(1))}) command+=" \${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case \${COMP_WORDS[COMP_CWORD - 1]} in
    ${[...fileOptions].join(" | ")})
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
  esac
  case $command:$word in
${commands.flatMap(clauses).map((clause) => `    ${clause} ;;\n`).join("")}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ $word == -* ]] && return
  case $command in
    ${alternatives(takingFiles)})
      compopt -o filenames 2>/dev/null
      mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -F _telesetd telesetd
`;
}

interface CommandAt {
  readonly command: Command;
  /** Its names from the top, such as `telesetd outbox list`. */
  readonly path: string;
}

function withPaths(command: Command, path: string): CommandAt[] {
  return [{ command, path }, ...children(command).flatMap((child) => withPaths(child, `${path} ${child.name()}`))];
}

function children(command: Command): Command[] {
  return command.createHelp().visibleCommands(command).filter((child) => child.name() !== "help");
}

function alternatives(commands: readonly CommandAt[]): string {
  return commands.map(({ path }) => `"${path}"`).join(" | ");
}

/** The words after a command: its options if the word starts with a hyphen, otherwise its subcommands or values. */
function clauses({ command, path }: CommandAt): string[] {
  const values = command.registeredArguments.some((argument) => argument.name() === "level") ? ["follow", ...logLevels] : [];
  const words = [...children(command).map((child) => child.name()), ...values];
  return [
    `"${path}":-*) words="${optionsOf(command).flatMap(spellings).filter((name) => name.startsWith("--")).join(" ")}"`,
    ...words.length > 0 ? [`"${path}":*) words="${words.join(" ")}"`] : [],
  ];
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function spellings({ short, long }: Option): string[] {
  return [short, long].filter((name) => name !== undefined && name !== null) as string[];
}

function takesFile({ flags }: Option): boolean {
  const [, value] = /<([\w-]+)/.exec(flags) ?? [];
  return value !== undefined && isFile(value);
}

/** Whether a value with this name is a path. */
function isFile(name: string): boolean {
  return ["file", "path", "folders", "recording"].includes(name);
}
