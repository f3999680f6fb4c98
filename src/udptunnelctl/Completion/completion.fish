# SPDX-License-Identifier: BSD-3-Clause
# fish completion for udptunnelctl. Try it:   udptunnelctl completion fish | source
# For every shell to come:                    udptunnelctl completion fish > ~/.config/fish/completions/udptunnelctl.fish

function __udptunnelctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test "$found" = :files
        __fish_complete_path "$current"
    else
        string join \n -- $found
    end
end

complete -c udptunnelctl -f -a '(__udptunnelctl_complete)'
