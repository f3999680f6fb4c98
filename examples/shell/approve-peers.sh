#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Approves pending peers of secure tunnels whose key stands in a list, under the name that stands behind it.
#   approve-peers.sh ALLOWED        ALLOWED: on each line a key, a space and a name
set -euo pipefail

allowed=$1
declare -A told=()

# Each line has all tunnels, and those who wait at them then.
udptunnelctl stats --watch --json |
    jq --unbuffered -r '.tunnels[] | .name as $tunnel | .pendingPeers[] | [$tunnel, .publicKey] | @tsv' |
    while IFS=$'\t' read -r tunnel key; do
        # Read again each time, so that the list can grow.
        name=$(awk -v key="$key" '$1 == key { print $2; exit }' "$allowed")
        if [ -n "$name" ]; then
            # Fails if somebody else has decided meanwhile.
            udptunnelctl approve "$key" --tunnel "$tunnel" --name "$name" --json >/dev/null && echo "approved $key as $name"
        elif [ -z "${told[$tunnel $key]:-}" ]; then
            told[$tunnel $key]=yes
            echo "waits for a person: $key"
        fi
    done
