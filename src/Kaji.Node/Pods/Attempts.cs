using System.Globalization;
using Kaji.Engine;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Pods;

/// <summary>Keeps of each container the newest attempt and the one before (for <c>logs --previous</c>); older ones go, with their logs.</summary>
internal static partial class Attempts
{
    public static async Task KeepTwoAsync(PodServices services, StartRequest newest, ILogger log, CancellationToken cancellationToken)
    {
        if (newest.Attempt < 2)
        {
            return;
        }

        var pod = newest.Pod.Metadata;
        try
        {
            var old = services.Runtime.ListContainers()
                .Where(c => c.SandboxId == newest.Sandbox.Id && c.Name == newest.Container.Name && c.Attempt < newest.Attempt - 1 && c.State == ContainerState.Exited).ToArray();
            foreach (var container in old)
            {
                await services.Runtime.RemoveContainerAsync(container.Id, cancellationToken);
            }

            foreach (var file in Directory.EnumerateFiles(ContainerStarter.LogDirectory(services.Options, newest.Pod, newest.Container.Name)).Where(f => AttemptOf(f) < newest.Attempt - 1).ToArray())
            {
                File.Delete(file);
            }
        }
        catch (Exception e) when (e is EngineException or IOException)
        {
            NotRemoved(log, e, pod.NamespaceProperty, pod.Name);
        }
    }

    /// <summary>Of <c>12.log</c>, <c>12.log.20261123-120000</c>; what is not named so is no attempt of ours.</summary>
    internal static int AttemptOf(string file) =>
        int.TryParse(Path.GetFileName(file).Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var attempt) ? attempt : int.MaxValue;

    [LoggerMessage(1, LogLevel.Warning, "pod {namespace}/{pod}: an ended container could not be removed")]
    private static partial void NotRemoved(ILogger log, Exception e, string @namespace, string pod);
}
