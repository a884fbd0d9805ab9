#!/bin/bash
# Runs as root on a booted Debian with the shipped units and the binary (scripts/boot-test): checks the promises of the units, one
# line for each. /boot/firmware/telesetd.json has an error at the boot.
set -u
failed=0
ok() { echo "ok: $1"; }
no() { echo "NOT OK: $1"; shift; [ $# -eq 0 ] || printf '   %s\n' "$@"; failed=$((failed + 1)); }
check() { local what=$1; shift; if "$@"; then ok "$what"; else no "$what"; fi; }
has() { case "$1" in *"$2"*) return 0 ;; *) printf '   expected %s in: %s\n' "$2" "$1"; return 1 ;; esac; }
show() { systemctl show --property="$1" --value "${2:-telesetd.service}"; }
# until_so SECONDS COMMAND...: waits until the command succeeds.
until_so() { local end=$((SECONDS + $1)); shift; until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done; }
status_has() { has "$(show StatusText)" "$1" >/dev/null; }
state_is() { [ "$(show ActiveState)/$(show SubState)" = "$1" ]; }
new_pid() { [ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ] && state_is active/running; }
config() { # config EXTENSION SWITCH [PASSWORD]
  printf '{\n  "desks": [{ "extension": "%s" }],\n  "line": { "driver": "freeswitch", "host": "%s", "password": %s, "domain": "pbx.example.com" }\n}\n' \
    "$1" "$2" "${3:-\"x\"}"
}
file=/etc/telesetd/config.json
card=/boot/firmware

echo "== first boot"
check "a wrong telesetd.json does not stop the boot" systemctl is-active --quiet multi-user.target
check "the first-boot unit has failed" systemctl is-failed --quiet telesetd-firstboot.service
check "systemctl status shows every error with its line" \
  has "$(journalctl --no-pager -o cat -u telesetd-firstboot)" 'desks[0].extension is "12a": expected digits (line 2, column 28)'
check "so does telesetd-errors.txt on the card" has "$(cat $card/telesetd-errors.txt)" 'expected digits (line 2, column 28)'
check "so does telesetd status" has "$(telesetd status 2>&1)" 'expected digits (line 2, column 28)'
check "without a configuration the service is skipped, not failed" test "$(show ActiveState)/$(show ConditionResult)" = inactive/no
config 1001 203.0.113.9 >$card/telesetd.json
check "a valid telesetd.json is installed" systemctl start telesetd-firstboot.service
check "it has mode 600 and is owned by root" test "$(stat -c '%a %U' $file)" = "600 root"
check "neither the file nor the errors are left on the card" test "$(ls $card)" = telesetd-installed.txt
check "the service runs" until_so 20 state_is active/running

echo "== the service"
check "the switch is down, and the status reports it" until_so 20 status_has "desk 1001: No connection to the phone system"
check "telesetd status works" has "$(telesetd status 2>&1)" "desk 1001: No connection"
pid=$(show MainPID)
check "it runs as a separate user" test "$(stat -c %u "/proc/$pid")" -ge 61184
check "others cannot enter its state directory" test "$(stat -c %a /var/lib/private/telesetd)" = 700
check "its store exists" test -s /var/lib/telesetd/telesetd.db
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@" 2>/dev/null; }
for secret in $file /run/credentials/telesetd.service/config.json /var/lib/telesetd/telesetd.db; do
  check "others cannot read $secret" test -z "$(nobody cat $secret)"
done
check "only the daemon's user may open the socket of the commands" test "$(stat -c %a /run/telesetd/admin.sock)" = 600
check "others are refused, with what to do" \
  has "$(setpriv --reuid=65534 --regid=65534 --clear-groups telesetd status 2>&1)" "Permission denied at /run/telesetd/admin.sock"
