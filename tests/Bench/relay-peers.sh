# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034,SC2154
# How each relay is brought up between clients at one host and a service at the other; read by `relays` and others after lab.sh, which ends it. The
# receiver runs beside the clients, the sender beside the service, at UDP port 53 of which the clients' port 5300 stands for.
#
#   direct    no relay between them: what the others are compared with
#   tls, classic    this project's
#   socat     Debian's, one process for each client and end
#   mcudpt, chisel    as UDPTUNNEL_MCUDPT and CHISEL name them
#
# Debian's udptunnel is missing because it cannot do this: it sends to the same address that it listens on, which suits a conference, not a service.

# One more than 10,000 for the look-up that waits for the relay.
max_flows=10001

# relay_names NAME...: 'names' becomes those of them that are here; all relays if none is named.
relay_names() {
    local name found
    [ $# -gt 0 ] || set -- direct tls classic socat mcudpt chisel
    names=()
    for name in "$@"; do
        case $name in
            direct | tls | classic | flows) found=yes ;;
            socat) found=$(command -v socat || true) ;;
            mcudpt) found=${UDPTUNNEL_MCUDPT:-} ;;
            chisel) found=${CHISEL:-} ;;
            *) fail "'$name' is none of direct, tls, classic, socat, mcudpt, chisel" ;;
        esac
        if [ -n "$found" ]; then names+=("$name"); else echo "$name is left out: it is not installed, or no variable names it"; fi
    done
}

# start_ours PROTOCOL: receiver and sender, approved.
start_ours() {
    local sender=''
    start_daemon "$client"
    start_daemon "$server"
    control "$client" relay receiver --udp 127.0.0.1:5300 --tcp 172.31.7.1:5353 --name receiver --protocol "$1" --max-flows "$max_flows" >>"$directory/log"
    control "$server" relay sender --udp 127.0.0.1:53 --tcp 172.31.7.1:5353 --name sender --protocol "$1" --max-flows "$max_flows" >>"$directory/log"
    until [ -n "$sender" ]; do
        sleep 0.1
        sender=$(control "$client" senders --json | jq -r '.senders[0] | .fingerprint // .address // ""')
    done
    control "$client" approve "$sender" >>"$directory/log"
}

start_socat() {
    start "$server" socat TCP4-LISTEN:5353,fork,reuseaddr,nodelay UDP4:127.0.0.1:53
    start "$client" socat UDP4-LISTEN:5300,fork,reuseaddr TCP4:172.31.7.2:5353,nodelay
}

# It asks on its standard input whether the sender may come in.
start_mcudpt() {
    start "$client" bash -c "{ sleep 2; echo y; sleep 600; } | exec '$UDPTUNNEL_MCUDPT' -mode receiver -udp 127.0.0.1:5300 -tcp 172.31.7.1:5353"
    sleep 0.5
    start "$server" "$UDPTUNNEL_MCUDPT" -mode sender -udp 127.0.0.1:53 -tcp 172.31.7.1:5353
}

# Its client asks again a moment later where the server is not there yet.
start_chisel() {
    start "$client" "$CHISEL" server --reverse --host 172.31.7.1 --port 8080
    sleep 0.5
    start "$server" "$CHISEL" client http://172.31.7.1:8080 R:127.0.0.1:5300:127.0.0.1:53/udp
}

# begin_relay NAME: sets 'address' and 'port', where clients find the service.
begin_relay() {
    address=127.0.0.1
    port=5300
    case $1 in
        direct) address=172.31.7.2 port=53 ;;
        tls | classic) start_ours "$1" ;;
        *) "start_$1" ;;
    esac
}

# Its receive buffer is larger than the system's, which holds some 270 datagrams: of 10,000 clients' at once it loses a part, also without a relay.
write_zone() {
    local number
    cat >"$directory/zone" <<'END'
$ORIGIN bench.
$TTL 60
@  SOA ns.bench. hostmaster.bench. 1 60 60 60 60
@  NS  ns.bench.
ns A   192.0.2.2
END
    for number in $(seq 0 99); do
        echo "h$number A 10.1.1.$number" >>"$directory/zone"
        echo "h$number.bench A" >>"$directory/queries"
    done
    cat >"$directory/nsd.conf" <<END
server:
    ip-address: 127.0.0.1
    ip-address: 172.31.7.2
    username: ""
    chroot: ""
    zonesdir: "$directory"
    database: ""
    pidfile: ""
    zonelistfile: "$directory/zones"
    xfrdfile: "$directory/xfrd"
    xfrdir: "$directory"
    receive-buffer-size: 8388608
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: bench
    zonefile: zone
END
}

# begin_name_service NAME: a name server (nsd), and the relay to it.
begin_name_service() {
    [ -e "$directory/zone" ] || write_zone
    start "$server" nsd -d -c "$directory/nsd.conf"
    begin_relay "$1"
    await "an answer through $1" answers
}

answers() { ip netns exec "$client" dig +short +tries=1 +time=1 "@$address" -p "$port" h1.bench | grep -qx 10.1.1.1; }

# ask OPTION...: dnsperf's report.
# Its receiving thread wakes the sending one before it counts the answer (do_recv in its dnsperf.c). Where one client asks and the woken thread takes
# the processor, it finds nothing to do and sleeps for 100 ms: 140 to 1,000 queries a second directly instead of 20,000, and most find all
# others asleep. With scheduled=batch the woken thread takes the processor from nobody (sched(7), SCHED_BATCH).
ask() {
    ip netns exec "$client" chrt "--${scheduled:-other}" 0 dnsperf -s "$address" -p "$port" -d "$directory/queries" "$@" 2>/dev/null
}
