#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Starts a tunnel, then approves pending senders whose fingerprint stands in a list.
#   approve.sh TUNNEL.json ALLOWED
set -euo pipefail

config=$1 allowed=$2

# The name of a tunnel that runs already is taken, which is as good.
answer=$(udptunnelctl up "$config" --json) ||
    jq -e '.error.reason == "name_taken"' <<<"$answer" >/dev/null || { jq -r .error.message <<<"$answer" >&2; exit 1; }

# The first line has all senders, each further one what has changed.
udptunnelctl senders --follow --json |
    jq --unbuffered -r '.senders[] | select(.state == "pending" and .fingerprint != null) | .fingerprint' |
    while read -r fingerprint; do
        if grep -qxF -- "$fingerprint" "$allowed"; then
            udptunnelctl approve "$fingerprint" --json >/dev/null && echo "approved $fingerprint"
        else
            echo "waits for a person: $fingerprint"
        fi
    done
