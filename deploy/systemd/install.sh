#!/bin/sh
# Installs the Holdfast agent or collector as a systemd service, or takes it away again. Can be run any number of times.
set -eu

usage() {
  cat <<'USAGE'
usage: install.sh agent     --url URL --token-file FILE [--ca-file FILE] [OPTION]...
       install.sh collector [--node FILE] [OPTION]...
       install.sh agent|collector --uninstall [--purge] [OPTION]...

  --url URL          the collector, as in https://holdfast.example:9477; needed the first time
  --token-file FILE  holds the agent's token; needed the first time, read once and kept in /etc/holdfast
  --ca-file FILE     certificates to trust the collector by
  --node FILE        Node 24 or newer, that runs the collector (default: the one that does, else node)
  --uninstall        stop and remove the service and its program; configuration and data stay
  --purge            remove configuration and data too, all but backups
  --from DIR         what `npm run build` made (default: this directory, or dist of this checkout)
  --root DIR         install below DIR, enabled for its next boot, and start nothing, as for an image
  --no-start         install and enable, but do not start
USAGE
}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

say() {
  echo "install.sh: $*"
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
program='' url='' token_file='' ca_file='' node='' from='' root='' start=yes uninstall=no purge=no
while [ $# -gt 0 ]; do
  case $1 in
    agent | collector) [ -z "$program" ] || fail "one program at a time"; program=$1 ;;
    --url | --token-file | --ca-file | --node | --from | --root)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --url) url=$2 ;;
        --token-file) token_file=$2 ;;
        --ca-file) ca_file=$2 ;;
        --node) node=$2 ;;
        --from) from=$2 ;;
        --root) root=$2 ;;
      esac
      shift
      ;;
    --uninstall) uninstall=yes ;;
    --purge) purge=yes ;;
    --no-start) start=no ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
  shift
done
[ -n "$program" ] || { usage >&2; fail "agent or collector?"; }
[ "$purge" = no ] || [ "$uninstall" = yes ] || fail "--purge goes with --uninstall"
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || fail "must run as root, or with --root"
root=${root%/}

unit=holdfast-$program.service
config_dir=$root/etc/holdfast
config=$config_dir/$program.yaml
library=$root/usr/local/lib/holdfast

# systemd of this host is only for what is installed on this host.
live() {
  [ -z "$root" ] && [ -d /run/systemd/system ]
}

# What `systemctl enable` does, where there is no systemd to ask.
wanted_by_boot=$root/etc/systemd/system/multi-user.target.wants/$unit

# Whatever root's own: the collector's user has to reach its program and its configuration.
umask 022

# Stands from the first file that changes to the restart, so that a run that was ended between, or had --no-start, leaves the restart
# to the next. In /run: a boot starts what is installed.
restart_due=/run/holdfast-$program.restart-due

# say_version COMMAND...: a build for another machine does not run here, and installs all the same.
say_version() {
  if version=$("$@" version 2>/dev/null); then say "this build is $version"; fi
}

# What is made here, to be put, and what `put` is writing.
made='' beside=''
trap 'rm -rf -- "$made" "$beside"' EXIT
# Of itself, dash runs no EXIT trap when a signal ends it.
trap 'exit 1' HUP INT PIPE TERM

# put FROM TO MODE: replaces TO at once or not at all, and only if it differs.
put() {
  if [ -f "$2" ] && cmp -s -- "$1" "$2"; then
    chmod "$3" "$2"
    return
  fi
  mkdir -p -- "$(dirname -- "$2")"
  beside=$2.new.$$
  (umask 077 && cp -- "$1" "$beside")
  chmod "$3" "$beside"
  if live; then : >"$restart_due"; fi
  mv -f -- "$beside" "$2"
  say "wrote ${2#"$root"}"
}

# What `put` was writing in runs that were killed.
for file in "$root/usr/local/bin/holdfast-$program" "$root/etc/systemd/system/$unit" "$root/usr/lib/sysusers.d/holdfast.conf" \
  "$config" "$config_dir/agent.token" "$config_dir/operator.token" "$config_dir/ca.pem" "$library/collector.cjs"; do
  rm -f -- "$file".new.[0-9]*
