// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli;
using UdpTunnel.Cli.Commands;

return await ControlProgram.RunAsync(args, ProcessHost.Create());
