# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
# What the scripts that measure programs beside each other have in common; they read it. Two hosts in network namespaces, client and server, on one
# veth pair; whatever ends the run removes them, and every process in them.
#
# Options:
#   -r ROUNDS     how often each program has its turn
#   -s SECONDS    how long each measurement takes
#   -o FILE       keeps the results, a line each of name, column and value, for `report page`
#
# Environment:
#   UDPTUNNEL_BIN       this project's programs; out/bin if it is not set
#   MTU                 of the tunnels; 1300 if it is not set
#   SEGMENT             1: the link cuts superpackets into frames as a plain network card does; gro: and the receiving side merges them again
#   Programs that Debian lacks take part where these name them:
#   WGGO                a newer wireguard-go (tunnels, load, voip: wireguard-newest; many-peers)
#   UDPTUNNEL_DSNET     the tunnel's predecessor (tunnels: dsnet)
#   UDPTUNNEL_MCUDPT    the relay's predecessor (relays, load, voip: mcudpt)
#   CHISEL              chisel (relays, load, voip: chisel)
set -euo pipefail
export LC_ALL=C

here=$(dirname "$(readlink -f "$0")")
bin=${UDPTUNNEL_BIN:-$(readlink -f "$here/../..")/out/bin}
mtu=${MTU:-1300}

fail() {
    echo "${0##*/}: $1" >&2
    exit 1
}

# options ROUNDS SECONDS ARGUMENT...: reads the options, of which the first two are the defaults; what is left is 'names'.
options() {
    local option OPTIND=1
    rounds=$1
    seconds=$2
    results=
    shift 2
    invocation="${SEGMENT:+SEGMENT=$SEGMENT }${MTU:+MTU=$MTU }tests/Bench/${0##*/} $*"
    while getopts r:s:o: option; do
        case $option in
            r) rounds=$OPTARG ;;
            s) seconds=$OPTARG ;;
            o) results=$OPTARG ;;
            *) exit 2 ;;
        esac
    done
    shift $((OPTIND - 1))
    names=("$@")
}

# hosts TOOL...: makes both, if the machine has the tools; from here on everything is removed at the end.
hosts() {
    local host tool
    [ "$(id -u)" -eq 0 ] || fail "needs root, for network namespaces"
    [ -x "$bin/udptunneld" ] || fail "there are no programs in $bin: run 'make build' first"
    PATH=$PATH:/usr/sbin
    for tool in ip ethtool jq python3 "$@"; do
        command -v "$tool" >/dev/null || fail "$tool is missing (Debian: iproute2 ethtool jq python3 iputils-ping iperf3 wireguard-tools nsd dnsperf bind9-dnsutils)"
    done

    client=udptunnel-bench-$$-client
    server=udptunnel-bench-$$-server
    directory=$(mktemp -d /tmp/udptunnel-bench-XXXXXX)
    results=${results:-$directory/results}
    echo "# $invocation" >"$results"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    ip netns add "$client"
    ip netns add "$server"
    ip link add wire0 netns "$client" type veth peer name wire0 netns "$server"
    ip -n "$client" address add 172.31.7.1/24 dev wire0
    ip -n "$server" address add 172.31.7.2/24 dev wire0
    for host in "$client" "$server"; do
        ip -n "$host" link set lo up
        ip -n "$host" link set wire0 up
        if [ -n "${SEGMENT:-}" ]; then
            ip netns exec "$host" ethtool -K wire0 tso off gso off gro "$([ "$SEGMENT" = gro ] && echo on || echo off)" tx-udp-segmentation off \
                >/dev/null 2>&1 || fail "the link cannot be told to cut superpackets"
        fi
    done
}

clean_up() {
    trap '' INT TERM HUP
    set +e
    end
    ip netns delete "$client" 2>/dev/null
    ip netns delete "$server" 2>/dev/null
    rm -f "/var/run/wireguard/wgc$$.sock" "/var/run/wireguard/wgs$$.sock"
    rm -rf "$directory"
}

# start NAMESPACE COMMAND...: leaves it running; 'started' is its process.
start() {
    ip netns exec "$@" >>"$directory/log" 2>&1 </dev/null &
    started=$!
    disown "$started"
}