done
rm -f -- "$library"/prebuilds/*.new.[0-9]*

if [ "$uninstall" = yes ]; then
  if live && systemctl cat "$unit" >/dev/null 2>&1; then
    systemctl disable --now "$unit" >/dev/null 2>&1 || fail "cannot stop $unit; systemctl status $unit says why"
  fi
  rm -f -- "$root/etc/systemd/system/$unit" "$wanted_by_boot" "$root/usr/local/bin/holdfast-$program"
  [ "$program" = agent ] || rm -rf -- "$library" "$root/usr/lib/sysusers.d/holdfast.conf"
  if [ "$purge" = yes ]; then
    if [ "$program" = agent ]; then
      rm -rf -- "$config" "$config_dir/agent.token" "$config_dir/ca.pem"
      rm -rf -- "$root/var/lib/private/holdfast-agent" "$root/var/lib/holdfast-agent"
    else
      # Backups stay: they are what is left of the data.
      rm -rf -- "$config" "$config_dir/operator.token" "$root/var/lib/holdfast"
    fi
    rmdir -- "$config_dir" 2>/dev/null || true
  fi
  if live; then
    systemctl daemon-reload
    rm -f -- "$restart_due"
  fi
  say "holdfast-$program is removed"
  exit 0
fi

if [ -z "$from" ]; then
  from=$here
  [ -f "$from/SHA256SUMS" ] || from=$here/../../dist
fi
[ -f "$from/SHA256SUMS" ] || fail "no build in $from: run npm run build, or name one with --from"
case $program in agent) main=holdfast-agent ;; collector) main=collector.cjs ;; esac
[ -f "$from/$main" ] || fail "no $main in $from; copy it there, or run npm run build"
# What the other program needs may be missing.
(cd -- "$from" && sha256sum --check --strict --quiet --ignore-missing SHA256SUMS) || fail "$from is damaged: its checksums do not match"

made=$(mktemp -d)

if [ "$program" = agent ]; then
  [ -f "$config" ] || [ -n "$url" ] || fail "--url is needed: where does the collector listen?"
  [ -s "$config_dir/agent.token" ] || [ -n "$token_file" ] || fail "--token-file is needed: make a token on the collector with holdfast-collector token create --role agent"
  # Read once: it may be a pipe.
  if [ -n "$token_file" ]; then
    (umask 077 && cat -- "$token_file" >"$made/token") 2>/dev/null || fail "$token_file is not there, or is empty"
    grep -q '[^[:space:]]' -- "$made/token" || fail "$token_file is not there, or is empty"
    odd_bytes=$(LC_ALL=C tr -d '[:graph:][:space:]' <"$made/token" | wc -c)
    [ "$odd_bytes $(wc -w <"$made/token")" = '0 1' ] || fail "$token_file holds no token: one word is expected"
  fi
  if [ -n "$ca_file" ]; then
    [ -s "$ca_file" ] || fail "$ca_file is not there, or is empty"
    grep -q '^-----BEGIN CERTIFICATE-----' -- "$ca_file" || fail "$ca_file holds no certificate: no line is BEGIN CERTIFICATE"
  fi
  # As the agent would have it. The address is for all to read: what is before an @ is not shown either.
  address=${url#*://}
  address=${address%%/*}
  case $address in *@*) fail "--url must not hold a user or a password" ;; esac
  case $url in '' | [Hh][Tt][Tt][Pp]://* | [Hh][Tt][Tt][Pp][Ss]://*) ;; *) fail "--url must begin with https:// or http:// (got $url)" ;; esac
  case $url in '' | *://[][A-Za-z0-9]*) ;; *) fail "--url names no host: $url" ;; esac
  case $url in *[!][A-Za-z0-9:/._~%@-]*) fail "--url has a character that is no part of a URL: $url" ;; esac
  case $address in *]) port='' ;; *:*) port=${address##*:} ;; *) port='' ;; esac
  case $port in *[!0-9]* | ??????*) port=99999 ;; esac
  [ "${port:-0}" -le 65535 ] || fail "--url has a port that is no number up to 65535: $url"
  say_version "$from/holdfast-agent"
  put "$from/holdfast-agent" "$root/usr/local/bin/holdfast-agent" 755
  if [ -n "$token_file" ]; then put "$made/token" "$config_dir/agent.token" 600; fi
  if [ -n "$ca_file" ]; then put "$ca_file" "$config_dir/ca.pem" 644; fi
  if [ ! -f "$config" ]; then
    sed "s|^collectorUrl:.*|collectorUrl: $url|" "$here/agent.yaml" |
      if [ -n "$ca_file" ]; then sed 's|^# caFile:|caFile:|'; else cat; fi >"$made/text"
    put "$made/text" "$config" 644
  elif [ -n "$url" ] && ! grep -qxF "collectorUrl: $url" "$config"; then
    say "kept ${config#"$root"}, which names another collector; edit it to change that"
  fi
  if [ -n "$ca_file" ] && ! grep -q '^caFile:' "$config"; then
    say "kept ${config#"$root"}, which names no caFile; add the line: caFile: ${config_dir#"$root"}/ca.pem"
  fi
else
  launcher=$root/usr/local/bin/holdfast-collector
  if [ -z "$node" ] && [ -f "$launcher" ]; then
    node=$(sed -n "s/^exec '\([^']*\)' .*/\1/p" "$launcher")
    [ -z "$node" ] || [ -x "$node" ] || fail "$node, which ran the collector, is gone; name another Node 24 with --node"
  fi
  node=${node:-node}
  node_file=$(command -v -- "$node") || fail "no $node: the collector needs Node 24; name it with --node"
  # The unit starts elsewhere than this.
  case $node_file in /*) ;; *) node_file=$PWD/$node_file ;; esac
  major=$("$node_file" -p 'parseInt(process.versions.node)') || fail "$node_file does not run"
  [ "$major" -ge 24 ] || fail "$node_file is Node $major: the collector needs Node 24; name another with --node"
  case $node_file in *"'"*) fail "the path of Node has a quote in it: $node_file" ;; esac
  # The launcher goes by the path that was given, so that it follows an upgrade of Node.
  for hidden in "$node_file" "$(readlink -f -- "$node_file")"; do
    case $hidden in
      /root/* | /home/* | /run/user/* | /tmp/* | /var/tmp/*)
        fail "$hidden is in a home directory or in /tmp, which the unit hides; install Node 24 for all, or name another with --node"
        ;;
    esac
  done
  say_version "$node_file" "$from/collector.cjs"
  for file in collector.cjs prebuilds/linux-x64.node prebuilds/linux-arm64.node \
    prebuilds/linuxmusl-x64.node prebuilds/linuxmusl-arm64.node; do
    put "$from/$file" "$library/$file" 644
  done
  printf "#!/bin/sh\\nexec '%s' --max-semi-space-size=4 --heap-growing-percent=50 --disable-sigusr1 '%s' \"\$@\"\\n" "$node_file" "${library#"$root"}/collector.cjs" >"$made/text"
  put "$made/text" "$launcher" 755
  put "$here/holdfast.sysusers.conf" "$root/usr/lib/sysusers.d/holdfast.conf" 644
  if live; then systemd-sysusers holdfast.conf; fi
  [ -f "$config" ] || put "$here/collector.yaml" "$config" 644
  if [ ! -f "$config_dir/operator.token" ]; then
    printf 'hf_operator_%s' "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" >"$made/text"
    put "$made/text" "$config_dir/operator.token" 600
  fi
fi
put "$here/$unit" "$root/etc/systemd/system/$unit" 644

if ! live; then
  mkdir -p -- "$(dirname -- "$wanted_by_boot")"
  ln -sf -- "/etc/systemd/system/$unit" "$wanted_by_boot"
  say "holdfast-$program is installed${root:+ below $root}, and enabled for the next boot; nothing was started"
  exit 0
fi
systemctl daemon-reload
systemctl enable --quiet "$unit"
if [ "$start" = no ]; then
  say "$unit is enabled; start it with systemctl restart $unit"
elif [ -e "$restart_due" ] || ! systemctl is-active --quiet "$unit"; then
  systemctl restart "$unit" || fail "$unit does not start; journalctl -u $unit says why"
  rm -f -- "$restart_due"
  say "$unit runs"
else
  say "$unit runs already, and nothing changed"
fi
