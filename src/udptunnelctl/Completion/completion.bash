# SPDX-License-Identifier: BSD-3-Clause
# bash completion for udptunnelctl. Try it:   source <(udptunnelctl completion bash)
# For every shell to come:                    udptunnelctl completion bash > ~/.local/share/bash-completion/completions/udptunnelctl

_udptunnelctl() {
    # Our own words: bash takes apart what holds a colon or an equals sign, as fingerprints and addresses do.
    local -a words found=()
    local line=${COMP_LINE:0:COMP_POINT} word current part
    read -r -a words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]} - 1]}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
            return
        fi
        found+=("$word")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)

    # bash replaces only what follows the last colon or equals sign.
    part=${current%"${current##*[:=]}"}
    [[ $COMP_WORDBREAKS == *:* ]] || part=""
    COMPREPLY=("${found[@]#"$part"}")
}

complete -F _udptunnelctl udptunnelctl
