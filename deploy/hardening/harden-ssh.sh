#!/bin/sh
# Lets only named users log in by SSH, and only with keys; proves that it still works before it closes the old way in.
#
#   1. writes sshd_config.d/99-hardening.conf, and asks sshd whether it takes it and whether it is what holds
#   2. stops ssh.socket, where it is what listens, and restarts sshd: the login has to prove the listener that stays
#   3. waits until somebody logs in from outside and says so; if nobody does in time, everything is put back
#   4. masks ssh.socket, so that no package upgrade brings back a listener that ignores the configuration
#
# Can be run any number of times. --undo puts everything back.
set -eu

usage() {
  cat <<'USAGE'
usage: harden-ssh.sh --allow-user NAME [--allow-user NAME]... [OPTION]...
       harden-ssh.sh --confirm        run this in a new login from outside, while the first command waits
       harden-ssh.sh --undo [OPTION]...

  --allow-user NAME   may log in; everybody else may not
  --exempt PATTERN    leave hosts of this name alone (shell pattern, in any case; more in /etc/holdfast/hardening-exempt, one a line)
  --wait SECONDS      how long to wait for the login from outside (default: 300)
  --close             in the end stop and disable sshd altogether: nobody logs in by SSH until --undo on the console
  --dry-run           say what would be done, change nothing
  --from-anywhere     with --confirm: take a login from this host itself for one from outside
  --root DIR          the configuration lies below DIR; systemctl is asked of this host all the same
USAGE
}

say() { echo "harden-ssh.sh: $*"; }
fail() {
  echo "harden-ssh.sh: $*" >&2
  exit 1
}

users='' exempt='' wait=300 close=no dry=no anywhere=no root='' action='' restarted=no
while [ $# -gt 0 ]; do
  case $1 in
    --allow-user | --exempt | --wait | --root)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --allow-user) users="$users $2" ;;
        --exempt) exempt="$exempt
$2" ;;
        --wait) wait=$2 ;;
        --root) root=${2%/} ;;
      esac
      shift
      ;;
    --confirm | --undo)
      [ -z "$action" ] || fail "--confirm and --undo do not go together"
      action=${1#--}
      ;;
    --close) close=yes ;;
    --dry-run) dry=yes ;;
    --from-anywhere) anywhere=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
  shift
done
users=${users# } action=${action:-apply}
[ "$anywhere" = no ] || [ "$action" = confirm ] || fail "--from-anywhere goes with --confirm"

drop_ins=$root/etc/ssh/sshd_config.d
conf=$drop_ins/99-hardening.conf
# sshd takes the first value that it reads, so an earlier file overrules ours; this one comes before all of them.
first=$drop_ins/00-hardening.conf
state=$root/var/lib/holdfast-hardening
waiting=$root/run/holdfast-hardening
lock=$root/run/holdfast-hardening.lock
exempt_file=$root/etc/holdfast/hardening-exempt
sshd=$(command -v sshd || echo /usr/sbin/sshd)

[ "$(id -u)" -eq 0 ] || fail "must run as root"
# The shell reads 08 as a broken octal number, and would end with it while it waits.
case $wait in '' | *[!0-9]* | 0?* | ??????*) fail "--wait needs a number of seconds, of five digits at most" ;; esac

# A daemon that is started here must not keep the lock.
systemctl() {
  command systemctl "$@" 9>&-
}

# One run at a time; what waits for a login ends for --undo, and puts back first.
take_lock() {
  mkdir -p -- "$root/run"
  exec 9>"$lock"
  tries=30
  until flock -w 1 9; do
    tries=$((tries - 1))
    if [ "$action" != undo ] || [ $tries -eq 0 ]; then fail "another run is under way; nothing was changed"; fi
    rm -rf -- "$waiting"
  done
}

