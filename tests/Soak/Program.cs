using System.Globalization;
using UdpTunnel.Tests.Soak;

var minutes = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 30;
var seed = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : Random.Shared.Next();
return await new SoakRun(TimeSpan.FromMinutes(minutes), seed).RunAsync() ? 0 : 1;
