# SPDX-License-Identifier: BSD-3-Clause
# The hosts: network namespaces, what connects them, what runs in them, and how all of it goes away.
# shellcheck shell=bash

hosts=(client router server)

# Where the hosts keep their files, and the start of their namespaces' names. Empty until they are made.
directory=''
name=''

make_hosts() {
    local host

    name=udptunnel-demo-$$

    # Not $TMPDIR: a socket's path has at most 107 bytes. Named before it is made, so that no signal comes between.
    directory=/tmp/$name
    mkdir -m 700 "$directory" || {
        directory=''
        fail "a demonstration that was killed left /tmp/$name; remove that and the namespaces $name-* of 'ip netns'"
    }

    say "Everything of this run is named $name. 'client# COMMAND' stands for:"
    printf '  ip netns exec %s-client env -C %s/client \\\n' "$name" "$directory"
    # shellcheck disable=SC2016 # for the reader's shell
    printf '      UDPTUNNEL_SOCKET=udptunneld.sock PATH="%s:$PATH" COMMAND\n' "$bin"
    say "The hosts, each a network namespace, and two cables between them:"
    for host in "${hosts[@]}"; do
        mkdir "$directory/$host"
        here_on "ip netns add $name-$host"
        ip -n "$name-$host" link set lo up
    done
}

connect_hosts() {
    cat <<END

     client                       router                       server
  192.168.77.2 ---- lan ---- 192.168.77.1
                             198.51.100.1 ---- wan ---- 198.51.100.2

END
    here_on "ip link add lan netns $name-client type veth peer name lan netns $name-router"
    here_on "ip link add wan netns $name-server type veth peer name wan netns $name-router"
    on client 'ip address add 192.168.77.2/24 dev lan && ip link set lan up'
    on router 'ip address add 192.168.77.1/24 dev lan && ip link set lan up'
    on router 'ip address add 198.51.100.1/24 dev wan && ip link set wan up'
    on server 'ip address add 198.51.100.2/24 dev wan && ip link set wan up'
    on client 'ip route add default via 192.168.77.1'
}

# The hotspot: masquerades, lets UDP and ICMP out, and refuses TCP.
start_router() {
    cat >"$directory/router/hotspot.nft" <<'END'
table ip hotspot {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan" meta l4proto { udp, icmp } accept
        iifname "lan" meta l4proto tcp counter reject with tcp reset
    }
    chain postrouting {
        type nat hook postrouting priority srcnat;
        oifname "wan" masquerade
    }
}
END
    say "The router hides the client behind its own address and lets UDP pass, but no TCP:"
    on router 'cat hotspot.nft'
    on router 'nft -f hotspot.nft'
    on router 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    on client 'ping -c 1 -W 5 -q 198.51.100.2'
}

# enter HOST: sets the array 'enter' to what runs a command on that host, in its directory, with our programs at hand.
enter() {
    enter=(ip netns exec "$name-$1" env -C "$directory/$1" UDPTUNNEL_SOCKET=udptunneld.sock PATH="$bin:$PATH")
}

# quietly HOST COMMAND: runs a command of ours on a host.
quietly() {
    local enter
    enter "$1"
    "${enter[@]}" bash -c "$2"
}

# on HOST COMMAND: shows a command, runs it, and ends the demonstration if it fails.
on() {
    show_command "$1" "$2"
    quietly "$1" "$2" || fail "that should have worked"
}

# here_on COMMAND: the same outside of the hosts.
here_on() {
    show_command here "$1"
    bash -c "$1" || fail "that should have worked"
}

# must_fail HOST COMMAND: shows a command that must be refused.
must_fail() {
    show_command "$1" "$2"
    if quietly "$1" "$2" 2>&1; then
        fail "that should have been refused"
    fi
    echo "    (refused, as it should be)"
}

# start HOST COMMAND: shows a command and leaves it running; 'started' is its process.
start() {
    local enter
    show_command "$1" "$2 &"
    enter "$1"
    "${enter[@]}" bash -c "exec $2" &
    started=$!
}

# await SECONDS WHAT HOST COMMAND: until the command succeeds on the host.
await() {
    local until=$((SECONDS + $1)) what=$2
    # In a shell of its own: a signal's trap runs with the redirections of the function that it interrupts.
    until (quietly "$3" "$4") >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "waited $1 seconds in vain for $what"
        sleep 0.1
    done
}

wait_for_enter() {
    say "The hosts are there until you press Enter."
    read -r _ || true
}

interrupted=no

# On every way out.
clean_up() {
    local status=$?
    trap '' INT TERM HUP
    set +e
    allow_services
    if [ "$status" -ne 0 ]; then
        printf '\n%sThe demonstration ended early, in: %s%s\n' "$bad" "$current_step" "$plain" >&2
        [ "$interrupted" = yes ] || show_logs >&2
    fi

    remove_hosts || status=1
    exit "$status"
}

# Removes what make_hosts made; does nothing if there is nothing.
remove_hosts() {
    local host left=()
    [ -n "$directory" ] || return 0
    end_processes
    for host in "${hosts[@]}"; do
        [ ! -e "/run/netns/$name-$host" ] || ip netns delete "$name-$host" || left+=("$name-$host")
    done

    rm -rf "$directory" || left+=("$directory")
    directory=''
    [ ${#left[@]} -eq 0 ] || fail "cannot remove ${left[*]}"
}

# Everything that runs in the hosts, politely first.
end_processes() {
    local signal tries processes
    for signal in TERM KILL; do
        for ((tries = 0; tries < 50; tries++)); do
            # Also those that have been started and are on their way into their host.
            processes="$(running) $(jobs -pr)"
            [ -n "${processes// /}" ] || break 2

            # shellcheck disable=SC2086 # one word for each process
            [ "$tries" -gt 0 ] || kill -"$signal" $processes 2>/dev/null
            sleep 0.1
        done
    done

    wait
}

running() {
    local host
    for host in "${hosts[@]}"; do
        [ ! -e "/run/netns/$name-$host" ] || ip netns pids "$name-$host" 2>/dev/null
    done
}

show_logs() {
    local log
    for log in "$directory"/*/*.log; do
        [ -s "$log" ] || continue
        echo "The end of $log:"
        tail -n 15 "$log" | sed 's/^/    /'
    done
}
