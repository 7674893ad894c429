namespace Kaji.Node.Pods;

/// <summary>What is to become of a container that has ended.</summary>
internal enum AfterExit
{
    /// <summary>It has done its work.</summary>
    Done,

    /// <summary>It is started again, after the back-off.</summary>
    Restart,

    /// <summary>It failed and is not started again.</summary>
    Failed,
}

/// <summary>The restart policy and its back-off. Pure.</summary>
internal static class RestartRules
{
    public static AfterExit Decide(string policy, ContainerRole role, int exitCode) => (role, policy, exitCode) switch
    {
        (ContainerRole.Sidecar, _, _) => AfterExit.Restart,
        (ContainerRole.Ephemeral, _, _) => exitCode == 0 ? AfterExit.Done : AfterExit.Failed,
        (ContainerRole.Init, _, 0) => AfterExit.Done,
        (ContainerRole.Init, "Never", _) => AfterExit.Failed,
        (ContainerRole.Init, _, _) => AfterExit.Restart,
        (_, "Always", _) => AfterExit.Restart,
        (_, "OnFailure", not 0) => AfterExit.Restart,
        (_, _, 0) => AfterExit.Done,
        _ => AfterExit.Failed,
    };

    /// <summary>
    /// The delay before the next start and the back-off after that. The first restart is at once; then the delays double; a container that ran long begins anew.
    /// </summary>
    public static (TimeSpan Delay, TimeSpan Next) BackOff(TimeSpan present, TimeSpan ran, NodeOptions options)
    {
        if (present == TimeSpan.Zero || ran >= options.RestartBackOffReset)
        {
            return (TimeSpan.Zero, options.FirstRestartBackOff);
        }

        return (present, TimeSpan.FromTicks(Math.Min(options.MaxRestartBackOff.Ticks, present.Ticks * 2)));
    }
}
