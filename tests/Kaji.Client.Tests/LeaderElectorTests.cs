using k8s.Models;
using Kaji.Client.LeaderElection;
using Kaji.Controllers.Tests;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.Client.Tests;

public sealed class LeaderElectorTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly CancellationTokenSource _end = new();
    private TestApi _api = null!;

    public async ValueTask InitializeAsync() => _api = await TestApi.StartAsync("test");

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _end.Dispose();
        await _api.DisposeAsync();
    }

    [Fact]
    public async Task OneLeads_TheOtherWaits_AndTakesOverWhenTheLeaseIsGivenBack()
    {
        using var first = new Candidate(this, "first");
        await first.LeadsAsync();
        using var second = new Candidate(this, "second");
        await AdvanceAsync(TimeSpan.FromSeconds(60));
        Assert.False(second.Leads);
        Assert.Equal("first", (await LeaseAsync()).Spec.HolderIdentity);

        await first.StopAsync();
        await second.LeadsAsync();
        Assert.Equal(1, (await LeaseAsync()).Spec.LeaseTransitions);
    }

    [Fact]
    public async Task ASilentLeader_IsSucceeded_OnlyAfterItsLeaseHasRunOutBySuccessorsClock()
    {
        await _api.Client.CreateAsync(Kinds.Lease, new V1Lease
        {
            ApiVersion = "coordination.k8s.io/v1", Kind = "Lease", Metadata = new V1ObjectMeta { NamespaceProperty = "test", Name = "lock" },

            // A holder whose clock is years off: nobody may trust the times it wrote.
            Spec = new V1LeaseSpec { HolderIdentity = "gone", LeaseDurationSeconds = 15, RenewTime = new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc), LeaseTransitions = 4 },
        });
        using var second = new Candidate(this, "second");
        await AdvanceAsync(TimeSpan.FromSeconds(12));
        Assert.False(second.Leads);
        await AdvanceAsync(TimeSpan.FromSeconds(6));
        await second.LeadsAsync();
        Assert.Equal(5, (await LeaseAsync()).Spec.LeaseTransitions);
    }

    [Fact]
    public async Task ALeaderWhoseLeaseWasTaken_StopsByItsDeadline()
    {
        using var first = new Candidate(this, "first");
        await first.LeadsAsync();
        var lease = await LeaseAsync();
        lease.Spec.HolderIdentity = "thief";
        lease.Spec.LeaseDurationSeconds = 1000;
        await TestApi.UntilAsync(
            async () =>
            {
                try
                {
                    await _api.Client.UpdateAsync(Kinds.Lease, lease);
                    return true;
                }
                catch (ApiException e) when (e.IsConflict)
                {
                    lease.Metadata.ResourceVersion = (await LeaseAsync()).Metadata.ResourceVersion;
                    return false;
                }
            },
            "the lease could not be stolen");
        await AdvanceAsync(TimeSpan.FromSeconds(14));
        await TestApi.UntilAsync(() => Task.FromResult(!first.Leads), "it still leads");
        Assert.Equal("thief", (await LeaseAsync()).Spec.HolderIdentity);
    }

    [Fact]
    public void ALeaseThatWouldOverlap_IsRefused() => Assert.Throws<ArgumentException>(() => new LeaderElector(
        _api.Client, new LeaderElectionOptions { Namespace = "test", Name = "lock", Identity = "x", LeaseDuration = TimeSpan.FromSeconds(5) }, _time, NullLogger.Instance));

    private Task<V1Lease> LeaseAsync() => _api.Client.GetAsync(Kinds.Lease, "test", "lock");

    /// <summary>Lets time pass in small steps, each followed by what it set going.</summary>
    private async Task AdvanceAsync(TimeSpan span)
    {
        for (var passed = TimeSpan.Zero; passed < span; passed += TimeSpan.FromSeconds(1))
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(5); // poll interval: calls in process take less
        }
    }

    private sealed class Candidate : IDisposable
    {
        private readonly CancellationTokenSource _stop;
        private readonly LeaderElectorTests _test;
        private readonly Task _running;
        private int _leading;

        public Candidate(LeaderElectorTests test, string identity)
        {
            _test = test;
            _stop = CancellationTokenSource.CreateLinkedTokenSource(test._end.Token);
            var elector = new LeaderElector(test._api.Client, new LeaderElectionOptions { Namespace = "test", Name = "lock", Identity = identity }, test._time, NullLogger.Instance);
            _running = Task.Run(() => elector.RunAsync(
                async token =>
                {
                    Interlocked.Increment(ref _leading);
                    await Task.Delay(Timeout.Infinite, token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // poll interval: none, until cancelled
                    Interlocked.Decrement(ref _leading);
                },
                _stop.Token));
        }

        public bool Leads => Volatile.Read(ref _leading) == 1;

        public Task LeadsAsync() => TestApi.UntilAsync(
            async () =>
            {
                await _test.AdvanceAsync(TimeSpan.FromSeconds(1));
                return Leads;
            },
            "it does not come to lead");

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        public void Dispose() => _stop.Dispose();
    }
}
