// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Memory;

namespace UdpTunnel.Tests.Memory;

public sealed class ScopeTests : IDisposable
{
    private readonly List<string> _done = [];
    private readonly Scope _scope = new();

    /// <inheritdoc/>
    public void Dispose() => _scope.Dispose();

    [Fact]
    public void What_was_opened_last_is_closed_first()
    {
        foreach (var step in (string[])["a", "b", "c"])
        {
            _scope.AtEnd(() => _done.Add(step));
        }

        _scope.Dispose();
        _scope.Dispose();

        Assert.Equal(["c", "b", "a"], _done);
    }

    [Fact]
    public void A_step_that_fails_keeps_no_other_from_being_done_and_is_told()
    {
        _scope.AtEnd(() => _done.Add("a"));
        _scope.AtEnd(() => throw new InvalidOperationException("second"));
        _scope.AtEnd(() => _done.Add("b"));
        _scope.AtEnd(() => throw new InvalidOperationException("first"));
        _scope.AtEnd(() => _done.Add("c"));

        Assert.Equal("first", Assert.Throws<InvalidOperationException>(_scope.Dispose).Message);
        Assert.Equal(["c", "b", "a"], _done);
    }
}
