# SPDX-License-Identifier: BSD-3-Clause
# A real SSH server with keys of its own, and a client that knows them.
# shellcheck shell=bash

start_sshd() {
    ssh-keygen -q -t ed25519 -N '' -C server -f "$directory/server/host_key"
    ssh-keygen -q -t ed25519 -N '' -C client -f "$directory/client/key"
    write_sshd_files
    write_ssh_files
    say "A real SSH server, with keys made for this run. It listens on ports 22 and 2222 of every address of the server:"
    start server "sh sshd.sh"
    await 10 "sshd" server '</dev/tcp/127.0.0.1/22'
}

write_sshd_files() {
    cat >"$directory/server/sshd_config" <<END
Port 22
Port 2222
HostKey $directory/server/host_key
AuthorizedKeysFile $directory/client/key.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp internal-sftp
UsePAM no
# /tmp, above the keys, can be written by everybody, which strict modes refuse.
StrictModes no
END

    # 'ip netns exec' gives a command mounts of its own, so sshd can find there what this machine may lack, and nobody else sees it:
    # the directory /run/sshd, and a root account that is not locked (without PAM, sshd refuses one that is).
    printf 'root:*:19000::::::\n' >"$directory/server/shadow"
    cat >"$directory/server/sshd.sh" <<'END'
set -e
mount -t tmpfs none /run
mkdir -m 755 /run/sshd
mount --bind shadow /etc/shadow
exec /usr/sbin/sshd -D -e -f "$PWD/sshd_config" 2>sshd.log
END
}

write_ssh_files() {
    local key
    read -r key <"$directory/server/host_key.pub"
    echo "10.99.0.1 ${key% *}" >"$directory/client/known_hosts"
    cat >"$directory/client/ssh.conf" <<'END'
Host server
    HostName 10.99.0.1
    HostKeyAlias 10.99.0.1
    User root
    IdentityFile key
    IdentitiesOnly yes
    UserKnownHostsFile known_hosts
    UpdateHostKeys no
    StrictHostKeyChecking yes
    ConnectTimeout 20
    LogLevel ERROR
END
}

show_tcp_refused() {
    local refused
    say "The client asks for it directly. The router answers in the server's name, and refuses:"
    must_fail client 'ssh -F ssh.conf -o HostName=198.51.100.2 server true'
    on router 'nft list chain ip hotspot forward | grep reject'
    refused=$(quietly router 'nft --json list chain ip hotspot forward' |
        jq '[.nftables[].rule.expr? // [] | .[].counter.packets? // empty] | add')
    [ "$refused" -gt 0 ] || fail "the router refused nothing"
    done_with "TCP straight to the server was refused by the router, which counted it"
}
