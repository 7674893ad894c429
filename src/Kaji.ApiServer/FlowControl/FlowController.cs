using System.Globalization;
using System.Text;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;
using Kaji.Store;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.FlowControl;

/// <summary>
/// API priority and fairness: each request belongs to a flow of a priority level; levels share the server's seats, lend what they don't use, and let the rest wait or refuse them with 429. So one client that
/// asks too much does not keep nodes and controllers from being answered. The settings are FlowSchemas and PriorityLevelConfigurations, read anew when they change.
/// </summary>
internal sealed class FlowController
{
    internal const string Schemas = "/registry/flowcontrol.apiserver.k8s.io/flowschemas/";
    internal const string Levels = "/registry/flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/";
    private readonly IRevisionStore _store;
    private readonly TimeProvider _time;
    private readonly int _seats;
    private readonly TimeSpan _patience;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, PriorityLevel> _levels = new(StringComparer.Ordinal);
    private volatile FlowSchema[] _schemas = [];
    private long _checked = -1;
    private (long Schemas, long Levels) _seen = (-1, -1);
    private int _inUse;

    /// <param name="seats">Requests of limited levels under way at once.</param>
    /// <param name="patience">How long a request may wait for a seat.</param>
    public FlowController(IRevisionStore store, int seats, TimeSpan patience, TimeProvider time) => (_store, _seats, _patience, _time) = (store, seats, patience, time);

    /// <summary>Gets a request its seat, at once or after a wait.</summary>
    /// <returns>Null when none is needed.</returns>
    /// <exception cref="ApiErrorException">429: there is none.</exception>
    public ValueTask<Seat?> EnterAsync(HttpContext context, RequestInfo info, UserInfo user)
    {
        Refresh();
        foreach (var schema in _schemas)
        {
            if (!schema.Matches(user, info))
            {
                continue;
            }

            PriorityLevel? level;
            PriorityLevel.Waiting? waiting;
            lock (_gate)
            {
                if (!_levels.TryGetValue(schema.Level, out level))
                {
                    // It dangles: its requests are of the next schema that matches.
                    continue;
                }

                context.Response.Headers["X-Kubernetes-PF-FlowSchema-UID"] = schema.Uid;
                context.Response.Headers["X-Kubernetes-PF-PriorityLevel-UID"] = level.Uid;
                if (level.IsExempt)
                {
                    level.Dispatched++;
                    return default(ValueTask<Seat?>);
                }

                if (level.Queued == 0 && MayRun(level))
                {
                    Take(level);
                    return ValueTask.FromResult<Seat?>(new Seat(this, level));
                }

                waiting = level.Queues ? level.Enqueue(Hash(schema, user, info)) : null;
                if (waiting is null)
                {
                    level.Rejected++;
                    throw Refused();
                }
            }

            return WaitAsync(level, waiting, context.RequestAborted);
        }

        // Without the mandatory objects (a server that is starting) nothing is limited.
        return default(ValueTask<Seat?>);
    }

    /// <summary>What there is of each level, for metrics.</summary>
    public void Write(StringBuilder text)
    {
        lock (_gate)
        {
            foreach (var (metric, kind, value) in (ReadOnlySpan<(string, string, Func<PriorityLevel, long>)>)
            [
                ("apiserver_flowcontrol_nominal_limit_seats", "gauge", l => l.Nominal), ("apiserver_flowcontrol_current_executing_requests", "gauge", l => l.InUse),
                ("apiserver_flowcontrol_current_inqueue_requests", "gauge", l => l.Queued), ("apiserver_flowcontrol_dispatched_requests_total", "counter", l => l.Dispatched),
                ("apiserver_flowcontrol_rejected_requests_total", "counter", l => l.Rejected),
            ])
            {
                text.Append(CultureInfo.InvariantCulture, $"# TYPE {metric} {kind}\n");
                foreach (var level in _levels.Values)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{metric}{{priority_level=\"{level.Name}\"}} {value(level)}\n");
                }
            }
        }
    }

    private static ApiErrorException Refused() => new(ApiErrors.TooManyRequests(1, "Too many requests, please try again later."));

