# SPDX-License-Identifier: BSD-3-Clause
# What the demonstration is about.
# shellcheck shell=bash

file_bytes=100000000

start_daemon() {
    start "$1" "udptunneld --socket udptunneld.sock --state-dir state --config-dir . 2>udptunneld.log"
    await 20 "udptunneld on the $1" "$1" 'udptunnelctl status --json'
    on "$1" 'udptunnelctl version'
}

write_configurations() {
    local word
    word=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
    cat >"$directory/server/home.json" <<END
{
    "TunnelAddress":  "10.99.0.1",
    "NetworkAddress": ":8000",
    "AllowedPorts":   [22],
    "PacketMagic":    "$word",
    "Mtu":            "auto",
    "Firewall":       true,
}
END
    cat >"$directory/client/hotspot.json" <<END
{
    "TunnelAddress":     "10.99.0.2",
    "NetworkAddress":    "198.51.100.2:8000",
    "AllowedPorts":      [22],
    "PacketMagic":       "$word",
    "Mtu":               "auto",
    "HeartbeatInterval": 5,
}
END
    say "A file for each end. PacketMagic is a word that both share; AllowedPorts is what may be reached through the tunnel:"
    on server 'cat home.json'
    on client 'cat hotspot.json'
    on client 'udptunnelctl check hotspot.json'
}

bring_up() {
    local file=home.json
    [ "$1" = server ] || file=hotspot.json
    say "On the $1:"
    on "$1" "udptunnelctl up $file"
}

ping_through() {
    say "The server has not heard of the client yet. The first packet tells it where the client is, behind its NAT:"
    on client 'ping -c 3 -i 0.2 -W 5 10.99.0.1'
    done_with "ping through the tunnel"
}

log_in() {
    say "SSH to the server's address in the tunnel. The server sees the client's address in the tunnel, too:"
    # shellcheck disable=SC2016 # for the server's shell
    on client 'ssh -F ssh.conf server '\''echo "logged in: $SSH_CONNECTION"'\'
    done_with "SSH login to a real sshd"
}

# megabits START END: what the file's way from one time to the other means.
megabits() {
    echo $((file_bytes * 8 / (${2/./} - ${1/./} + 1)))
}

send_file() {
    local from to
    say "A file of 100 MB, copied and compared:"
    on client "head -c $file_bytes /dev/urandom >big.bin"
    from=$EPOCHREALTIME
    on client "scp -F ssh.conf big.bin server:$directory/server/copy.bin"
    to=$EPOCHREALTIME
    sent=$(megabits "$from" "$to")
    on client 'sha256sum <big.bin'
    on server 'sha256sum <copy.bin'
    [ "$(quietly client 'sha256sum <big.bin')" = "$(quietly server 'sha256sum <copy.bin')" ] || fail "the copy differs"
    done_with "100 MB by scp to the server, same sha256, $sent Mbit/s with SSH's own work"
}

fetch_file() {
    local from to sum
    say "And back, which need not be stored:"
    show_command client "ssh -F ssh.conf server cat $directory/server/copy.bin | sha256sum"
    from=$EPOCHREALTIME
    sum=$(quietly client "set -o pipefail; ssh -F ssh.conf server cat $directory/server/copy.bin | sha256sum") || fail "that should have worked"
    to=$EPOCHREALTIME
    fetched=$(megabits "$from" "$to")
    echo "$sum"
    [ "$sum" = "$(quietly client 'sha256sum <big.bin')" ] || fail "what came back differs"
    done_with "100 MB by ssh from the server, same sha256, $fetched Mbit/s"
}

change_address() {
    local session keyboard
    say "A session that stays open; what is typed into it comes back from the server:"
    mkfifo "$directory/client/keyboard"
    start client 'ssh -F ssh.conf server cat <keyboard >screen'
    session=$started
    exec {keyboard}<>"$directory/client/keyboard"
    type_line 'before the change'
    say "Now the hotspot's provider gives it another address. An SSH session over plain TCP would hang and die of this:"
    on router 'ip address delete 198.51.100.1/24 dev wan && ip address add 198.51.100.77/24 dev wan'
    type_line 'after the change'

    # The one writer that is left, so that the session ends as by Ctrl-D.
    exec {keyboard}>&-
    wait "$session" || fail "the session did not end well"
    await 10 "the event that the peer moved" server "udptunnelctl events --json | jq -e '.events[] | select(.kind == \"peer_moved\")'"
    say "The server followed its peer to the new address:"
    on server 'udptunnelctl events home'
    done_with "an SSH session went on while the hotspot's address changed"
}

# type_line TEXT: into the open session; until it comes back.
type_line() {
    printf '%s\n' "$1" >&"$keyboard"
    await 20 "the echo of '$1'" client "grep -qx '$1' screen"
    printf '    typed and came back: %s\n' "$1"
}

# packets_refused: by the client's filter, because of their ports.
packets_refused() {
    quietly client 'udptunnelctl status --json' |
        jq '[.tunnels[].counters.drops[] | select(.reason == "port").packets] | add // 0'
}

show_port_refused() {
    local before refused
    before=$(packets_refused)
    say "The same sshd listens on port 2222, which neither file allows. The filter drops it and counts:"
    must_fail client 'ssh -F ssh.conf -p 2222 -o ConnectTimeout=2 server true'
    on client 'udptunnelctl status'
    refused=$(($(packets_refused) - before))
    [ "$refused" -gt 0 ] || fail "the filter counted nothing"
    done_with "port 2222 was refused by the port filter, which counted $refused packets"
}

allow_port() {
    say "Both ends allow it now; nothing restarts:"
    on server 'udptunnelctl ports home allow 2222'
    on client 'udptunnelctl ports hotspot allow 2222'
    on client 'ssh -F ssh.conf -p 2222 server echo port 2222 works'
    done_with "port 2222 was allowed while the tunnel ran, and works"
}

look() {
    on server 'udptunnelctl status'
    on client 'udptunnelctl stats hotspot'
    on client 'udptunnelctl events hotspot'
    say "Each command speaks JSON, too:"
    on client "udptunnelctl stats --json | jq -c '.tunnels[] | {name, state, out: .counters.bytesOut, in: .counters.bytesIn}'"
}

take_down() {
    local tunnel=home
    [ "$1" = server ] || tunnel=hotspot
    on "$1" "udptunnelctl down $tunnel"
}