check "no memory is both writable and executable" test -z "$(grep -E '^[^ ]+ .?wx' "/proc/$pid/maps")"
check "the kernel enforces this" test "$(show MemoryDenyWriteExecute)/$(grep -c '^Seccomp:.2' "/proc/$pid/status")" = yes/1
check "it has no capabilities" test "$(awk '/^Cap(Eff|Bnd|Prm)/ { print $2 }' "/proc/$pid/status" | sort -u)" = 0000000000000000
check "it may reach the switch and the lists only" has "$(show IPAddressDeny) $(show IPAddressAllow)" "203.0.113.9/32"
check "systemctl cat shows it" has "$(systemctl cat telesetd.service)" "IPAddressAllow=203.0.113.9/32"
check "systemd knows all of its files" test "$(show NeedDaemonReload)" = no
ip link set lo up && ip addr add 10.99.0.1/32 dev lo && ip addr add 198.51.100.1/32 dev lo
# Any answer counts: this address may not read /healthz.
asked() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/8090 && printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3 && grep -q ^HTTP/ <&3" 2>/dev/null; }
if [ "${KERNEL_FILTERS:-yes}" = no ]; then
  echo "skipped: whether the kernel filters addresses: a container on this machine cannot load filters"
elif asked 10.99.0.1; then
  if asked 198.51.100.1; then no "an address outside the rules gets no answer"; else ok "an address outside the rules gets no answer"; fi
else
  no "an address inside the rules gets an answer"
fi

groupadd -r telesetd && useradd -r -G telesetd anna
member() { setpriv --reuid=anna --regid=anna --init-groups "$@" 2>&1; }
check "with a group telesetd the service starts again" systemctl restart telesetd.service
check "and the socket is the group's" test "$(stat -c '%a %G' /run/telesetd/admin.sock)" = "660 telesetd"
check "its members may use it" has "$(member telesetd status)" "desk 1001: No connection"
check "but not read the configuration" test -z "$(member cat $file 2>/dev/null | grep pbx)"
check "others are still refused" has "$(setpriv --reuid=65534 --regid=65534 --clear-groups telesetd dials 2>&1)" "join the group telesetd"
pid=$(show MainPID)
cp $file /root/good.json && echo '{' >$file
check "with a wrong file the commands reach the daemon, and report the file" \
  has "$(telesetd status 2>&1)" "has 1 error (telesetd check): the daemon runs on the configuration of"
cp /root/good.json $file
kill -STOP "$pid"
check "a daemon that hangs is not called stopped" has "$(telesetd status 2>&1)" "is running, but does not answer at"
kill -CONT "$pid"

echo "== apply"
mkdir -p /etc/telesetd/secrets && chmod 700 /etc/telesetd/secrets && printf 'y\n' >/etc/telesetd/secrets/esl
config 1002 203.0.113.10 '{ "credential": "esl" }' >$file
check "telesetd apply applies a configuration changed in its place, with a new credential" telesetd apply
check "by a restart" new_pid "$pid"
check "the new desk is served when it returns" has "$(telesetd status 2>&1)" "desk 1002"
check "it may reach the new switch only" test "$(show IPAddressAllow | grep -c 203.0.113.10/32)$(show IPAddressAllow | grep -c 203.0.113.9/32)" = 10
pid=$(show MainPID)
echo '{ "desks": [] }' >/root/wrong.json
says=$(telesetd apply /root/wrong.json 2>&1)
check "an invalid file: exit code 2" test $? = 2
check "with every error" has "$says" "desks: expected at least 1 entry (line 1, column 12)"
check "nothing was changed or restarted" test "$(show MainPID)" = "$pid"
cp $file /root/former.json
# not_ready LISTEN PASSWORD: a valid configuration with which the daemon ends: an address that the box lacks, or a secret that
# only root can read.
not_ready() { config 1003 203.0.113.11 "$2" | sed "\$s/}\$/, \"http\": { \"host\": \"$1\" } }/"; }
not_ready 192.0.2.77 '"x"' >/root/new.json
says=$(telesetd apply /root/new.json 2>&1)
check "a configuration that the daemon cannot start with: exit code 1" test $? = 1
check "with the reason" has "$says" "did not become ready with this configuration: Cannot listen on 192.0.2.77:8090"
check "the old configuration is in force" cmp -s $file /root/former.json
check "the daemon runs with it" has "$(telesetd status 2>&1)" "desk 1002"
check "it may reach the old switch" has "$(show IPAddressAllow)" "203.0.113.10/32"
check "the new one is kept" cmp -s $file.failed /root/new.json
printf 'z\n' >/root/secret && chmod 600 /root/secret
not_ready 127.0.0.1 '{ "file": "/root/secret" }' >$file
says=$(telesetd apply 2>&1)
check "a file changed in its place, with a secret that only root can read: exit code 1" test $? = 1
check "with the daemon's own reason" has "$says" "line.password"
check "the configuration of the running daemon is back" cmp -s $file /root/former.json
cp /root/new.json $card/telesetd.json
if systemctl start telesetd-firstboot.service 2>/dev/null; then no "the first-boot unit fails with it"; else ok "the first-boot unit fails with it"; fi
check "the card keeps the file, and has the reason" has "$(ls $card; cat $card/telesetd-errors.txt)" "Cannot listen on 192.0.2.77:8090"
check "the old configuration is in force again" cmp -s $file /root/former.json
check "the daemon runs" until_so 10 state_is active/running
rm $card/telesetd.json && telesetd install
config 1004 pbx.example.com '{ "credential": "esl" }' >/root/next.json
for delay in 0.01 0.05 0.1 0.2 0.4; do
  telesetd apply /root/next.json >/dev/null 2>&1 &
  sleep $delay && kill -9 $! 2>/dev/null
  wait $! 2>/dev/null
  if ! cmp -s $file /root/next.json && ! cmp -s $file /root/former.json; then no "the file is whole after kill -9 of apply after $delay s"; fi
