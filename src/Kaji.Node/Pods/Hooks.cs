using System.Text;
using k8s.Models;

namespace Kaji.Node.Pods;

/// <summary>A container's lifecycle hooks: exec, httpGet, sleep.</summary>
internal static class Hooks
{
    /// <returns>Null when it went well, else why not.</returns>
    public static async Task<string?> RunAsync(PodServices services, V1LifecycleHandler hook, V1Container container, string containerId, string address, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(limit, services.Time);
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            if (hook.Exec is { } exec)
            {
                var result = await services.Runtime.ExecAsync(containerId, [.. exec.Command], limit, bounded.Token);
                return result.TimedOut ? $"timed out after {limit.TotalSeconds:0}s" : result.ExitCode == 0 ? null : $"command '{string.Join(' ', exec.Command)}' exited with {result.ExitCode}: {Encoding.UTF8.GetString(result.Output).Trim()}";
            }

            if (hook.HttpGet is { } http)
            {
                var result = await services.Prober.HttpAsync(http, container, address, bounded.Token);
                return result.Healthy ? null : result.Message;
            }

            if (hook.Sleep is { } sleep)
            {
                await Task.Delay(TimeSpan.FromSeconds(sleep.Seconds), services.Time, bounded.Token);
            }

            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"timed out after {limit.TotalSeconds:0}s";
        }
        catch (Exception e) when (e is Engine.EngineException or HttpRequestException or IOException or FormatException)
        {
            return e.Message;
        }
    }
}
