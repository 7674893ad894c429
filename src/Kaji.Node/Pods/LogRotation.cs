using Kaji.Engine;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Pods;

/// <summary>Keeps the logs of running containers bounded: a file past the limit is renamed with the time, conmon begins a new one, the oldest go.</summary>
internal sealed partial class LogRotation(NodeOptions options, IContainerRuntime runtime, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                foreach (var container in runtime.ListContainers().Where(c => c.State == ContainerState.Running))
                {
                    await RotateAsync(container, cancellationToken);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    internal async Task RotateAsync(ContainerInfo container, CancellationToken cancellationToken)
    {
        try
        {
            var file = new FileInfo(container.LogPath);
            if (!file.Exists || file.Length < options.MaxLogBytes)
            {
                return;
            }

            File.Move(file.FullName, $"{file.FullName}.{time.GetUtcNow().UtcDateTime:yyyyMMdd-HHmmss}", overwrite: true);
            await runtime.ReopenLogAsync(container.Id, cancellationToken);
            foreach (var old in file.Directory!.EnumerateFiles(file.Name + ".*").OrderByDescending(f => f.Name, StringComparer.Ordinal).Skip(options.MaxLogFiles - 1).ToArray())
            {
                old.Delete();
            }
        }
        catch (Exception e) when (e is IOException or EngineException or UnauthorizedAccessException)
        {
            NotRotated(container.LogPath, e.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "log {path} could not be rotated: {why}")]
    private partial void NotRotated(string path, string why);
}
