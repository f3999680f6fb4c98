// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;

namespace UdpTunnel.Doctor;

/// <summary>
/// Whether the names of the other ends resolve. Only names from configurations of what runs are looked up.
/// </summary>
internal sealed class NameCheck : ICheck
{
    private const int MostNames = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <inheritdoc/>
    public string Id => "dns";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        List<(string Subject, string Host)> names =
        [
            .. patient
                .Tunnels.Where(t => t.Config.NetworkAddress.Kind == HostKind.Name)
                .Select(t => (t.Config.Name, t.Config.NetworkAddress.Host)),
            .. patient
                .Relays.Where(r => r.Config.Relay == RelayRole.Sender)
                .SelectMany(r =>
                    r.Config.UdpAddress.Select(s => s.Address)
                        .Append(r.Config.TcpAddress)
                        .Where(a => a.Kind == HostKind.Name)
                        .Select(a => (r.Config.Name, a.Host))
                        .Distinct()
                ),
        ];
        var lookUps = names
            .Take(MostNames)
            .Select(n => (n.Subject, n.Host, Answer: Dns.GetHostAddressesAsync(n.Host)))
            .ToList();
        try
        {
            Task.WaitAll([.. lookUps.Select(l => l.Answer)], Patience);
        }
        catch (AggregateException)
        {
            // Each answer is looked at below.
        }

        return
        [
            .. lookUps.Select(l => FindingOf(l.Subject, l.Host, l.Answer)),
            .. names.Count > MostNames
                ?
                [
                    new Finding(
                        Id,
                        CheckResult.Skipped,
                        $"{names.Count - MostNames} more names: examine tunnels one by one"
                    ),
                ]
                : Array.Empty<Finding>(),
        ];
    }

    private Finding FindingOf(string subject, string host, Task<IPAddress[]> answer)
    {
        var remedy = $"getent ahosts {host}; cat /etc/resolv.conf";
        if (!answer.IsCompleted)
        {
            return new Finding(
                Id,
                CheckResult.Failure,
                $"{host}: the name server does not answer within {Patience.TotalSeconds:0} s",
                remedy,
                subject
            );
        }

        if (answer.Exception?.InnerException is { } e)
        {
            var reason = e is SocketException ? e.Message : e.GetType().Name;
            return new Finding(Id, CheckResult.Failure, $"{host} does not resolve: {reason}", remedy, subject);
        }

        return answer.Result.Length == 0
            ? new Finding(Id, CheckResult.Failure, $"{host} has no address", remedy, subject)
            : new Finding(
                Id,
                CheckResult.Ok,
                $"{host} is {string.Join(", ", answer.Result.Take(3).Select(a => a.ToString()))}",
                Subject: subject
            );
    }
}
