using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Kaji.Client.LeaderElection;

/// <summary>
/// One leader among several candidates, by a Lease: whoever holds it renews it, others take it when they have seen no renewal for its duration. Times in the Lease are never
/// compared with this machine's clock: each candidate measures from when it saw the Lease change. It does not fence: a leader that is frozen past its lease may go on for a
/// moment when it wakes (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection); what must never overlap needs more than this.
/// </summary>
public sealed partial class LeaderElector
{
    private readonly IApiClient _client;
    private readonly LeaderElectionOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private V1Lease? _seen;
    private long _seenAt;

    public LeaderElector(IApiClient client, LeaderElectionOptions options, TimeProvider time, ILogger log)
    {
        options.Check();
        (_client, _options, _time, _log) = (client, options, time, log);
    }

    /// <summary>Whether this candidate leads.</summary>
    public bool IsLeader { get; private set; }

    /// <summary>Who was last seen to hold the lease; null when nobody.</summary>
    public string? Leader => _seen?.Spec?.HolderIdentity is { Length: > 0 } holder ? holder : null;

    /// <summary>Waits for the lease, leads, and comes back when the lease is lost or <paramref name="cancellationToken"/> ends it; then the lease is given back, so that a successor need not wait.</summary>
    /// <param name="lead">The work of a leader; its token is cancelled when leadership ends, and it is waited for.</param>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        while (!await TryAcquireOrRenewAsync(cancellationToken))
        {
            await Task.Delay(_options.RetryPeriod, _time, cancellationToken);
        }

        Acquired(_options.Identity, _options.Namespace, _options.Name);
        IsLeader = true;
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var work = lead(leading.Token);
        try
        {
            await RenewAsync(work, leading.Token);
        }
        finally
        {
            IsLeader = false;
            await leading.CancelAsync();
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await ReleaseAsync();
        }

        await work;
    }

    /// <summary>Renews until that has failed for the renew deadline, the work is done, or all is cancelled.</summary>
    private async Task RenewAsync(Task work, CancellationToken cancellationToken)
    {
        var renewed = _time.GetTimestamp();
        while (!work.IsCompleted && !cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAny(work, Task.Delay(_options.RetryPeriod, _time, cancellationToken));
            if (work.IsCompleted || cancellationToken.IsCancellationRequested)
            {
                return;
            }

            // An answer that does not come must not keep a leader leading.
            using var limit = new CancellationTokenSource(Left(renewed), _time);
            using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
            var began = _time.GetTimestamp();
            if (await TryAcquireOrRenewAsync(bounded.Token))
            {
                renewed = began;
            }
            else if (Left(renewed) <= TimeSpan.Zero)
            {
                Lost(_options.Identity, _options.Namespace, _options.Name, Leader ?? "nobody");
                return;
            }
        }
    }

    private TimeSpan Left(long renewed) => _options.RenewDeadline - _time.GetElapsedTime(renewed) is { } left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

    private async Task<bool> TryAcquireOrRenewAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _client.FindAsync(Kinds.Lease, _options.Namespace, _options.Name, cancellationToken) is { } lease ? await TakeAsync(lease, cancellationToken) : await CreateAsync(cancellationToken);
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            NotRenewed(_options.Namespace, _options.Name, e.Message);
            return false;
        }
        catch (OperationCanceledException) when (IsLeader)
        {
            // The deadline for this try; the caller looks at how much is left.
            return false;
        }
    }

    private async Task<bool> CreateAsync(CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        See(await _client.CreateAsync(
            Kinds.Lease,
            new V1Lease
            {
                ApiVersion = "coordination.k8s.io/v1", Kind = "Lease", Metadata = new V1ObjectMeta { NamespaceProperty = _options.Namespace, Name = _options.Name },
                Spec = new V1LeaseSpec { HolderIdentity = _options.Identity, LeaseDurationSeconds = Seconds(_options.LeaseDuration), AcquireTime = now, RenewTime = now, LeaseTransitions = 0 },
            },
            cancellationToken));
        return true;
    }

    private async Task<bool> TakeAsync(V1Lease lease, CancellationToken cancellationToken)
    {
        if (_seen?.Metadata.ResourceVersion != lease.Metadata.ResourceVersion)
        {
            See(lease);
        }

        var mine = lease.Spec?.HolderIdentity == _options.Identity;
        var held = TimeSpan.FromSeconds(lease.Spec?.LeaseDurationSeconds ?? Seconds(_options.LeaseDuration));
        if (!mine && lease.Spec?.HolderIdentity is { Length: > 0 } && _time.GetElapsedTime(_seenAt) < held)
        {
            return false;
        }

        var now = _time.GetUtcNow().UtcDateTime;
        lease.Spec = new V1LeaseSpec
        {
            HolderIdentity = _options.Identity, LeaseDurationSeconds = Seconds(_options.LeaseDuration), RenewTime = now,
            AcquireTime = mine ? lease.Spec!.AcquireTime : now, LeaseTransitions = (lease.Spec?.LeaseTransitions ?? 0) + (mine ? 0 : 1),
        };

        // Compare and swap: of two candidates one gets a conflict.
        See(await _client.UpdateAsync(Kinds.Lease, lease, null, cancellationToken));
        return true;
    }

    private async Task ReleaseAsync()
    {
        if (_seen is not { Spec: { } spec } lease || spec.HolderIdentity != _options.Identity)
        {
            return;
        }

        var now = _time.GetUtcNow().UtcDateTime;
        lease.Spec = new V1LeaseSpec { HolderIdentity = "", LeaseDurationSeconds = 1, RenewTime = now, AcquireTime = now, LeaseTransitions = spec.LeaseTransitions };
        try
        {
            using var limit = new CancellationTokenSource(_options.RetryPeriod, _time);
            See(await _client.UpdateAsync(Kinds.Lease, lease, null, limit.Token));
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            // It runs out by itself.
            NotRenewed(_options.Namespace, _options.Name, e.Message);
        }
    }

    private void See(V1Lease lease) => (_seen, _seenAt) = (lease, _time.GetTimestamp());

    private static int Seconds(TimeSpan span) => (int)Math.Max(1, Math.Ceiling(span.TotalSeconds));

    [LoggerMessage(1, LogLevel.Information, "{identity} leads by lease {namespace}/{name}")]
    private partial void Acquired(string identity, string @namespace, string name);

    [LoggerMessage(2, LogLevel.Warning, "{identity} no longer leads by lease {namespace}/{name}: it is held by {leader}")]
    private partial void Lost(string identity, string @namespace, string name, string leader);

    [LoggerMessage(3, LogLevel.Debug, "lease {namespace}/{name} not taken: {why}")]
    private partial void NotRenewed(string @namespace, string name, string why);
}