done
check "after five killed ones it applies again" telesetd apply /root/next.json
check "the new desk is served" has "$(telesetd status 2>&1)" "desk 1004"
check "without a restriction, because the switch is given by name" test -z "$(show IPAddressDeny)$(show IPAddressAllow)"
systemctl stop telesetd.service
config 1002 203.0.113.10 '{ "credential": "esl" }' >/root/new.json
says=$(telesetd apply /root/new.json 2>&1)
check "a service that is stopped stays so" test "$?/$(show ActiveState)" = 0/inactive
check "and this is reported" has "$says" "telesetd is not running"
check "--start starts it" telesetd apply --start
check "it runs" state_is active/running
pid=$(show MainPID)
kill -HUP "$pid"
check "kill -HUP ends it as SIGTERM does, and systemd starts it again" until_so 10 new_pid "$pid"
if systemctl reload telesetd.service 2>/dev/null; then no "there is no systemctl reload"; else ok "there is no systemctl reload"; fi

echo "== ends"
echo '{ "desks": [] }' >$file
systemctl restart telesetd.service 2>/dev/null
restarts=$(show NRestarts)
check "an invalid configuration at the start: the service fails" until_so 10 state_is failed/failed
check "its exit code is 2" test "$(show ExecMainStatus)" = 2
sleep 3
check "systemd does not restart it" test "$(show ActiveState)/$(show NRestarts)" = failed/0
check "systemctl status shows the reason" status_has "The configuration has 2 errors"
check "the journal has it as an error, with the name of the file" \
  has "$(journalctl --no-pager -o cat -p err -u telesetd)" "$file has 2 errors"
config 1001 203.0.113.10 '{ "credential": "esl" }' >$file
check "with a valid configuration it starts" systemctl restart telesetd.service
pid=$(show MainPID)
began=$(date +%s%N)
kill -9 "$pid"
check "systemd restarts it after kill -9" until_so 10 new_pid "$pid"
echo "   after $((($(date +%s%N) - began) / 1000000)) ms"
pid=$(show MainPID)
check "the watchdog waits 30 s" test "$(show WatchdogUSec)" = 30s
kill -STOP "$pid"
began=$SECONDS
check "the watchdog kills a frozen process, and systemd restarts it" until_so 45 new_pid "$pid"
echo "   after $((SECONDS - began)) s"
check "the journal names the watchdog" has "$(journalctl --no-pager -o cat -u telesetd)" "atchdog timeout"
pid=$(show MainPID)
sleep 35
check "it survives a longer outage of the switch" test "$(show MainPID)" = "$pid"
echo "   memory $(show MemoryCurrent), tasks $(show TasksCurrent), CPU of 35 s idle and the start: $(show CPUUsageNSec) ns"
check "it stops at once" systemctl stop telesetd.service
check "cleanly" test "$(show Result)/$(show ExecMainStatus)" = success/0
check "the journal has no missing library, no denied call and no failure of systemd-notify" \
  test -z "$(journalctl --no-pager -o cat -u 'telesetd*' | grep -iE 'shared librar|permission denied|operation not permitted|Cannot notify the service|notify.*(fail|drop)')"
[ "$failed" = 0 ] || journalctl --no-pager -o short-precise -u 'telesetd*' | tail -120
echo "== $failed failed"
exit "$failed"
