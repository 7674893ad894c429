using System.Text.Json;
using Fleet.Http;

namespace Fleet.Executor;

/// <summary>
/// What the bot layer tells an executor, over HTTP: reconcile before it acts, activate, stop (and what becomes of its orders), how many are open. And the faults that
/// demonstrations and tests give it.
/// </summary>
internal sealed class ExecutorHooks(ExecutorOptions options, TimeProvider time, Func<CancellationToken, Task<int>> cancelAll, Func<CancellationToken, Task> flatten, Func<CancellationToken, Task<int>> countOpen)
{
    private volatile bool _acting = !options.Hooks;
    private volatile bool _hangs;
    private volatile bool _lies;
    private long _actingSince = time.GetTimestamp();

    /// <summary>Held by whoever sends orders: a hook that brings it to rest waits for the order on its way.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    public bool Acting => _acting;

    public bool Frozen { get; private set; }

    /// <summary>How long it has been acting; null while it doesn't.</summary>
    public TimeSpan? ActingFor => _acting ? time.GetElapsedTime(_actingSince) : null;

    /// <summary>The answer, or null for a path that is not a hook's.</summary>
    public HttpAnswer? Handle(HttpRequest request)
    {
        switch (request.Path)
        {
            case "/hooks/reconcile" or "/hooks/activate" or "/hooks/stop" or "/hooks/open-orders":
                return HttpAnswer.Later(token => AnswerAsync(request, token));
            case "/admin/freeze-feed":
                Frozen = true;
                return HttpAnswer.Text("its feed is deaf now\n");
            case "/admin/thaw-feed":
                Frozen = false;
                return HttpAnswer.Text("its feed hears again\n");
            case "/admin/hang-hooks":
                _hangs = request.Value("on") != "false";
                return HttpAnswer.Text("ok\n");
            case "/admin/lie":
                _lies = request.Value("on") != "false";
                return HttpAnswer.Text("ok\n");
            case "/admin/crash":
                Environment.Exit(3);
                return HttpAnswer.Text("");
            default:
                return null;
        }
    }

    private async Task<HttpAnswer> AnswerAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (_hangs)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
        }

        try
        {
            var (epoch, orders) = Read(request.Body);
            switch (request.Path)
            {
                case "/hooks/open-orders":
                    return Open(await countOpen(cancellationToken));
                case "/hooks/activate" when epoch is not null && options.Epoch is { } own && epoch != own:
                    return HttpAnswer.Error(409, $"this is epoch {own}, not {epoch}");
                case "/hooks/activate":
                    if (!_acting)
                    {
                        _actingSince = time.GetTimestamp();
                        _acting = true;
                        Log.Line(time, $"epoch {options.Epoch} acts");
                    }

                    return Open(0);
                case "/hooks/stop" when _lies:
                    return Open(0);
            }

            var stop = request.Path == "/hooks/stop";
            if (stop)
            {
                _acting = false;
            }

            await Turn.WaitAsync(cancellationToken);
            try
            {
                return await (stop ? RestAsync(orders, cancellationToken) : ReconcileAsync(cancellationToken));
            }
            finally
            {
                Turn.Release();
            }
        }
        catch (Exception e) when (e is IOException or ExchangeRefusedException or JsonException)
        {
            return HttpAnswer.Error(503, e.Message);
        }
    }

    /// <summary>What an earlier epoch left open is canceled before this one acts.</summary>
    private async Task<HttpAnswer> ReconcileAsync(CancellationToken cancellationToken)
    {
        var left = await cancelAll(cancellationToken);
        if (left > 0)
        {
            Log.Line(time, $"{left} orders of an earlier epoch canceled");
        }

        return Open(0);
    }

    private async Task<HttpAnswer> RestAsync(string? orders, CancellationToken cancellationToken)
    {
        switch (orders)
        {
            case "Keep":
                break;
            case "Flatten":
                await flatten(cancellationToken);
                break;
            default:
                await cancelAll(cancellationToken);
                break;
        }

        var open = await countOpen(cancellationToken);
        Log.Line(time, $"at rest, {open} orders open");
        return Open(open);
    }

    private static (string? Epoch, string? Orders) Read(byte[] body)
    {
        if (body.Length == 0)
        {
            return (null, null);
        }

        using var json = JsonDocument.Parse(body);
        return (json.RootElement.TryGetProperty("epoch", out var epoch) ? epoch.ToString() : null, json.RootElement.TryGetProperty("orders", out var orders) ? orders.GetString() : null);
    }

    private static HttpAnswer Open(int count) => HttpAnswer.Json($"{{\"openOrders\":{count}}}");
}
