# shellcheck shell=bash disable=SC2154
# How each tunnel is brought up on both hosts and taken down again; read by `tunnels`, whose variables it uses.

up_vxlan() {
    ip -n "$1" link add bench0 type vxlan id 7 local "$2" remote "$4" dstport 4789 dev wire0
    ip -n "$1" address add "$3/24" dev bench0
    ip -n "$1" link set bench0 mtu 1300 up
}

# up_udptunnel OFFLOAD REFUSED NAMESPACE...: "Offload" of the configuration, and what the kernel shall refuse (none, or as `without` names it).
up_udptunnel() {
    local offload=$1 refused=$2 network=172.31.7.2:8000 launcher=()
    shift 2
    local own=$directory/$1
    [ "$1" = "$client" ] || network=:8000
    [ "$refused" = none ] || launcher=("$here/without" "$refused" --)
    mkdir -p "$own"
    printf '{ "Name": "bench", "TunnelDevice": "bench0", "TunnelAddress": "%s", "NetworkAddress": "%s", "AllowedPorts": [5201, 5202], "Offload": "%s" }' \
        "$3" "$network" "$offload" >"$own/bench.json"
    start "$1" "${launcher[@]}" "$bin/udptunneld" --socket "$own/socket" --state-dir "$own/state" --config-dir "$own/none"
    for _ in $(seq 50); do
        [ ! -S "$own/socket" ] || break
        sleep 0.1
    done
    "$bin/udptunnelctl" --socket "$own/socket" up --ephemeral "$own/bench.json" >>"$directory/log" 2>&1
}

# wireguard-go listens at a socket of its device's name, which no namespace separates.
wireguard_device() { [ "$1" = "$client" ] && echo "wgc$$" || echo "wgs$$"; }

up_wireguard() {
    start "$1" wireguard-go -f "$(wireguard_device "$1")"
    (umask 077 && wg genkey >"$directory/wireguard-$1")
    for _ in $(seq 50); do
        ! ip -n "$1" link show "$(wireguard_device "$1")" >/dev/null 2>&1 || break
        sleep 0.1
    done
}

meet_wireguard() {
    local device other=$client
    [ "$1" = "$server" ] || other=$server
    device=$(wireguard_device "$1")
    ip netns exec "$1" wg set "$device" listen-port 51820 private-key "$directory/wireguard-$1" \
        peer "$(wg pubkey <"$directory/wireguard-$other")" allowed-ips 0.0.0.0/0 endpoint "$4:51820"
    ip -n "$1" address add "$3/24" dev "$device"
    ip -n "$1" link set "$device" mtu 1300 up
}

up_openvpn() {
    start "$1" openvpn --dev bench0 --dev-type tun --proto udp --port 1194 --remote "$4" --ifconfig "$3" "$5" --tun-mtu 1300 --fast-io --verb 1
}

up_fastd() {
    local own=$directory/fastd-$1
    fastd --generate-key >"$own.key" 2>/dev/null
}

meet_fastd() {
    local own=$directory/fastd-$1 other=$client
    [ "$1" = "$server" ] || other=$server
    cat >"$own.conf" <<END
mode tun; interface "bench0"; method "null"; mtu 1300; bind $2:10000;
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

begin() {
    case $1 in
        udptunnel) each up_udptunnel auto none ;;
        udptunnel-off) each up_udptunnel off none ;;
        udptunnel-without-*) each up_udptunnel auto "${1#udptunnel-without-}" ;;
        wireguard | fastd) each "up_$1" && each "meet_$1" ;;
        *) each "up_$1" ;;
    esac
}

end() {
    end_all "$client"
    end_all "$server"
    for host in "$client" "$server"; do
        ip -n "$host" link delete bench0 2>/dev/null || true
    done
}
