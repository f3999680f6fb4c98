# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# How each tunnel is brought up on both hosts; read by `tunnels` and others after lab.sh, which ends it.
#
#   vxlan         the kernel's own tunnel: what the others are compared with
#   udptunnel     this project's; udptunnel-off is the same with "Offload": "off", and udptunnel-without-uso, -tun, -segment, -gro or several with
#                 commas between them on a kernel that refuses these offloads (see `without`); udptunnel-secure speaks the WireGuard protocol
#   wireguard     wireguard-go, which encrypts; openvpn and fastd without a cipher; all Debian's
#   wireguard-newest, dsnet    as WGGO and UDPTUNNEL_DSNET name them

up_vxlan() {
    ip -n "$1" link add bench0 type vxlan id 7 local "$2" remote "$4" dstport 4789 dev wire0
    ip -n "$1" address add "$3/24" dev bench0
    ip -n "$1" link set bench0 mtu "$mtu" up
}

# up_udptunnel OFFLOAD REFUSED NAMESPACE...: "Offload" of the configuration, and what the kernel shall refuse (none, or as `without` names it).
up_udptunnel() {
    local offload=$1 refused=$2 network=172.31.7.2:8000 launcher=()
    shift 2
    [ "$1" = "$client" ] || network=:8000
    [ "$refused" = none ] || launcher=("$here/without" "$refused" --)
    start_daemon "$1" "${launcher[@]}"
    printf '{ "Name": "bench", "TunnelDevice": "bench0", "TunnelAddress": "%s", "NetworkAddress": "%s", "Mtu": %s, "AllowedPorts": [5201, 5202], "Offload": "%s" }' \
        "$3" "$network" "$mtu" "$offload" | up "$1"
}

# up NAMESPACE: the tunnel of the configuration that it reads.
up() {
    control "$1" up --ephemeral - >>"$directory/log" 2>&1 || fail "$(tail -n 3 "$directory/log")"
}

make_key() { (umask 077 && wg genkey >"$directory/key-$1"); }

public_key_of_other() {
    local other=$client
    [ "$1" = "$server" ] || other=$server
    wg pubkey <"$directory/key-$other"
}

up_secure() {
    start_daemon "$1"
    printf '{ "Name": "bench", "Protocol": "wireguard", "TunnelDevice": "bench0", "TunnelAddress": "%s/24", "NetworkAddress": ":51820", "Mtu": %s,
        "AllowedPorts": [5201, 5202], "PrivateKey": "%s", "Peers": [{ "PublicKey": "%s", "AllowedIPs": ["%s"], "Endpoint": "%s:51820" }] }' \
        "$3" "$mtu" "$(cat "$directory/key-$1")" "$(public_key_of_other "$1")" "$5/32" "$4" | up "$1"
}

# wireguard-go listens at a socket of its device's name, which no namespace separates.
wireguard_device() { [ "$1" = "$client" ] && echo "wgc$$" || echo "wgs$$"; }

# up_wireguard PROGRAM NAMESPACE...
up_wireguard() {
    local program=$1
    shift
    start "$1" "$program" -f "$(wireguard_device "$1")"
    make_key "$1"
    for _ in $(seq 50); do
        ! ip -n "$1" link show "$(wireguard_device "$1")" >/dev/null 2>&1 || break
        sleep 0.1
    done
}

meet_wireguard() {
    local device
    device=$(wireguard_device "$1")
    ip netns exec "$1" wg set "$device" listen-port 51820 private-key "$directory/key-$1" \
        peer "$(public_key_of_other "$1")" allowed-ips 0.0.0.0/0 endpoint "$4:51820"
    ip -n "$1" address add "$3/24" dev "$device"
    ip -n "$1" link set "$device" mtu "$mtu" up
}

up_openvpn() {
    start "$1" openvpn --dev bench0 --dev-type tun --proto udp --port 1194 --remote "$4" --ifconfig "$3" "$5" --tun-mtu "$mtu" --fast-io --verb 1
}

up_fastd() {
    local own=$directory/fastd-$1
    fastd --generate-key >"$own.key" 2>/dev/null
}

meet_fastd() {
    local own=$directory/fastd-$1 other=$client
    [ "$1" = "$server" ] || other=$server
    cat >"$own.conf" <<END
mode tun; interface "bench0"; method "null"; mtu $mtu; bind $2:10000;
secret "$(awk '/Secret/ { print $2 }' "$own.key")";
peer "other" { key "$(awk '/Public/ { print $2 }' "$directory/fastd-$other.key")"; remote ipv4 "$4" port 10000; }
END
    start "$1" fastd -c "$own.conf"
    sleep 0.5
    ip -n "$1" address add "$3/24" dev bench0
    ip -n "$1" link set bench0 up
}

up_dsnet() {
    local network=172.31.7.2:8000
    [ "$1" = "$client" ] || network=:8000
    printf '{ "TunnelDevice": "bench0", "TunnelAddress": "%s", "NetworkAddress": "%s", "AllowedPorts": [5201, 5202], "HeartbeatInterval": 1 }' \
        "$3" "$network" >"$directory/dsnet-$1.json"
    start "$1" "$UDPTUNNEL_DSNET" "$directory/dsnet-$1.json"
}

# each COMMAND...: COMMAND for both hosts, with namespace, its outer and inner address, the other's outer and inner address.
each() {
    "$@" "$client" 172.31.7.1 10.77.0.1 172.31.7.2 10.77.0.2
    "$@" "$server" 172.31.7.2 10.77.0.2 172.31.7.1 10.77.0.1
}

# begin_tunnel NAME: fails if nothing passes.
begin_tunnel() {
    case $1 in
        udptunnel) each up_udptunnel auto none ;;
        udptunnel-off) each up_udptunnel off none ;;
        udptunnel-secure) each make_key && each up_secure ;;
        udptunnel-without-*) each up_udptunnel auto "${1#udptunnel-without-}" ;;
        wireguard) each up_wireguard wireguard-go && each meet_wireguard ;;
        wireguard-newest) each up_wireguard "$WGGO" && each meet_wireguard ;;
        fastd) each up_fastd && each meet_fastd ;;
        *)
            declare -F "up_$1" >/dev/null || fail "'$1' is no tunnel that peers.sh knows"
            each "up_$1"
            ;;
    esac
    for _ in $(seq 100); do
        ! ip netns exec "$client" ping -c 1 -W 1 10.77.0.2 >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    # Its name in the results shows that it was tried.
    echo "failed 1" | record "$1" >/dev/null
    echo "$1 does not come up: $(tail -1 "$directory/log")"
    end
    return 1
}

# iperf ARGUMENT...: one run of iperf3, as JSON; ports are those that a tunnel lets pass.
iperf() { ip netns exec "$client" iperf3 -c 10.77.0.2 -p 5201 --cport 5202 -t "$seconds" -J "$@" 2>/dev/null || echo '{}'; }

gigabits() { jq -r '(.end.sum_received.bits_per_second // 0) / 1e9'; }
