# Completion of telesetd for bash. Generated from the table of commands by ./scripts/docs: do not edit.

_telesetd() {
  local word=${COMP_WORDS[COMP_CWORD]} command=telesetd words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${COMP_WORDS[i]}" in
      "telesetd setup" | "telesetd doctor" | "telesetd status" | "telesetd try" | "telesetd demo" | "telesetd outbox" | "telesetd outbox list" | "telesetd outbox show" | "telesetd outbox retry" | "telesetd outbox drop" | "telesetd watch" | "telesetd explain" | "telesetd calls" | "telesetd dials" | "telesetd log" | "telesetd support" | "telesetd apply" | "telesetd update" | "telesetd check" | "telesetd schema" | "telesetd hash-password" | "telesetd replay" | "telesetd relay" | "telesetd fleet" | "telesetd fleet init" | "telesetd fleet add" | "telesetd fleet revoke" | "telesetd fleet list" | "telesetd fleet status" | "telesetd fleet push" | "telesetd fleet servers" | "telesetd run" | "telesetd install" | "telesetd version" | "telesetd image" | "telesetd image settings" | "telesetd image health" | "telesetd image record" | "telesetd image console") command+=" ${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case ${COMP_WORDS[COMP_CWORD - 1]} in
    --from | --to | -c | --config | --socket | --record | --certificate | --key | --ca | --csv)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
  esac
  case $command:$word in
    "telesetd":-*) words="--version --help" ;;
    "telesetd":*) words="setup doctor status try demo outbox watch explain calls dials log support apply update check schema hash-password replay relay fleet run install version image" ;;
    "telesetd setup":-*) words="--from --force --to --help" ;;
    "telesetd doctor":-*) words="--config --json --socket --help" ;;
    "telesetd status":-*) words="--config --json --socket --help" ;;
    "telesetd try":-*) words="--config --desk --agent --socket --help" ;;
    "telesetd demo":-*) words="--loop --record --json --page --port --fleet --help" ;;
    "telesetd outbox":-*) words="--help" ;;
    "telesetd outbox":*) words="list show retry drop" ;;
    "telesetd outbox list":-*) words="--config --json --socket --utc --all --help" ;;
    "telesetd outbox show":-*) words="--config --json --socket --utc --help" ;;
    "telesetd outbox retry":-*) words="--config --json --socket --utc --all --help" ;;
    "telesetd outbox drop":-*) words="--config --json --socket --utc --help" ;;
    "telesetd watch":-*) words="--config --json --socket --utc --with-numbers --help" ;;
    "telesetd explain":-*) words="--config --json --socket --desk --help" ;;
    "telesetd calls":-*) words="--config --json --socket --utc --desk --all --help" ;;
    "telesetd dials":-*) words="--config --json --socket --utc --help" ;;
    "telesetd log":-*) words="--config --json --socket --utc --wire --help" ;;
    "telesetd log":*) words="follow error warning info debug trace" ;;
    "telesetd support":-*) words="--config --with-numbers --force --socket --help" ;;
    "telesetd apply":-*) words="--config --start --help" ;;
    "telesetd update":-*) words="--check --rollback --restart --help" ;;
    "telesetd check":-*) words="--config --json --help" ;;
    "telesetd schema":-*) words="--help" ;;
    "telesetd hash-password":-*) words="--help" ;;
    "telesetd replay":-*) words="--config --json --speed --help" ;;
    "telesetd relay":-*) words="--config --check --state --help" ;;
    "telesetd fleet":-*) words="--help" ;;
    "telesetd fleet":*) words="init add revoke list status push servers" ;;
    "telesetd fleet init":-*) words="--folder --certificate --key --ca --server --prefix --passphrase --server-folder --server-state --help" ;;
    "telesetd fleet add":-*) words="--folder --csv --group --image-config --replace --relay --help" ;;
    "telesetd fleet revoke":-*) words="--folder --help" ;;
    "telesetd fleet list":-*) words="--folder --group --all --json --help" ;;
    "telesetd fleet status":-*) words="--folder --all --json --help" ;;
    "telesetd fleet push":-*) words="--folder --group --desk --all --wait --help" ;;
    "telesetd fleet servers":-*) words="--folder --certificate --key --ca --help" ;;
    "telesetd run":-*) words="--config --socket --help" ;;
    "telesetd install":-*) words="--from --to --help" ;;
    "telesetd version":-*) words="--help" ;;
    "telesetd image":-*) words="--help" ;;
    "telesetd image":*) words="settings health record console" ;;
    "telesetd image settings":-*) words="--config --root --help" ;;
    "telesetd image health":-*) words="--config --root --minutes --help" ;;
    "telesetd image record":-*) words="--root --help" ;;
    "telesetd image console":-*) words="--config --root --help" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ $word == -* ]] && return
  case $command in
    "telesetd support" | "telesetd apply" | "telesetd replay" | "telesetd fleet push")
      compopt -o filenames 2>/dev/null
      mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -F _telesetd telesetd
