// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class ConfigurationNameTests
{
    [Theory]
    [InlineData("config.json", "config")]
    [InlineData("/etc/udptunnel/tunnels.d/home.json", "home")]
    [InlineData("./HOME.JSON", "HOME")]
    [InlineData("dir.json/plain", "plain")]
    [InlineData("a.b.json", "a.b")]
    [InlineData(".json", "")]
    [InlineData("dir/", "")]
    public void A_file_gives_its_name_without_directories_and_extension(string path, string name) =>
        Assert.Equal(name, ConfigurationName.FromFileName(path));

    [Theory]
    [InlineData("a", true)]
    [InlineData("7", true)]
    [InlineData("Home-2.lan_x", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("-rf", false)]
    [InlineData("_a", false)]
    [InlineData("a/b", false)]
    [InlineData("a b", false)]
    [InlineData("a\n", false)]
    [InlineData("é", false)]
    public void A_name_can_stand_in_file_names_tables_and_logs(string name, bool isName)
    {
        Assert.Equal(isName, ConfigurationName.TryValidate(name, out var error));
        Assert.Equal(isName, error is null);
    }

    [Fact]
    public void A_name_has_at_most_64_characters()
    {
        Assert.True(ConfigurationName.TryValidate(new string('a', 64), out _));
        Assert.False(ConfigurationName.TryValidate(new string('a', 65), out _));
    }
}
