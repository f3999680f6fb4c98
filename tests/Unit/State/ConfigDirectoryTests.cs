using UdpTunnel.State;

namespace UdpTunnel.Tests.State;

/// <summary>Where the files come from that start with the daemon.</summary>
public sealed class ConfigDirectoryTests : IDisposable
{
    private const string Tunnel = """{"TunnelAddress": "10.99.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22]}""";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("config-directory-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void A_credential_of_the_service_manager_is_a_file_as_any_other()
    {
        Write("etc/tunnels.d/home.json", Tunnel);
        Write("credentials/private_secret.json", Tunnel);
        Write("credentials/named.json", Tunnel);
        Write("credentials/key", "no configuration");

        var files = ConfigDirectory.Read(In("etc"), In("credentials"));

        Assert.Equal(["home", "named", "secret"], files.Select(f => f.Name));
        Assert.All(files, f => Assert.NotNull(f.Configuration));
    }

    [Fact]
    public void A_credential_does_not_displace_a_file()
    {
        Write("etc/tunnels.d/home.json", Tunnel);
        Write("credentials/private_home.json", Tunnel);

        var files = ConfigDirectory.Read(In("etc"), In("credentials"));

        Assert.NotNull(files[0].Configuration);
        Assert.Null(files[1].Configuration);
        Assert.Contains("describes home, as", files[1].Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Directories_that_are_not_there_are_empty() => Assert.Empty(ConfigDirectory.Read(In("etc"), In("credentials")));

    private string In(string name) => Path.Combine(_directory.FullName, name);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
    }
}
