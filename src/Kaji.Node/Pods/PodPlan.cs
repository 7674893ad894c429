using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>A container as the plan sees it.</summary>
internal sealed record ContainerView(string Name, ContainerRole Role)
{
    /// <summary>Null before the first attempt, and when it was lost.</summary>
    public ContainerState? State { get; init; }

    /// <summary>Of an ended or lost one; null when there is none.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Startup probe and postStart hook have passed.</summary>
    public bool Started { get; init; }

    /// <summary>The spec names another image than the one that runs.</summary>
    public bool Changed { get; init; }

    public KilledBy Killed { get; init; }

    public Operation Operation { get; init; }

    public DateTimeOffset NotBefore { get; init; }
}

/// <summary>A Pod as the plan sees it.</summary>
internal sealed record PodView
{
    public required DateTimeOffset Now { get; init; }

    public string RestartPolicy { get; init; } = "Always";

    public bool HasSandbox { get; init; }

    /// <summary>The Pod as a whole has failed (deadline, no admission): everything is stopped.</summary>
    public bool Failed { get; init; }

    public required IReadOnlyList<ContainerView> Containers { get; init; }
}

internal enum StepKind
{
    MakeSandbox,
    Start,
    Stop,
}

/// <summary>One thing to do; all but the sandbox concern a container.</summary>
internal sealed record PodStep(StepKind Kind, string? Container = null);

/// <summary>What to do now with a Pod that is to run.</summary>
/// <param name="Due">When to plan again at the latest.</param>
/// <param name="Outcome">Succeeded or Failed when nothing of it runs or will run again; else null.</param>
internal sealed record PodPlan(IReadOnlyList<PodStep> Steps, DateTimeOffset Due, string? Outcome)
{
    /// <summary>
    /// Pure: from what is observed to the next steps. Init containers and sidecars come first, one after the other; then the containers, each started when the one before
    /// it has been started; when all of them have ended for good the sidecars are stopped and the Pod has its outcome.
    /// </summary>
    public static PodPlan Of(PodView pod)
    {
        if (pod.Failed)
        {
            return End(pod, "Failed");
        }

        var apps = pod.Containers.Where(c => c.Role == ContainerRole.App).ToArray();
        if (apps.All(a => Ended(pod, a) is AfterExit.Done or AfterExit.Failed))
        {
            return End(pod, apps.All(a => a.ExitCode == 0) ? "Succeeded" : "Failed");
        }

        if (pod.Containers.Any(c => c.Role == ContainerRole.Init && Ended(pod, c) == AfterExit.Failed))
        {
            return End(pod, "Failed");
        }

        if (!pod.HasSandbox)
        {
            return new PodPlan([new PodStep(StepKind.MakeSandbox)], DateTimeOffset.MaxValue, null);
        }

        var walk = new Walk(pod);

        // Once a container has been made, initialization is over: a sidecar that ends then holds up nobody.
        var initialized = apps.Any(a => a.State is not null);
        if (!walk.Initialize(initialized))
        {
            return walk.Result;
        }

        foreach (var app in apps)
        {
            if (!walk.Run(app))
            {
                break;
            }
        }

        foreach (var debug in pod.Containers.Where(c => c is { Role: ContainerRole.Ephemeral, State: null, ExitCode: null }))
        {
            walk.Run(debug);
        }

        return walk.Result;
    }

    /// <summary>What becomes of a container that has ended; null while it runs or was never made.</summary>
    public static AfterExit? AfterExitOf(string policy, ContainerView container)
    {
        if (container.State is ContainerState.Running or ContainerState.Created || container.ExitCode is not { } code)
        {
            return null;
        }

        return (container.Killed, container.Role) switch
        {
            (KilledBy.Change, not ContainerRole.Ephemeral) => AfterExit.Restart,
            (KilledBy.Probe or KilledBy.Hook, ContainerRole.App or ContainerRole.Init) when policy != "Never" => AfterExit.Restart,
            _ => RestartRules.Decide(policy, container.Role, code),
        };
    }

    private static AfterExit? Ended(PodView pod, ContainerView container) => AfterExitOf(pod.RestartPolicy, container);

    private static PodPlan End(PodView pod, string outcome)
    {
        var running = pod.Containers.Where(c => c.State == ContainerState.Running || c.Operation != Operation.None).ToArray();
        var stops = running.Where(c => c.Operation == Operation.None).Select(c => new PodStep(StepKind.Stop, c.Name)).ToArray();
        return new PodPlan(stops, DateTimeOffset.MaxValue, running.Length == 0 ? outcome : null);
    }

    /// <summary>Collects the steps of the containers in order.</summary>
    private sealed class Walk(PodView pod)
    {
        private readonly List<PodStep> _steps = [];
        private DateTimeOffset _due = DateTimeOffset.MaxValue;

        public PodPlan Result => new(_steps, _due, null);

        /// <returns>Whether the containers may run.</returns>
        public bool Initialize(bool initialized)
        {
            foreach (var container in pod.Containers.Where(c => c.Role is ContainerRole.Init or ContainerRole.Sidecar))
            {
                if (container.Role == ContainerRole.Init)
                {
                    if (!initialized && container is not { State: null or ContainerState.Exited, ExitCode: 0, Killed: KilledBy.Nobody, Operation: Operation.None })
                    {
                        Run(container);
                        return false;
                    }

                    continue;
                }

                Run(container);
                if (!initialized && container is not { State: ContainerState.Running, Started: true })
                {
                    return false;
                }
            }

            return true;
        }

        /// <returns>Whether the one after it may be started.</returns>
        public bool Run(ContainerView container)
        {
            if (container.Operation != Operation.None)
            {
                return container.Operation == Operation.Stopping;
            }

            switch (container.State)
            {
                case ContainerState.Running:
                    if (container.Changed)
                    {
                        _steps.Add(new PodStep(StepKind.Stop, container.Name));
                    }

                    return true;
                case var _ when Ended(pod, container) is AfterExit.Done or AfterExit.Failed:
                    return true;
            }

            if (pod.Now < container.NotBefore)
            {
                _due = _due < container.NotBefore ? _due : container.NotBefore;
                return true;
            }

            _steps.Add(new PodStep(StepKind.Start, container.Name));
            return false;
        }
    }
}