    private async ValueTask<Seat?> WaitAsync(PriorityLevel level, PriorityLevel.Waiting waiting, CancellationToken cancellationToken)
    {
        try
        {
            await waiting.Task.WaitAsync(_patience, _time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            lock (_gate)
            {
                if (!waiting.Task.IsCompleted)
                {
                    waiting.GaveUp = true;
                    level.Rejected++;
                    throw e is TimeoutException ? Refused() : e;
                }
            }

            if (e is OperationCanceledException)
            {
                new Seat(this, level).Dispose();
                throw;
            }
        }

        return new Seat(this, level);
    }

    /// <summary>Whether the level has a seat of its own free, or may take one that others do not need.</summary>
    private bool MayRun(PriorityLevel level)
    {
        if (level.InUse < level.Nominal && _inUse < _seats)
        {
            return true;
        }

        if (level.InUse >= level.Limit)
        {
            return false;
        }

        var kept = 0;
        foreach (var other in _levels.Values)
        {
            if (!ReferenceEquals(other, level) && !other.IsExempt)
            {
                kept += other.Guaranteed;
            }
        }

        return level.InUse + kept < _seats;
    }

    private void Take(PriorityLevel level)
    {
        level.InUse++;
        level.Dispatched++;
        _inUse++;
    }

    private void Leave(PriorityLevel level)
    {
        lock (_gate)
        {
            level.InUse--;
            _inUse--;
            DispatchLocked(level);
            foreach (var other in _levels.Values)
            {
                DispatchLocked(other);
            }
        }
    }

    private void DispatchLocked(PriorityLevel level)
    {
        while (level.Queued > 0 && MayRun(level) && level.Dequeue() is { } next)
        {
            Take(level);
            next.SetResult();
        }
    }

    /// <summary>FNV-1a: what the hand of a flow is dealt by.</summary>
    private static ulong Hash(FlowSchema schema, UserInfo user, RequestInfo info)
    {
        var hash = 14695981039346656037UL;
        foreach (var text in (ReadOnlySpan<string>)[schema.Name, "/", schema.FlowOf(user, info)])
        {
            foreach (var letter in text)
            {
                hash = (hash ^ letter) * 1099511628211UL;
            }
        }

        return hash;
    }

    private void Refresh()
    {
        var revision = _store.Revision;
        if (Volatile.Read(ref _checked) == revision)
        {
            return;
        }

        var now = (_store.LastChange(Schemas), _store.LastChange(Levels));
        if (now != _seen)
        {
            lock (_gate)
            {
                var levels = _store.Range(Levels).Entries.Select(e => ObjectCodec.Stored(e.Value)).ToDictionary(o => o.Obj("metadata").Str("name"), StringComparer.Ordinal);
                foreach (var gone in _levels.Keys.Where(n => !levels.ContainsKey(n) && _levels[n] is { InUse: 0, Queued: 0 }).ToArray())
                {
                    _levels.Remove(gone);
                }

                foreach (var (name, obj) in levels)
                {
                    (_levels.TryGetValue(name, out var known) ? known : _levels[name] = new PriorityLevel(name)).Configure(obj);
                }

                var shares = Math.Max(1, _levels.Values.Sum(l => l.Shares));
                foreach (var level in _levels.Values)
                {
                    level.Nominal = (int)Math.Ceiling((double)_seats * level.Shares / shares);
                }

                _schemas = [.. _store.Range(Schemas).Entries.Select(e => new FlowSchema(ObjectCodec.Stored(e.Value))).OrderBy(s => s.Precedence).ThenBy(s => s.Name, StringComparer.Ordinal)];
                _seen = now;
            }
        }

        Volatile.Write(ref _checked, revision);
    }

    /// <summary>The right to be answered; given back once.</summary>
    internal sealed class Seat(FlowController controller, PriorityLevel level) : IDisposable
    {
        private int _left;

        public Task LeaveAsync()
        {
            Dispose();
            return Task.CompletedTask;
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                controller.Leave(level);
            }
        }
    }
}
