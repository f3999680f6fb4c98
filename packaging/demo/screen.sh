# SPDX-License-Identifier: BSD-3-Clause
# What is printed: steps, sentences, commands, and at the end what worked.
# shellcheck shell=bash

bold='' dim='' good='' bad='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' good=$'\e[32m' bad=$'\e[31m' plain=$'\e[0m'
fi

current_step='getting ready'
step_number=0
worked=()

# step TITLE: a new chapter, which a failure names.
step() {
    step_number=$((step_number + 1))
    current_step=$1
    printf '\n%s%d. %s%s\n' "$bold" "$step_number" "$1" "$plain"
}

# say SENTENCE: why the next commands are run.
say() {
    printf '\n'
    fold -s -w 80 <<<"$1" | sed 's/ *$//'
}

# show_command HOST COMMAND: as it would be typed on that host.
show_command() {
    printf '%s%s#%s %s%s%s\n' "$dim" "$1" "$plain" "$bold" "$2" "$plain"
}

# done_with SENTENCE: for the summary.
done_with() {
    worked+=("$1")
}

# fail SENTENCE: ends the demonstration.
fail() {
    printf '%sdemo: %s%s\n' "$bad" "$1" "$plain" >&2
    exit 1
}

summarise() {
    printf '\n%sWhat worked%s\n' "$bold" "$plain"
    printf "  $good+$plain %s\n" "${worked[@]}"
    printf '\n%d seconds; nothing is left behind.\n' "$SECONDS"
}
