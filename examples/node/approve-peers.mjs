// SPDX-License-Identifier: BSD-3-Clause
// Approves pending peers of secure tunnels whose key stands in a list, under the name that stands behind it.
//   node approve-peers.mjs ALLOWED        ALLOWED: on each line a key, a space and a name
// The head of approve.mjs says what it needs.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [allowed] = process.argv.slice(2);
const socket = process.env.UDPTUNNEL_SOCKET ?? "/run/udptunnel/udptunneld.sock";

// In a clone the protos lie beside the examples; the package has them elsewhere.
const cloned = fileURLToPath(new URL("../../protos", import.meta.url));
const api = grpc.loadPackageDefinition(
  loadSync("udptunnel/v1/tunnel.proto", {
    includeDirs: [existsSync(cloned) ? cloned : "/usr/share/udptunnel/protos"],
    keepCase: true,
    enums: String,
    defaults: true,
  }),
).udptunnel.v1;
// The authority means nothing to a Unix socket, but HTTP/2 wants one.
const options = { "grpc.default_authority": "localhost" };
const tunnels = new api.TunnelService(`unix:${socket}`, grpc.credentials.createInsecure(), options);
const approvePeer = promisify(tunnels.ApprovePeer.bind(tunnels));

// Read again each time, so that the list can grow.
const nameOf = (key) => {
  const line = readFileSync(allowed, "utf8").split("\n").find((entry) => entry.startsWith(`${key} `));
  return line?.slice(key.length).trim();
};

const told = new Set();

// Each message has all tunnels, and those who wait at them then.
for await (const seen of tunnels.WatchTunnels({})) {
  for (const tunnel of seen.tunnels) {
    for (const { public_key: key } of tunnel.pending_peers) {
      const name = nameOf(key);
      if (name) {
        try {
          await approvePeer({ peer: key, tunnel: tunnel.name, name }, new grpc.Metadata(), { deadline: Date.now() + 20_000 });
          console.log(`approved ${key} as ${name}`);
        } catch (error) {
          // Somebody else has decided meanwhile.
          console.error(error.details);
        }
      } else if (!told.has(`${tunnel.name} ${key}`)) {
        told.add(`${tunnel.name} ${key}`);
        console.log(`waits for a person: ${key}`);
      }
    }
  }
}
