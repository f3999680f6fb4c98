// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli;
using UdpTunnel.Cli.Daemon;

namespace UdpTunnel.Tests.Cli;

public sealed class ArgumentTests
{
    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("1s", 1)]
    [InlineData("1.5s", 1.5)]
    [InlineData("2m", 120)]
    [InlineData("1h", 3600)]
    [InlineData("0s", 0)]
    [InlineData(".5s", 0.5)]
    public void A_duration_is_a_number_and_a_unit(string text, double seconds)
    {
        Assert.True(DurationText.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("s")]
    [InlineData("1 s")]
    [InlineData("-1s")]
    [InlineData("1S")]
    [InlineData("1.2.3s")]
    [InlineData("1e3s")]
    [InlineData(".s")]
    [InlineData("1d")]
    [InlineData("\u0661s")]
    [InlineData("99999999999999999999h")]
    [InlineData("9999999999999999999999999999999999999999s")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Fact]
    public void Any_number_of_milliseconds_reads_back() =>
        Property.ForAll<uint>(value =>
            DurationText.TryParse($"{value}ms", out var duration) && duration == TimeSpan.FromMilliseconds(value)
        );

    [Fact]
    public void Any_text_that_reads_as_a_duration_has_a_digit_and_a_unit() =>
        Property.ForAll<string?>(text =>
            !DurationText.TryParse(text ?? "", out var duration)
            || (duration >= TimeSpan.Zero && text!.Any(char.IsAsciiDigit) && text![^1] is 's' or 'm' or 'h')
        );

    [Theory]
    [InlineData("stats --watch --interval 99ms", "--interval: 100ms to 1h")]
    [InlineData("stats --watch --interval 61m", "--interval: 100ms to 1h")]
    [InlineData("top --interval 3601s", "--interval: 100ms to 1h")]
    [InlineData("up x.json --timeout 0s", "--timeout: 100ms to 1h")]
    public async Task A_duration_outside_its_bounds_is_wrong_usage(string line, string message)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Equal((int)ExitCode.Usage, run.ExitCode);
        Assert.Contains(message, run.Error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hmoe", "home")]
    [InlineData("HOME", "home")]
    [InlineData("homes", "home")]
    [InlineData("ofice", "office")]
    [InlineData("zzzz", null)]
    [InlineData("", null)]
    public void A_wrong_name_gets_the_nearest_suggested(string name, string? nearest) =>
        Assert.Equal(nearest, NearestName.Of(name, ["office", "home"]));

    [Fact]
    public void One_wrong_character_is_always_forgiven() =>
        Property.ForAll<(ushort Number, byte Position)>(value =>
        {
            var name = $"tunnel-{value.Number}";
            var wrong = name.Remove(value.Position % name.Length, 1);
            return NearestName.Of(wrong, [name]) == name;
        });

    [Theory]
    [InlineData("/opt", "/env", "/opt")]
    [InlineData("", "/env", "")]
    [InlineData(null, "/env", "/env")]
    [InlineData(null, "", "/run/udptunnel/udptunneld.sock")]
    [InlineData(null, null, "/run/udptunnel/udptunneld.sock")]
    public void The_socket_is_the_options_else_the_environments_else_the_default(
        string? option,
        string? variable,
        string path
    ) => Assert.Equal(path, Resolve(null, option, variable, null).Name);

    [Theory]
    [InlineData("ssh://a", "/opt", "/env", "ssh://b", "ssh://a", "/opt")]
    [InlineData("ssh://a", null, "/env", "ssh://b", "ssh://a", null)]
    [InlineData(null, null, "/env", "ssh://b", "ssh://b", null)]
    [InlineData(null, "/opt", "/env", "ssh://b", "/opt", "/opt")]
    [InlineData(null, null, "/env", "", "/env", "/env")]
    public void A_path_belongs_to_the_host_that_is_named_with_it(
        string? hostOption,
        string? socketOption,
        string? socketVariable,
        string? hostVariable,
        string name,
        string? socket
    )
    {
        var place = Resolve(hostOption, socketOption, socketVariable, hostVariable);

        Assert.Equal((name, socket), (place.Name, place.Socket));
    }

    private static DaemonPlace Resolve(
        string? hostOption,
        string? socketOption,
        string? socketVariable,
        string? hostVariable
    ) => DaemonPlace.Resolve(hostOption, socketOption, name => name switch
            {
                "UDPTUNNEL_SOCKET" => socketVariable,
                "UDPTUNNEL_HOST" => hostVariable,
                _ => null,
            });
}
