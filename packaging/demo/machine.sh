# SPDX-License-Identifier: BSD-3-Clause
# What the machine must have, and what is installed if it is missing.
# shellcheck shell=bash

# The command that tells whether a package is there, and the package.
needed=(
    "ip iproute2"
    "nft nftables"
    "ping iputils-ping"
    "ssh openssh-client"
    "sshd openssh-server"
    "jq jq"
    "dnsmasq dnsmasq-base"
    "dig bind9-dnsutils"
)

check_machine() {
    [ "$(id -u)" -eq 0 ] || fail "run it as root (sudo packaging/demo/demo): it makes network namespaces and devices"
    [[ -x $bin/udptunneld && -x $bin/udptunnelctl ]] || fail "there are no programs in $bin: run 'make build' first"
    [ -c /dev/net/tun ] || modprobe tun 2>/dev/null || fail "this machine has no /dev/net/tun: load the kernel's module 'tun'"
    find_dotnet
}

# The programs look for .NET in DOTNET_ROOT and the usual places; sudo forgets the one, and an own installation is not the other.
find_dotnet() {
    local dotnet
    if [ -z "${DOTNET_ROOT-}" ] && dotnet=$(command -v dotnet); then
        DOTNET_ROOT=$(dirname "$(readlink -f "$dotnet")")
        export DOTNET_ROOT
    fi

    "$bin/udptunnelctl" --version >/dev/null || fail "$bin/udptunnelctl does not run: is .NET 10 installed?"
}

install_missing() {
    local entry command package missing=()

    # Where sshd is, and where root's path need not lead.
    PATH=$PATH:/usr/sbin:/sbin
    for entry in "${needed[@]}"; do
        read -r command package <<<"$entry"
        command -v "$command" >/dev/null || missing+=("$package")
    done

    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "please install: ${missing[*]}"
    say "This machine lacks packages that the demonstration uses: ${missing[*]}. They are installed now and stay installed."
    show_command here "apt-get install --no-install-recommends ${missing[*]}"
    keep_ssh_stopped "${missing[@]}"
    apt-get update -qq || fail "apt-get update does not work"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt-get cannot install ${missing[*]}"
    allow_services
    if [[ " ${missing[*]} " == *" openssh-server "* ]] && [ -d /run/systemd/system ]; then
        systemctl --quiet disable ssh.service ssh.socket 2>/dev/null || true
    fi
}

policy=/usr/sbin/policy-rc.d
policy_is_ours=no

# Debian starts a server as soon as it is installed. Nobody who wants to see a tunnel asked for an SSH server that the world can
# reach: invoke-rc.d(8) asks this file, and 101 forbids.
keep_ssh_stopped() {
    if [[ " $* " == *" openssh-server "* ]] && [ ! -e "$policy" ]; then
        say "(The SSH service of this machine is neither started nor enabled by that: the demonstration runs an sshd of its own.)"
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        policy_is_ours=yes
        chmod +x "$policy"
    fi
}

allow_services() {
    if [ "$policy_is_ours" = yes ]; then
        rm -f "$policy"
        policy_is_ours=no
    fi
}
