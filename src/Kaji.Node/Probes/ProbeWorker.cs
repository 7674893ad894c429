using k8s.Models;

namespace Kaji.Node.Probes;

/// <summary>The kinds of probes of a container.</summary>
internal enum ProbeKind
{
    Startup,
    Readiness,
    Liveness,
}

/// <summary>
/// Counts a probe's results against its thresholds. Pure: the worker around it has the clock.
/// </summary>
internal sealed class ProbeThresholds(V1Probe probe, bool initially)
{
    private int _run;
    private bool _last;

    /// <summary>The state after the thresholds: what counts.</summary>
    public bool Healthy { get; private set; } = initially;

    /// <summary>Takes in a result; true when the state has changed or a failing state was confirmed again.</summary>
    public bool Take(bool healthy)
    {
        _run = _last == healthy ? _run + 1 : 1;
        _last = healthy;
        var needed = healthy ? Math.Max(1, probe.SuccessThreshold ?? 1) : Math.Max(1, probe.FailureThreshold ?? 3);
        if (_run < needed)
        {
            return false;
        }

        var changed = Healthy != healthy || !healthy;
        Healthy = healthy;
        return changed;
    }
}

/// <summary>Runs one probe of one attempt of a container on its period, until stopped.</summary>
internal sealed class ProbeWorker : IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <param name="initially">What counts before the first result.</param>
    /// <param name="run">Runs the probe once.</param>
    /// <param name="report">Told of each result; whoever is told counts it in <see cref="Thresholds"/>.</param>
    public ProbeWorker(
        ProbeKind kind, V1Probe probe, bool initially, TimeSpan delay, TimeProvider time, Func<CancellationToken, Task<ProbeResult>> run, Action<ProbeWorker, ProbeResult> report)
    {
        Kind = kind;
        Probe = probe;
        Thresholds = new ProbeThresholds(probe, initially);
        _ = LoopAsync(delay, time, run, report);
    }

    public ProbeKind Kind { get; }

    public V1Probe Probe { get; }

    public ProbeThresholds Thresholds { get; }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task LoopAsync(TimeSpan delay, TimeProvider time, Func<CancellationToken, Task<ProbeResult>> run, Action<ProbeWorker, ProbeResult> report)
    {
        var token = _stop.Token;
        try
        {
            await Task.Delay(delay, time, token);
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(Math.Max(1, Probe.PeriodSeconds ?? 10)), time);
            do
            {
                report(this, await run(token));
            }
            while (await timer.WaitForNextTickAsync(token));
        }
        catch (OperationCanceledException)
        {
            // Stopped.
            return;
        }
    }
}
