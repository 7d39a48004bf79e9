#!/bin/sh
# Installs Muster's agent on this host and joins it to a fleet. The control plane made this script; the join command
# compared its SHA-256 before it was run, and the package's is compared here.
set -eu

base=@BASE@

fail() {
    echo "muster: $*" >&2
    exit 1
}

# For `muster-agent join` alone, not for what runs before it.
token=${MUSTER_JOIN_TOKEN:-}
unset MUSTER_JOIN_TOKEN
[ -n "$token" ] || fail "there is no join token: run the whole join command"
[ "$(id -u)" = 0 ] || fail "run this as root"
command -v dpkg >/dev/null || fail "this host has no dpkg: build and install the agent by hand"
[ -d /run/systemd/system ] || fail "systemd does not run on this host: install and run the agent by hand"

architecture=$(dpkg --print-architecture)
case $architecture in
    @PACKAGES@
    *) fail "the control plane has no package for $architecture: put one into packages/ in its data directory" ;;
esac

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
curl -fsSo "$dir/$file" "$base/install/$file" || fail "$base/install/$file can't be fetched"
echo "$sum  $dir/$file" | sha256sum -c --quiet - ||
    fail "that is not the package that the control plane had when the join command was made: make another"

echo "muster: installing $file"
export DEBIAN_FRONTEND=noninteractive
# Where another package is missing, apt fetches it and goes on.
dpkg --force-confold -i "$dir/$file" || apt-get -q -y -f install

MUSTER_JOIN_TOKEN=$token muster-agent join "$@"
systemctl restart muster-agent.service
cat <<'END'
muster: this host has joined and its agent runs; `muster-agent status` tells how it is.
muster: What it accepts is decided here, in /etc/muster/agent-policy.toml. As installed, that file allows no image and
muster: no database: before deployments or releases can go to this host, edit it.
END
