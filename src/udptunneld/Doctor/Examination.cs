// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using UdpTunnel.Access;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>
/// All checks, one examination at a time and bounded in time: what hangs is told as such and left to end by itself.
/// </summary>
internal sealed class Examination(
    DaemonOptions options,
    AccessPolicy policy,
    TunnelHost tunnels,
    RelayHost relays,
    TimeProvider time
) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    private readonly ICheck[] _checks =
    [
        new TunCheck(),
        new UdpOffloadCheck(),
        new KernelCheck(),
        new CapabilityCheck(),
        new ClockCheck(),
        new DescriptorCheck(),
        new SocketCheck(options, policy),
        new StateDirectoryCheck(options),
        new ConfigDirectoryCheck(options),
        new ConntrackCheck(),
        new FirewallCheck(),
        new TunnelCheck(time),
        new PeerCheck(),
        new RouteCheck(),
        new NetworkCheck(),
        new RelayCheck(),
        new PortCheck(),
        new NameCheck(),
        new PathMtuCheck(),
    ];

    private readonly SemaphoreSlim _gate = new(1);

    /// <summary>Looks at everything.</summary>
    /// <param name="name">Of the tunnels and relays only this one; empty: all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="RequestException">There is none of that name, or another examination does not end.</exception>
    public async Task<IReadOnlyList<Finding>> RunAsync(string name, CancellationToken cancellationToken)
    {
        var patient = Find(name);
        if (!await _gate.WaitAsync(Patience, cancellationToken))
        {
            throw new RequestException(Fault.LimitReached, "another examination is under way");
        }

        var running = _checks.Select(c => Task.Run(() => c.Run(patient).ToList(), CancellationToken.None)).ToArray();

        // Those that hang as well: else they would add up.
        _ = Task.WhenAll(running).ContinueWith(_ => _gate.Release(), TaskScheduler.Default);
        var until = Task.Delay(Patience, time, cancellationToken);
        await Task.WhenAny(Task.WhenAll(running), until);
        cancellationToken.ThrowIfCancellationRequested();
        return [.. _checks.Zip(running).SelectMany(c => FindingsOf(c.First, c.Second))];
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private static IEnumerable<Finding> FindingsOf(ICheck check, Task<List<Finding>> task)
    {
        if (!task.IsCompleted)
        {
            return [new Finding(check.Id, CheckResult.Warning, $"no answer within {Patience.TotalSeconds:0} s")];
        }

        return task.Exception?.InnerException switch
        {
            null => task.Result,
            IOException or UnauthorizedAccessException or SocketException =>
            [
                new Finding(check.Id, CheckResult.Skipped, task.Exception.InnerException.Message),
            ],
            var unexpected => throw unexpected,
        };
    }

    private Patient Find(string name)
    {
        if (name.Length == 0)
        {
            return new Patient(tunnels.List([]), relays.List([]));
        }

        var named = relays.ListExisting(new HashSet<string> { name });
        return named.Count > 0 ? new Patient([], named) : new Patient(tunnels.List([name]), []);
    }
}