refuse_exempt_host() {
  host=$(hostname | tr '[:upper:]' '[:lower:]')
  # The name with its domain may come from a name server that does not answer.
  full=$(timeout 5 hostname -f 2>/dev/null | tr '[:upper:]' '[:lower:]')
  if [ -f "$exempt_file" ]; then exempt="$exempt
$(cat -- "$exempt_file")"; fi
  while IFS= read -r pattern; do
    case $pattern in
      '') continue ;;
      # A line that nobody understands must not let a host be hardened that it was to keep.
      *[[:space:]]*) fail "\"$pattern\" is not one name of a host to exempt; nothing was changed" ;;
    esac
    case $pattern in *.*) [ -n "$full" ] || fail "this host does not know its full name, and \"$pattern\" is exempt; nothing was changed" ;; esac
    for name in "$host" "${host%%.*}" "$full"; do
      # The pattern is meant as one.
      # shellcheck disable=SC2254
      case $name in $pattern) fail "$host is exempt ($pattern); nothing was changed" ;; esac
    done
  done <<LIST
$(printf '%s\n' "$exempt" | tr -d '\r' | tr '[:upper:]' '[:lower:]' | sed 's/#.*//; s/^[[:space:]]*//; s/[[:space:]]*$//')
LIST
}

wanted() {
  cat <<CONF
# Written by harden-ssh.sh; harden-ssh.sh --undo takes it away.
PasswordAuthentication no
# Through PAM this asks for passwords too.
KbdInteractiveAuthentication no
PubkeyAuthentication yes
HostbasedAuthentication no
GSSAPIAuthentication no
AllowUsers $users
CONF
}

# Prints the options that ssh.service has started its sshd with; they go before the configuration. Asked of the process, whose
# title has them: they may come from SSHD_OPTS in /etc/default/ssh, or from a drop-in of the unit.
listener_options() {
  pid=$(systemctl show --property MainPID --value ssh.service 2>/dev/null) || return 0
  case $pid in '' | 0) return 0 ;; esac
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | sed 's/^sshd: //; s/ \[listener\].*//; s/^[^ ]* *//'
}

# Prints what sshd makes of its configuration for a login of user $1 at port $2.
held_for() (
  set -f
  # The options are words.
  # shellcheck disable=SC2046
  "$sshd" -T -f "$root/etc/ssh/sshd_config" -C "user=$1,host=outside,addr=192.0.2.1,laddr=192.0.2.2,lport=$2" $(listener_options)
)

