// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.State;

namespace UdpTunnel.Tests.State;

public sealed class PrivateDirectoryTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("private-directory-");

    private string State => Path.Combine(_directory.FullName, "state");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("700")]
    [InlineData("755")]
    [InlineData("750")]
    [InlineData("500")]
    [InlineData("000")]
    public void One_of_the_daemon_s_own_is_narrowed_or_opened_to_it_alone(string mode)
    {
        Directory.CreateDirectory(State);
        Run("chmod", mode, State);

        PrivateDirectory.Make(State, "tunnels");

        Assert.Equal(OwnerOnly, File.GetUnixFileMode(State));
    }

    [Theory]
    [InlineData("777")]
    [InlineData("1777")]
    [InlineData("1755")]
    public void One_that_others_may_write_to_is_refused(string mode)
    {
        Directory.CreateDirectory(State);
        Run("chmod", mode, State);

        Assert.Contains("others may write", Refusal(State), StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_holds_other_things_and_is_open_to_others_is_left_as_it_is()
    {
        Directory.CreateDirectory(Path.Combine(State, "log"));
        Run("chmod", "755", State);

        Assert.Contains("holds other things", Refusal(State), StringComparison.Ordinal);
        Assert.True(File.GetUnixFileMode(State).HasFlag(UnixFileMode.OtherRead));

        Directory.CreateDirectory(Path.Combine(State, "tunnels"));
        PrivateDirectory.Make(State, "tunnels");
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(State));
    }

    [Fact]
    public void A_link_is_refused_whatever_it_leads_to()
    {
        var real = Directory.CreateDirectory(Path.Combine(_directory.FullName, "real"));
        File.CreateSymbolicLink(State, real.FullName);

        Assert.Contains("is a link", Refusal(State), StringComparison.Ordinal);
        Assert.Contains("is a link", Refusal(State + "/"), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_user_s_is_refused()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            // An ordinary user meets one of root's.
            Assert.Contains("user 0", Refusal("/usr/share"), StringComparison.Ordinal);
            return;
        }

        Directory.CreateDirectory(State);
        Run("chown", "4711", State);
        Assert.Contains("that of user 4711", Refusal(State), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_in_its_place_is_refused()
    {
        File.WriteAllText(State, "");

        _ = Refusal(State);
    }

    private static string Refusal(string path) =>
        Assert.Throws<IOException>(() => PrivateDirectory.Make(path, "tunnels")).Message;

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
