namespace Kaji.Client;

/// <summary>
/// A part that the executable composes: a controller manager, the scheduler, the node agent, the service proxy, DNS. It runs until cancelled,
/// and reads the world again when started again.
/// </summary>
public interface IComponent
{
    /// <summary>For logs and <c>kaji status</c>, as <c>kube-scheduler</c>.</summary>
    string Name { get; }

    /// <summary>Completes when the part does its work for the first time (informers synced, sockets bound).</summary>
    Task Ready { get; }

    /// <summary>Runs until cancelled. An exception means that it cannot go on.</summary>
    Task RunAsync(CancellationToken cancellationToken);
}