# Prints the patterns of the Include lines of file $1, as sshd reads them: what is relative lies in /etc/ssh.
included() {
  awk '{ sub(/#.*/, ""); gsub(/[="\047\t\r]/, " "); count = split($0, word, " ") }
    tolower(word[1]) == "include" { for (i = 2; i <= count; i++) print (word[i] ~ /^\// ? "" : "/etc/ssh/") word[i] }' "$1"
}

includes_drop_ins() {
  [ -n "$(included "$root/etc/ssh/sshd_config" | while IFS= read -r pattern; do
    # shellcheck disable=SC2254
    case $conf in $pattern) echo yes ;; esac
  done)" ]
}

# Prints every file that sshd reads. One that includes itself has been refused by sshd -t before.
configuration_files() (
  set -- "$root/etc/ssh/sshd_config"
  while [ $# -gt 0 ]; do
    if [ -f "$1" ]; then
      printf '%s\n' "$1"
      # The patterns are meant as such.
      # shellcheck disable=SC2046
      set -- "$@" $(included "$1")
    fi
    shift
  done
)

# A Match block may open again for some addresses, groups or ports what is closed for those that are asked for below.
match_problem() {
  configuration_files | while IFS= read -r file; do
    found=$(awk '{ line = tolower($0); sub(/#.*/, "", line); gsub(/[="\047\t\r]/, " ", line); split(line, word, " ") }
      word[1] == "include" && /"[^"]*[ \t][^"]*"|\047[^\047]*[ \t][^\047]*\047|\\/ {
        print "what is not followed here, for its quotes: " $0; exit }
      word[1] == "match" { inside = 1 }
      inside && (word[1] == "allowusers" || word[1] == "include" ||
        word[1] ~ /authentication$/ && word[2] != (word[1] == "pubkeyauthentication" ? "yes" : "no")) {
          print "in a Match block: " $0; exit }' "$file")
    [ -z "$found" ] || { echo "$file says $found"; break; }
  done
}

# What holds in the end, whichever file says it. Match blocks may say something else for some users, so each is asked for.
effective_problem() {
  problem=$(match_problem)
  [ -z "$problem" ] || { echo "$problem"; return; }
  other=$(listener_options | grep -oE -- '(^| )-f *[^ ]+' | grep -vxE -- " ?-f *$root/etc/ssh/sshd_config") || :
  [ -z "$other" ] || { echo "ssh.service starts sshd with another configuration ($other)"; return; }
  ports=$(held_for root 22 2>/dev/null | sed -n 's/^port //p')
  [ -n "$ports" ] || { echo "sshd -T does not say what holds"; return; }
  for login in $(for user in $users; do for port in $ports; do echo "$user:$port"; done; done); do
    user=${login%:*}
    held=$(held_for "$user" "${login##*:}" 2>/dev/null) || { echo "sshd -T does not say what holds for $user"; return; }
    for line in "passwordauthentication no" "kbdinteractiveauthentication no" "pubkeyauthentication yes"; do
      printf '%s\n' "$held" | grep -qix -- "$line" || { echo "for $user, \"$line\" does not hold"; return; }
    done
    # An sshd that was built without one of these does not name it.
    opened=$(printf '%s\n' "$held" | grep -ixE "(hostbased|gssapi)authentication yes" | head -n 1)
    [ -z "$opened" ] || { echo "for $user, \"$opened\" holds"; return; }
    printf '%s\n' "$held" | grep -qix -- "allowusers $user" || { echo "$user is not allowed"; return; }
  done
  for user in $(printf '%s\n' "$held" | sed -n 's/^allowusers //Ip'); do
    case " $users " in *" $user "*) ;; *) echo "$user is allowed by another file"; return ;; esac
  done
}

is_ours() {
  grep -q "^# Written by harden-ssh.sh" "$conf"
}

first_is_ours() {
  [ "$(readlink -- "$first")" = "${conf##*/}" ]
}

# What a run that fails goes back to: an earlier hardening, somebody's own file, or none. One that was killed has left it.
keep_earlier() {
  if [ -d "$state/earlier" ]; then
    restarted=yes # by the one that was killed, for all that can be known
    return 0
  fi
  rm -rf -- "$state/earlier.new"
  mkdir -p -- "$state/earlier.new"
  for file in "$conf" "$state/done"; do
    if [ -e "$file" ]; then cp -pP -- "$file" "$state/earlier.new/"; fi
  done
  if first_is_ours; then : >"$state/earlier.new/first"; fi
  mv -- "$state/earlier.new" "$state/earlier"
}

put_back() {
  [ -d "$state/earlier" ] || return 0
  lost=''
  if [ -f "$state/earlier/first" ]; then ln -sfT -- "${conf##*/}" "$first" || lost=" $first"
  elif first_is_ours; then rm -f -- "$first"; fi
  for file in "$conf" "$state/done"; do
    kept=$state/earlier/${file##*/}
    # Copied, and put in its place at once: one that is killed right here is put back by the next.
    if [ -f "$kept" ] || [ -L "$kept" ]; then
      { cp -pP -- "$kept" "$file.new.$$" && mv -fT -- "$file.new.$$" "$file"; } || lost="$lost $file"
    else
      rm -f -- "$file"
    fi
  done
  if { [ -f "$state/earlier/ssh.socket" ] || [ "$restarted" = yes ]; } && ! sshd_takes_it; then
    echo "harden-ssh.sh: but sshd does not take what is there now; the one that runs was left alone: mend that, then run this again" >&2
    return
  fi
  if [ -f "$state/earlier/ssh.socket" ]; then
    start_socket_again "$state/earlier/ssh.socket" || lost="$lost ssh.socket"
  elif [ "$restarted" = yes ]; then
    if [ "$(cat -- "$state/done" 2>/dev/null)" = close=yes ]; then systemctl disable --now ssh.service
    else restart_sshd; fi || lost="$lost ssh.service"
  fi
  # What is kept is the only copy.
  [ -z "$lost" ] || { echo "harden-ssh.sh: could not put back:$lost; kept in $state/earlier; mend that, then run this again" >&2; return; }
  rm -rf -- "$state/earlier"
  rmdir -- "$state" 2>/dev/null || : # where nothing else is in it, there is nothing to undo
  # Somebody's own file is in its place again, and --undo has none to bring.
  if [ -f "$conf" ] && ! is_ours; then rm -f -- "$state/before.conf"; fi
}

# ssh.service makes this before it starts sshd. Where ssh.socket has started none since the boot it is missing, and `sshd -t`
# fails for the want of it.
make_runtime_directory() {
  [ -d /run/sshd ] || mkdir -m 755 /run/sshd
}

# One that does not would end a sshd that works.
sshd_takes_it() {
  make_runtime_directory
  "$sshd" -t -f "$root/etc/ssh/sshd_config"
}

restart_sshd() {
  systemctl restart ssh.service
}

# Noted first: one that is killed right here has its socket back all the same.
stop_socket() {
  systemctl is-active --quiet ssh.socket || systemctl is-enabled --quiet ssh.socket || return 0
  [ -f "$state/earlier/ssh.socket" ] || systemctl is-enabled ssh.service >"$state/earlier/ssh.socket" || :
  # In this order: a host that is switched off now comes up with one of the two.
  systemctl enable ssh.service || return 1
  # Off, not only stopped: what `enable` linked makes ssh.service start its socket again.
  systemctl disable --now ssh.socket
}

# $1 is what stop_socket noted: whether ssh.service was enabled.
start_socket_again() {
  # Neither can listen where the other does; the socket starts sshd with the first login.
  systemctl stop ssh.service || :
  if systemctl enable --now ssh.socket; then
    if [ "$(cat -- "$1")" = disabled ]; then systemctl disable ssh.service || :; fi
  else
    restart_sshd
  fi
}

socket_is_masked() {
  [ "$(systemctl is-enabled ssh.socket 2>/dev/null)" = masked ]
}

# Whether sshd runs, and will after a boot; with --close, that it does neither.
service_is_as_wanted() {
  if systemctl is-active --quiet ssh.service; then
    [ "$close" = no ] && systemctl is-enabled --quiet ssh.service
  else
    [ "$close" = yes ] && ! systemctl is-enabled --quiet ssh.service
  fi
}

apply() {
  [ -n "$users" ] || { usage >&2; fail "name at least one --allow-user, or nobody could log in"; }
  for user in $users; do
    case $user in *[!A-Za-z0-9._-]* | -*) fail "not a user name: $user" ;; esac
    getent passwd "$user" >/dev/null || fail "there is no user $user here"
  done
  [ -x "$sshd" ] || fail "sshd is not installed"
  [ -f "$root/etc/ssh/sshd_config" ] || fail "there is no $root/etc/ssh/sshd_config"
  sshd_takes_it || fail "sshd does not take its present configuration; mend that first"
  includes_drop_ins ||
    fail "sshd_config does not include $drop_ins; add: Include $drop_ins/*.conf"

  if [ "$(cat -- "$conf" 2>/dev/null)" = "$(wanted)" ] && [ -z "$(effective_problem)" ] &&
    [ "$(cat -- "$state/done" 2>/dev/null)" = "close=$close" ] && socket_is_masked && service_is_as_wanted; then
    say "nothing to do: this host is hardened already"
    return
  fi
  if [ "$dry" = yes ]; then
    problem=$(match_problem)
    [ -z "$problem" ] || fail "$problem; this would stop it"
    say "would write $conf:"
    wanted
    say "would check it with sshd -t and sshd -T, have ssh.service listen and not ssh.socket, wait ${wait} s for a login from outside,"
    if [ "$close" = yes ]; then say "mask ssh.socket, and stop and disable ssh.service"; else say "and mask ssh.socket"; fi
    return
  fi
  take_lock
  # Whatever ends it before the login: a signal, a refusal, a full disk. A second signal must not end the putting back.
  trap 'trap "" HUP INT QUIT PIPE TERM; set +e; put_back' EXIT
  trap 'trap "" HUP INT QUIT PIPE TERM; fail "interrupted; everything is put back as it was"' HUP INT QUIT PIPE TERM
  write_conf
  restarted=yes
  { stop_socket && restart_sshd; } || fail "sshd did not restart; everything is put back as it was"
  if systemctl is-active --quiet ssh.socket; then
    fail "ssh.service has started ssh.socket again: a drop-in of it says Requires=, Wants= or Sockets=; everything is put back as it was"
  fi
  problem=$(effective_problem)
  [ -z "$problem" ] || fail "$problem, as ssh.service starts sshd; everything is put back as it was"
  await_login || fail "nobody logged in within $wait s; everything is put back as it was"
  trap - EXIT HUP INT QUIT PIPE TERM
  # For --undo, which goes back before the first of several runs.
  if [ -f "$state/earlier/ssh.socket" ] && [ ! -f "$state/ssh.socket" ]; then
    mv -- "$state/earlier/ssh.socket" "$state/ssh.socket"
  fi
  rm -rf -- "$state/earlier"
  close_socket
  echo "close=$close" >"$state/done"
  say "done. Undo it with: harden-ssh.sh --undo"
}

write_conf() {
  mkdir -p -- "$drop_ins" "$state"
  keep_earlier
  rm -f -- "$state/done"
  if [ -f "$conf" ] && ! is_ours; then cp -pP -- "$conf" "$state/before.conf"; fi
  beside=$conf.new.$$
  wanted >"$beside"
  chmod 644 "$beside"
  mv -- "$beside" "$conf"
  sshd_takes_it || fail "sshd does not take it; the configuration is as it was"
  problem=$(effective_problem)
  [ -n "$problem" ] || return 0
  say "an earlier file overrules it ($problem); $first goes before all others"
  if { [ -e "$first" ] || [ -L "$first" ]; } && ! first_is_ours; then
    fail "$first is a file of this site's own, in the place that ours needs: rename it; the configuration is as it was"
  fi
  ln -sfT -- "${conf##*/}" "$first"
  problem=$(effective_problem)
  if [ -n "$problem" ]; then
    fail "$problem, although $first goes before all others: look for it in the rest of $drop_ins, in sshd_config and its Match blocks, and in the options that ssh.service gives sshd (SSHD_OPTS in /etc/default/ssh); the configuration is as it was"
  fi
}

await_login() {
  mkdir -p -- "$waiting"
  rm -f -- "$waiting/confirmed"
  now >"$waiting/since"
  say "now log in from outside, as one of: $users"
  say "and there run, within $wait s: sudo $(readlink -f -- "$0") --confirm${root:+ --root "$root"}"
  left=$wait
  while [ "$left" -gt 0 ]; do
    [ -f "$waiting/since" ] || fail "--undo was run meanwhile"
    if [ -f "$waiting/confirmed" ]; then
      say "confirmed from $(cat -- "$waiting/confirmed")"
      rm -rf -- "$waiting"
      return 0
    fi
    sleep 1 9>&-
    left=$((left - 1))
  done
  rm -rf -- "$waiting"
  return 1
}

# In hundredths of a second since the boot, as the start of a process is: no clock that is set reaches it.
now() {
  cut -d ' ' -f 1 /proc/uptime | tr -d .
}

# Prints: addresses of client and server, when their connection began, and the process of the sshd that listens. sudo drops
# SSH_CONNECTION, so the processes above are asked. Of them those of sshd tell the age: a shell, or this script, may be new in a
# connection that is old.
login_above() {
  pid=$$ client='' began='' listener=none
  while [ "${pid:-0}" -gt 1 ]; do
    [ -n "$client" ] ||
      client=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=\([^ ]*\) [^ ]* \([^ ]*\) .*/\1 \2/p' | head -n 1)
    case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
      *'[listener]'*)
        listener=$pid
        break
        ;;
      'sshd: '* | 'sshd-session: '*) began=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d ' ' -f 20) ;;
    esac
    pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null) || break
  done
  if [ -n "$client" ] && [ -n "$began" ]; then echo "$client $began $listener"; fi
}

