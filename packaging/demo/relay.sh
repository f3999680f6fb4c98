# SPDX-License-Identifier: BSD-3-Clause
# The relay: a name server that nobody can reach, published through the server.
# shellcheck shell=bash

# A fourth host, which connects to the outside by TCP alone and is connected to by nobody.
make_office() {
    cat <<END

     office                       server
  203.0.113.2 ---- uplink ---- 203.0.113.1

END
    hosts+=(office)
    mkdir "$directory/office"
    here_on "ip netns add $name-office"
    ip -n "$name-office" link set lo up
    here_on "ip link add uplink netns $name-office type veth peer name uplink netns $name-server"
    on server 'ip address add 203.0.113.1/24 dev uplink && ip link set uplink up'
    on office 'ip address add 203.0.113.2/24 dev uplink && ip link set uplink up'
    cat >"$directory/office/office.nft" <<'END'
table inet office {
    chain input {
        type filter hook input priority filter; policy accept;
        iifname "uplink" ct state established accept
        iifname "uplink" counter drop
    }
    chain output {
        type filter hook output priority filter; policy accept;
        oifname "uplink" meta l4proto != tcp drop
    }
}
END
    say "Its firewall lets TCP out and nothing in:"
    on office 'cat office.nft'
    on office 'nft -f office.nft'
}

start_name_server() {
    say "A real name server there, which knows the names of the intranet and listens on its own host alone:"
    start office "dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root \
--listen-address=127.0.0.1 --bind-interfaces --address=/www.intranet.example/10.1.2.3 2>dnsmasq.log"
    await 10 "dnsmasq" office 'dig +short +tries=1 +time=1 @127.0.0.1 www.intranet.example | grep -qx 10.1.2.3'
    on office 'dig +short @127.0.0.1 www.intranet.example'
}

start_office_daemon() {
    start_daemon office
    office_daemon=$started
}

start_relay() {
    start_office_daemon
    say "The receiver, on the host that everybody reaches:"
    on server 'udptunnelctl relay receiver --udp :53 --tcp :5353'
    say "The sender, inside:"
    on office 'udptunnelctl relay sender --udp 127.0.0.1:53 --tcp 203.0.113.1:5353'
}

approve_sender() {
    await 20 "the sender to be pending" server "udptunnelctl senders --json | jq -e '.senders[] | select(.state == \"pending\")'"
    say "Nothing flows yet: a person at the server has to approve the sender, whose key both ends show."
    must_fail client 'dig +short +tries=1 +time=1 @198.51.100.2 www.intranet.example'
    on server 'udptunnelctl senders'
    fingerprint=$(quietly server 'udptunnelctl senders --json' | jq -r '.senders[0].fingerprint')
    [ "$fingerprint" = "$(quietly office 'udptunnelctl status --json' | jq -r '.relays[0].ownFingerprint')" ] ||
        fail "the two ends show different keys"
    on server "udptunnelctl approve ${fingerprint:0:19}"
    done_with "a sender behind a firewall was pending until it was approved by its key"
}

resolve() {
    local before after
    say "From the hotspot, whose router lets UDP out, a name of the intranet:"
    await 10 "the relay to carry datagrams" client 'dig +short +tries=1 +time=1 @198.51.100.2 www.intranet.example | grep -qx 10.1.2.3'
    on client 'dig +short @198.51.100.2 www.intranet.example'
    done_with "a name of the intranet was resolved from outside, through the relay"
    say "The daemon inside starts again; nobody has to approve its key a second time:"
    before=$(sender_since)
    on office "kill $office_daemon"
    wait "$office_daemon" || fail "the daemon did not end well"
    start_office_daemon
    await 20 "the relay to run again" client 'dig +short +tries=1 +time=1 @198.51.100.2 www.intranet.example | grep -qx 10.1.2.3'
    on client 'dig +short @198.51.100.2 www.intranet.example'
    after=$(sender_since)
    [ "$before" != "$after" ] || fail "the sender has not connected again"
    done_with "it runs again by itself after a restart"
    on server 'udptunnelctl status receiver-53'
}

sender_since() {
    quietly server 'udptunnelctl senders --json' | jq -r '.senders[0].since'
}

take_relay_down() {
    on server 'udptunnelctl down receiver-53'
    on office 'udptunnelctl down sender-127.0.0.1-53'
}
