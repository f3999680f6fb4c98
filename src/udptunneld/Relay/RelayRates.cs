using UdpTunnel.Hosting;

namespace UdpTunnel.Relay;

/// <summary>Datagrams and their bytes per second in both directions.</summary>
internal readonly record struct RelayRates(double PacketsToService, double BytesToService, double PacketsToClients, double BytesToClients)
{
    /// <summary>Takes in what was carried in some time.</summary>
    public RelayRates After(in RelayTraffic before, in RelayTraffic now, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        return new RelayRates(
            RateAverage.Next(PacketsToService, (now.PacketsToService - before.PacketsToService) / seconds),
            RateAverage.Next(BytesToService, (now.BytesToService - before.BytesToService) / seconds),
            RateAverage.Next(PacketsToClients, (now.PacketsToClients - before.PacketsToClients) / seconds),
            RateAverage.Next(BytesToClients, (now.BytesToClients - before.BytesToClients) / seconds));
    }
}