# start_daemon NAMESPACE LAUNCHER...: one of this project's, which 'control NAMESPACE' talks to, and nothing runs yet.
start_daemon() {
    rm -rf "${directory:?}/$1"
    mkdir -p "$directory/$1"
    run_daemon "$@"
    await "the daemon" control "$1" status
}

# run_daemon NAMESPACE LAUNCHER...: the same with what runs as it was before, and does not wait.
run_daemon() { start "$@" "$bin/udptunneld" --socket "$directory/$1/socket" --state-dir "$directory/$1/state" --config-dir "$directory/$1/etc"; }

control() {
    "$bin/udptunnelctl" --socket "$directory/$1/socket" "${@:2}"
}

# await WHAT COMMAND...: until it succeeds.
await() {
    local what=$1 until=$((SECONDS + 20))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "waited in vain for $what: $(tail -n 5 "$directory/log")"
        sleep 0.1
    done
}

# end: what runs on both hosts, and the tunnel's device. Some leave children behind that only the namespace knows of.
end() {
    local host signal processes
    # Who is asked has time to end: the devices of one that is killed are still there when it is not any more.
    for signal in TERM KILL; do
        processes=$(everything)
        # shellcheck disable=SC2086 # one word for each process
        [ -z "$processes" ] || kill -"$signal" $processes 2>/dev/null || true
        for _ in $(seq 50); do
            [ -n "$(everything)" ] || break
            sleep 0.1
        done
    done
    for host in "$client" "$server"; do
        ip -n "$host" link delete bench0 2>/dev/null || true
    done
}

# everything: the processes of both hosts.
everything() {
    local host
    for host in "$client" "$server"; do ip netns pids "$host" 2>/dev/null || true; done
}

# programs: the processes of what is measured, at both ends.
programs() {
    local process
    for process in $(everything); do
        case $(cat "/proc/$process/comm" 2>/dev/null || echo ended) in
            ended | bash | iperf3 | ping | nsd | dnsperf | dig | python3) ;;
            *) echo "$process" ;;
        esac
    done
}

# of_threads FILE: that file of /proc for each of their threads.
of_threads() {
    local process
    for process in $(programs); do cat "/proc/$process/task/"*"/$1" 2>/dev/null || true; done
}

# used: milliseconds of processor time that they have used so far; woken: how often they have waited; resident: MB that the largest of them holds.
used() { of_threads schedstat | awk '{ sum += $1 } END { printf "%.3f\n", sum / 1e6 }'; }
woken() { of_threads status | awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum + 0 }'; }
resident() { of_threads status | awk '/^VmRSS/ && $2 > most { most = $2 } END { print most * 1024 / 1e6 }'; }

# ticks: processor time of the whole machine, in hundredths of a second.
ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

# rate BEFORE AFTER SECONDS
rate() { awk -v before="$1" -v after="$2" -v seconds="$3" 'BEGIN { printf "%.3f\n", (seconds > 0 ? (after - before) / seconds : 0) }'; }

# since MICROSECONDS: seconds from then to now.
since() { awk -v then="$1" -v now="${EPOCHREALTIME/./}" 'BEGIN { printf "%.2f\n", (now - then) / 1e6 }'; }

# terminate PROCESS: asks it to end, and waits.
terminate() {
    kill "$1"
    while kill -0 "$1" 2>/dev/null; do sleep 0.05; done
}

# spread PREFIX: mean, 95th and 99th percentile of the numbers that it reads, as columns whose names begin so.
spread() {
    sort -g | awk -v prefix="$1" '{ all[NR] = $1; sum += $1 }
        function at(part) { place = int(NR * part); return all[place < NR * part ? place + 1 : place] }
        END { if (NR) printf "%smean %.4f\n%sp95 %.4f\n%sp99 %.4f\n", prefix, sum / NR, prefix, at(0.95), prefix, at(0.99) }'
}

# record NAME: keeps the lines of column and value that it reads, and shows them in one.
record() { sed "s/^/$1 /" | tee -a "$results" | awk '{ printf "%s%s %.6g", (NR == 1 ? $1 "  " : "  "), $2, $3 } END { print "" }'; }

# in_turns COMMAND: for each of 'names', in each round; then the medians.
in_turns() {
    local name
    for _ in $(seq "$rounds"); do
        for name in "${names[@]}"; do
            "$1" "$name"
        done
    done
    echo
    "$here/report" table "$results"
}
