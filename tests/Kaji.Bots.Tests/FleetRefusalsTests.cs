using k8s.Models;
using Kaji.Bots.Operator;
using Kaji.Client;

namespace Kaji.Bots.Tests;

/// <summary>What the server refuses a fleet for one bot is told, and not asked again at once.</summary>
public sealed class FleetRefusalsTests
{
    [Fact]
    public async Task RefusedBot_IsTold_AndTriedAgainAfterAWhile_OrWhenTheFleetHasChanged()
    {
        var time = new Clock();
        var refusals = new FleetRefusals(time);
        var asked = 0;
        Task<bool> RefuseAsync(string bot, int code = 422) => refusals.TryAsync(bot, () => ++asked > 0 ? throw new ApiException(new V1Status { Code = code, Message = "no" }) : Task.CompletedTask);

        refusals.Begin(1);
        Assert.Null(refusals.Due);
        Assert.False(await RefuseAsync("b"));
        Assert.False(await RefuseAsync("a", 403));
        Assert.True(await refusals.TryAsync("c", () => Task.CompletedTask));
        Assert.Equal("bot a: no; bot b: no", refusals.Message);

        time.Seconds = 9;
        refusals.Begin(1);
        Assert.False(await RefuseAsync("a"));
        Assert.Equal((2, "bot a: no; bot b: no"), (asked, refusals.Message));
        Assert.InRange(refusals.Due!.Value.TotalSeconds, 1, 1.1);

        time.Seconds = 10;
        refusals.Begin(1);
        Assert.Null(refusals.Message);
        await RefuseAsync("a");
        refusals.Begin(2);
        Assert.Empty(refusals.Bots);
    }

    [Fact]
    public async Task WhatIsNoRefusal_IsTheCallersToSee()
    {
        var refusals = new FleetRefusals(TimeProvider.System);

        await Assert.ThrowsAsync<ApiException>(() => refusals.TryAsync("a", () => throw new ApiException(new V1Status { Code = 409, Reason = "Conflict" })));
        Assert.Null(refusals.Message);
    }

    private sealed class Clock : TimeProvider
    {
        public int Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
