using k8s.Models;

namespace Kaji.Node.Pods;

/// <summary>
/// A seam for those who decide whether and how long a Pod's containers may run (the bots' fence): composed into the agent, asked for each Pod, told what happens to it.
/// </summary>
public interface IPodWarden
{
    /// <summary>Takes charge of a Pod that has come to this node or that an agent before this one left; null when the Pod is none of its business.</summary>
    /// <param name="running">Whether containers of it run already.</param>
    IPodWard? Take(V1Pod pod, IPodHandle handle, bool running);
}

/// <summary>The charge of one Pod. Disposed when the agent ends; the containers then go on.</summary>
public interface IPodWard : IDisposable
{
    /// <summary>Returns when the containers may start.</summary>
    /// <exception cref="PodBarredException">They never may.</exception>
    Task MayStartAsync(CancellationToken cancellationToken);

    /// <summary>A container was started.</summary>
    void Started(string container);

    /// <summary>A container of the Pod's main ones has ended, or could not be started, and will not be started again; or an init container has failed, so that no main one ever will.</summary>
    /// <param name="exitCode">As the Pod's status has it.</param>
    void Ended(string container, int? exitCode, DateTimeOffset at);

    /// <summary>The Pod's object has changed.</summary>
    void Changed(V1Pod pod);

    /// <summary>The Pod is to end: what has to be done before its containers get SIGTERM. Returns within the grace.</summary>
    Task StopAsync(string why, TimeSpan grace, CancellationToken cancellationToken);

    /// <summary>Nothing of the Pod runs any more and nothing will. Returns when whoever has to know has been told.</summary>
    Task FinishAsync(CancellationToken cancellationToken);
}

/// <summary>What a warden can do with a Pod.</summary>
public interface IPodHandle
{
    V1Pod Pod { get; }

    /// <summary>The Pod's address; null before it has one.</summary>
    string? Address { get; }

    /// <summary>Kills all its processes; returns when none is left. Containers that are made but not started are removed.</summary>
    Task KillAsync(CancellationToken cancellationToken);

    /// <summary>Ends its main containers with SIGTERM, after the grace with SIGKILL.</summary>
    /// <returns>Whether all ended by themselves.</returns>
    Task<bool> TerminateAsync(TimeSpan grace, CancellationToken cancellationToken);

    /// <summary>Runs a command in a container.</summary>
    Task<(int ExitCode, string Output)> ExecAsync(string container, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Where this process reaches a file of a running container; null when it does not run.</summary>
    string? PathOf(string container, string path);
}

/// <summary>The Pod's containers must not start any more.</summary>
public sealed class PodBarredException(string why) : Exception(why);
