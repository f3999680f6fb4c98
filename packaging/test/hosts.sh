# SPDX-License-Identifier: BSD-3-Clause
# Throw-away hosts with systemd as their process 1, for the scripts beside this one. Each is a directory with a small
# Debian or Ubuntu, and a tree of processes in namespaces of its own (mount, PID, network, host name, IPC, cgroup), which
# ends with its first process.
#   HOSTS   directory for them; the system that they are copied from is beside it
#   SUITE   Debian's or Ubuntu's name of that system
#   KIND    the name of a system with other PACKAGES than the usual ones
# shellcheck shell=bash

HOSTS=${HOSTS:?}
SUITE=${SUITE:-bookworm}
BASES=$(dirname "$HOSTS")
BASE=$BASES/base-${KIND:+$KIND-}$SUITE
if [ -z "${KIND:-}" ]; then
    # The last two are for the test of apt: what upgrades by itself, and what Debian's udptunnel needs.
    PACKAGES=systemd,systemd-sysv,dbus,iproute2,iputils-ping,procps,init-system-helpers,libnftables1,nftables,socat,adduser
    PACKAGES+=,passwd,openssl,unattended-upgrades,libnsl2
fi

host_base() {
    # Two tests of one system may begin at once.
    exec 8> "$BASE.lock"
    flock 8
    if [ ! -e "$BASE.ready" ]; then
        rm -rf "$BASE"
        bootstrap > "$BASE.log" 2>&1 || { tail -5 "$BASE.log" >&2; return 1; }
        touch "$BASE.ready"
    fi
    exec 8>&-
}

# Where a system comes from, as debootstrap's script for its kind says. Without being told, debootstrap takes Debian's
# mirror for a system whose keys are not on this machine, such as Ubuntu's on Debian. (What comes is not verified then;
# nothing of it leaves its host.)
# shellcheck disable=SC1090,SC2034,SC2317
mirror() (
    ARCH=$(dpkg --print-architecture)
    default_mirror() { echo "$1"; }
    command_not_found_handle() { :; }
    . "$1" 2>/dev/null
)

bootstrap() {
    local scripts=/usr/share/debootstrap/scripts kind
    # An Ubuntu that is younger than this debootstrap is made as the others are.
    for kind in "$SUITE" gutsy; do [ ! -e "$scripts/$kind" ] || break; done
    debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$BASE" "$(mirror "$scripts/$kind")" "$scripts/$kind" || return
    # A test says when packages are upgraded.
    for unit in apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service; do
        ln -s /dev/null "$BASE/etc/systemd/system/$unit"
    done
}

# Process 1 of a host, as this machine numbers it.
host_init() {
    local child
    read -r child _ < "/proc/$(cat "$HOSTS/$1.pid")/task/$(cat "$HOSTS/$1.pid")/children"
    echo "$child"
}

# Runs a command in a host.
on() {
    local name=$1
    shift
    nsenter --target "$(host_init "$name")" --mount --pid --net --uts --ipc --cgroup --root --wd -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

host_create() { rm -rf "${HOSTS:?}/$1"; cp -a "$BASE" "$HOSTS/$1"; }

# Starts a host and waits until systemd is through with it.
host_boot() {
    local name=$1 state
    unshare --mount --pid --net --uts --ipc --fork --kill-child -- "$BASH" "$PACKAGE_TEST/boot" "$HOSTS/$name" "$name" > "$HOSTS/$name.console" 2>&1 < /dev/null &
    echo $! > "$HOSTS/$name.pid"
    for _ in $(seq 150); do
        state=$(on "$name" systemctl is-system-running 2>/dev/null)
        case $state in
            running | degraded)
                on "$name" ip link set lo up
                return ;;
        esac
        sleep 0.2
    done
    echo "$name did not boot (${state:-no answer}); its console:" >&2
    tail -20 "$HOSTS/$name.console" >&2
    return 1
}

# Power off, as when somebody pulls the plug.
host_kill() {
    local pid
    [ -e "$HOSTS/$1.pid" ] || return 0
    pid=$(cat "$HOSTS/$1.pid")
    kill -9 "$(host_init "$1")" 2>/dev/null
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    rm -f "$HOSTS/$1.pid"
    local group
    group=$HOSTS/cgroup/udptunnel-$(basename "$HOSTS")-$1
    for _ in $(seq 50); do rmdir "$group" 2>/dev/null || [ ! -e "$group" ] && break; sleep 0.1; done
}

# Whether a host's systemd has nothing to say against our units.
units_fine() {
    fails says "udptunneld\.\(service\|socket\)\(\.d/.*\)\?:[0-9]" on "$1" journalctl --no-pager &&
        fails says "udptunneld.*\(Failed\|Unknown\)" on "$1" systemd-analyze verify udptunneld.service udptunneld.socket
}

# A cable between two hosts.
host_link() {
    ip link add v0 netns "$(host_init "$1")" type veth peer name v0 netns "$(host_init "$3")"
    on "$1" ip address add "$2" dev v0
    on "$3" ip address add "$4" dev v0
    on "$1" ip link set v0 up
    on "$3" ip link set v0 up
}

# Mounts and directories that all hosts of a test need; hosts_end takes them and the hosts away.
hosts_begin() { mkdir -p "$HOSTS/cgroup" "$HOSTS/work"; mount -t cgroup2 cgroup2 "$HOSTS/cgroup"; }
hosts_end() {
    local host
    for host in "$@"; do host_kill "$host"; done
    umount "$HOSTS/cgroup"
    rm -rf --one-file-system "${HOSTS:?}"
}