confirm() {
  [ -f "$waiting/since" ] || fail "nobody waits for this: start harden-ssh.sh first, in another login"
  exec 9>"$lock"
  if flock -n 9; then fail "the command that waited for this was killed: start it again"; fi
  # shellcheck disable=SC2046
  set -- $(login_above)
  [ $# -eq 4 ] || fail "this is no login by SSH"
  # A login that was open before the restart proves nothing.
  [ "$3" -ge "$(cat -- "$waiting/since")" ] || fail "this login is older than the new configuration: open a new one"
  # Nor does one that another sshd of this host let in.
  [ "$4" = "$(systemctl show --property MainPID --value ssh.service)" ] || fail "this login is not by the sshd of ssh.service"
  # To an address of its own, too, a host goes by that address.
  case $1 in
    127.* | ::1 | "$2") [ "$anywhere" = yes ] || fail "this login comes from the host itself, not from outside" ;;
  esac
  echo "$1" >"$waiting/confirmed"
  say "thank you; the other command goes on"
}

close_socket() {
  # A file of the site's own in its place cannot be masked. sshd runs by itself already, and stays.
  masked=yes
  systemctl mask ssh.socket || masked=no
  systemctl daemon-reload
  if [ "$close" = yes ]; then
    systemctl disable --now ssh.service
    say "sshd is stopped; the console is the only way in"
  else
    systemctl enable ssh.service || fail "the configuration holds and sshd runs, but it is not enabled for the next boot: see to that, then run this again"
  fi
  [ "$masked" = yes ] ||
    fail "the configuration holds, but ssh.socket could not be masked, so that an upgrade may start it again: move what lies in its place, then run this again"
}

