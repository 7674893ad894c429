using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Client;

namespace Kaji.Bots.Warden;

/// <content>What takes time: the Lease is renewed, read, released; the bot is killed. Each posts its outcome back to the loop.</content>
public sealed partial class BotWarden
{
    private async Task RenewAsync()
    {
        try
        {
            await _reader.ReadAsync(_end.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException || !_end.IsCancellationRequested)
        {
            // Whatever a bot answers. Its age grows, which says it to the operator; the Lease does not wait for that.
            Unreadable(_ns, _pod, e.Message);
        }

        var sent = _services.Clock();
        await WriteAsync(LeaseRecord.Renewed(_lease!, JsonSerializer.Serialize(Report, BotJson.Default.BotReport), _services.Time.GetUtcNow().UtcDateTime), async lease =>
        {
            await _guard.SetAsync(sent + _timing.Lease - _timing.KillMargin, _end.Token);
            Post(() =>
            {
                (_lease, _renewed) = (lease, true);
                _state!.Renewed(lease.Metadata.ResourceVersion, sent);
                if (_state.MayAct(_services.Clock()) && !_resting)
                {
                    Open();
                    if (_telling is { } told && !_stop.Running)
                    {
                        _telling = null;
                        _ = ReactivateAsync(told);
                    }
                }
            });
        });
    }

    private Task ReleaseAsync()
    {
        var result = _result ?? new StopResult { Outcome = MayHaveActed ? StopResult.Unclean : StopResult.Clean, Cause = _over ? StopResult.Stop : StopResult.Lost, Why = _state!.Why.Length > 0 ? _state.Why : SilencedWhy };
        result = result with { Epoch = _plan.Epoch, At = result.At ?? _services.Time.GetUtcNow().UtcDateTime, ActedUntil = result.ActedUntil ?? _services.Time.GetUtcNow().UtcDateTime };
        return WriteAsync(LeaseRecord.Released(_lease!, JsonSerializer.Serialize(result, BotJson.Default.StopResult)), lease =>
        {
            Post(() => _state!.ReleaseTaken());
            return Task.CompletedTask;
        });
    }

    private async Task WriteAsync(V1Lease lease, Func<V1Lease, Task> taken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        limit.CancelAfter(_timing.RenewTimeout);
        try
        {
            await taken(await _services.Client.UpdateAsync(Kinds.Lease, lease, cancellationToken: limit.Token));
        }
        catch (ApiException e) when (e.IsConflict)
        {
            Post(() => _state!.Refused(_services.Clock()));
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            Post(() => _state!.Gone(_services.Clock()));
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            Unreachable(_ns, _plan.Lease, e.Message);
            Post(() => _state!.Failed(_services.Clock()));
        }
    }

    private async Task ReadAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        limit.CancelAfter(_timing.RenewTimeout);
        try
        {
            var lease = await _services.Client.FindAsync(Kinds.Lease, _ns, _plan.Lease, limit.Token);
            Post(() =>
            {
                if (lease is null)
                {
                    _state!.Gone(_services.Clock());
                }
                else
                {
                    _lease = lease;
                    _state!.Found(LeaseRecord.Of(lease), _services.Clock());
                }
            });
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            Unreachable(_ns, _plan.Lease, e.Message);
            Post(() => _state!.Failed(_services.Clock()));
        }
    }

    private async Task KillAsync()
    {
        try
        {
            await _holder.KillAsync(_end.Token);
            var at = _services.Time.GetUtcNow().UtcDateTime;
            Post(() =>
            {
                _state!.Died(_services.Clock());
                _result = _result is { ActedUntil: null } result ? result with { ActedUntil = at } : _result;
            });
        }
        catch (Exception e) when (e is not OperationCanceledException || !_end.IsCancellationRequested)
        {
            // The loop tries again; the guard stands behind it.
            NotKilled(e, _ns, _pod);
            await Task.Delay(TimeSpan.FromMilliseconds(50), _services.Time, _end.Token);
            Post(() => { });
        }
    }
}
