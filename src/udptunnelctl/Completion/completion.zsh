#compdef udptunnelctl
# SPDX-License-Identifier: BSD-3-Clause
# zsh completion for udptunnelctl. Try it:   source <(udptunnelctl completion zsh)
# For every shell to come:                   udptunnelctl completion zsh > DIRECTORY/_udptunnelctl   (one of $fpath)

_udptunnelctl() {
    local line
    local -a found shown
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            _files
            return
        fi
        found+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
    done < <("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    compadd -l -d shown -a found
}

if [[ ${funcstack[1]} == _udptunnelctl ]]; then
    _udptunnelctl "$@"
else
    compdef _udptunnelctl udptunnelctl
fi
