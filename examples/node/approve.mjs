// SPDX-License-Identifier: BSD-3-Clause
// Starts a tunnel, then approves pending senders whose fingerprint stands in a list.
//   cp -r /usr/share/doc/udptunneld/examples/node . && cd node && npm ci && node approve.mjs TUNNEL.json ALLOWED
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [config, allowed] = process.argv.slice(2);
const socket = process.env.UDPTUNNEL_SOCKET ?? "/run/udptunnel/udptunneld.sock";

// In a clone the protos lie beside the examples; the package has them elsewhere.
const cloned = fileURLToPath(new URL("../../protos", import.meta.url));
const api = grpc.loadPackageDefinition(
  loadSync(["udptunnel/v1/tunnel.proto", "udptunnel/v1/relay.proto"], {
    includeDirs: [existsSync(cloned) ? cloned : "/usr/share/udptunnel/protos"],
    keepCase: true,
    enums: String,
    defaults: true,
  }),
).udptunnel.v1;
// The authority means nothing to a Unix socket, but HTTP/2 wants one.
const options = { "grpc.default_authority": "localhost" };
const tunnels = new api.TunnelService(`unix:${socket}`, grpc.credentials.createInsecure(), options);
const relays = new api.RelayService(`unix:${socket}`, grpc.credentials.createInsecure(), options);

const deadline = () => ({ deadline: Date.now() + 20_000 });
const call = (client, method, request) => promisify(client[method].bind(client))(request, new grpc.Metadata(), deadline());

// A tunnel of that name that is there already is as good.
await call(tunnels, "StartTunnel", { name: basename(config, ".json"), configuration: readFileSync(config, "utf8") }).catch((error) => {
  // Not the code: ALREADY_EXISTS is also a UDP port that another program has. The reasons are those of error.proto.
  if (error.metadata?.get("udptunnel-reason")[0] !== "NAME_TAKEN") {
    throw error;
  }
});

// The first message has all senders, and so has each further one, whenever something has changed.
for await (const { senders } of relays.WatchSenders({})) {
  for (const { fingerprint, address, state } of senders) {
    if (state !== "SENDER_STATE_PENDING") {
      continue;
    }
    // Read again each time, so that the list can grow. A sender of the classic protocol has no fingerprint.
    if (fingerprint !== "" && readFileSync(allowed, "utf8").split("\n").includes(fingerprint)) {
      await call(relays, "ApproveSender", { sender: fingerprint });
      console.log(`approved ${fingerprint}`);
    } else {
      console.log(`waits for a person: ${fingerprint || address}`);
    }
  }
}