undo() {
  [ "$dry" = yes ] || take_lock
  # A file of this name that is somebody's own stays.
  if { [ ! -f "$conf" ] || ! is_ours; } && [ ! -d "$state" ]; then
    say "nothing to undo"
    return
  fi
  if [ "$dry" = yes ]; then
    if [ -f "$conf" ] && is_ours; then say "would remove $conf"; fi
    if [ -f "$state/before.conf" ]; then say "would put back the $conf that was there before"; fi
    if [ -f "$state/ssh.socket" ] || [ -f "$state/earlier/ssh.socket" ]; then say "would unmask ssh.socket, and have it start sshd again"
    else say "would unmask ssh.socket, and restart ssh.service"; fi
    return
  fi
  # Of a run that was killed, or could not put back: the newest copy of what was there.
  if [ -d "$state/earlier" ]; then
    if [ -f "$state/earlier/ssh.socket" ] && [ ! -f "$state/ssh.socket" ]; then
      cp -- "$state/earlier/ssh.socket" "$state/ssh.socket"
    fi
    restarted=yes
    put_back
    [ ! -d "$state/earlier" ] || exit 1
  fi
  mkdir -p -- "$state" # to the end, so that this can be run again
  if first_is_ours; then rm -f -- "$first"; fi
  if [ -f "$conf" ] && is_ours; then rm -f -- "$conf"; fi
  # Copied: where sshd does not take what is left, this runs again. Not over what somebody has put there since.
  if { [ -f "$state/before.conf" ] || [ -L "$state/before.conf" ]; } && [ ! -e "$conf" ] && [ ! -L "$conf" ]; then
    cp -pP -- "$state/before.conf" "$conf.new.$$"
    mv -fT -- "$conf.new.$$" "$conf"
  fi
  sshd_takes_it || fail "sshd does not take what is left; mend sshd_config, then run this again"
  systemctl unmask ssh.socket || :
  systemctl enable ssh.service || :
  if [ -f "$state/ssh.socket" ]; then
    start_socket_again "$state/ssh.socket" || fail "sshd has its earlier configuration, but neither ssh.socket nor ssh.service starts: run this again"
  else
    restart_sshd || fail "sshd has its earlier configuration, and ssh.socket is no longer masked; but ssh.service did not restart"
  fi
  rm -rf -- "$state"
  say "undone: sshd has its earlier configuration"
}

case $action in
  apply) refuse_exempt_host; apply ;;
  confirm) confirm ;;
  undo) undo ;;
esac
