using System.Globalization;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Operator;

/// <summary>A Pod of a bot as the plan sees it.</summary>
public sealed record BotPod(string Name, long Epoch, string Revision)
{
    /// <summary>Runs warm, without acting, until its epoch is granted.</summary>
    public bool Standby { get; init; }

    public bool Ready { get; init; }

    /// <summary>None of its containers runs or will run.</summary>
    public bool Ended { get; init; }

    public bool Deleting { get; init; }

    public string? Node { get; init; }

    public DateTimeOffset Created { get; init; }

    /// <summary>Waits without anything of it having run: for a node, or its node (which is alive) for the warden's image. Nobody can have acted.</summary>
    public bool NotBegun { get; init; }

    /// <summary>Its node is not known to be alive: nobody there can say what has become of it.</summary>
    public bool NodeIsLost { get; init; }

    /// <summary>Why it is not ready, in words.</summary>
    public string? Trouble { get; init; }

    /// <summary>The Pod that it was asked to make room for.</summary>
    public string? YieldTo { get; init; }

    /// <param name="nodeIsReady">Whether a node is known to be alive.</param>
    public static BotPod Of(V1Pod pod, Func<string, bool> nodeIsReady)
    {
        var labels = pod.Metadata.Labels ?? new Dictionary<string, string>();
        V1ContainerStatus[] containers = [.. pod.Status?.ContainerStatuses ?? [], .. pod.Status?.InitContainerStatuses ?? []];
        var plan = WardenPlan.TryOf(pod);
        var waiting = containers.FirstOrDefault(c => c.State?.Waiting is { Reason: not ("ContainerCreating" or "PodInitializing") })?.State.Waiting;
        var scheduled = pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "PodScheduled" && c.Status == "False");
        return new BotPod(pod.Metadata.Name, long.TryParse(labels.TryGetValue(BotNames.EpochLabel, out var epoch) ? epoch : "", NumberStyles.None, CultureInfo.InvariantCulture, out var e) ? e : 0, labels.TryGetValue(BotNames.RevisionLabel, out var revision) ? revision : "")
        {
            Standby = plan?.Standby == true,
            NotBegun = pod.Metadata.DeletionTimestamp is null && (pod.Spec?.NodeName is not { Length: > 0 } node || (plan?.Sidecar == true && containers.All(c => c.State?.Waiting is not null && c.LastState?.Terminated is null) && nodeIsReady(node))),
            Ready = pod.Status?.Conditions?.Any(c => c.Type == "Ready" && c.Status == "True") == true,
            NodeIsLost = pod.Spec?.NodeName is { Length: > 0 } its && !nodeIsReady(its),
            Ended = pod.Status?.Phase is "Succeeded" or "Failed",
            Deleting = pod.Metadata.DeletionTimestamp is not null,
            Node = pod.Spec?.NodeName,
            Created = pod.Metadata.CreationTimestamp is { } at ? new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) : default,
            Trouble = waiting is not null ? $"{waiting.Reason}: {waiting.Message}" : scheduled is not null ? $"no node takes it: {scheduled.Message}" : pod.Status?.Phase == "Failed" ? pod.Status.Message ?? pod.Status.Reason : null,
            YieldTo = pod.Metadata.Annotations?.TryGetValue(BotNames.YieldAnnotation, out var to) == true ? to : null,
        };
    }
}

/// <summary>A bot and everything that matters to it, at one moment.</summary>
public sealed record BotView
{
    public required Bot Bot { get; init; }

    public required DateTimeOffset Now { get; init; }

    public required IReadOnlyList<BotPod> Pods { get; init; }

    /// <summary>Null before the bot's Lease was made.</summary>
    public FenceRecord? Lease { get; init; }

    /// <summary>How long the next epoch may not be granted yet; null when the Lease was not seen yet.</summary>
    public TimeSpan? GrantIn { get; init; }

    /// <summary>What the holder's warden last reported.</summary>
    public BotReport? Report { get; init; }

    /// <summary>How the last activation ended, from the Lease.</summary>
    public StopResult? LastStop { get; init; }

    /// <summary>Hash of the bot's spec as it is.</summary>
    public required string Revision { get; init; }

    /// <summary>Why it must not run now, with the phase that says so; null when it should run.</summary>
    public (string Phase, string Reason, string Message)? Idle { get; init; }

    /// <summary>What is wrong with the acting epoch's figures; null when nothing is.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>Whether it is deaf (null: can't be told) and why; null when it is not watched for that.</summary>
    public (bool? Deaf, string Why)? Freshness { get; init; }

    /// <summary>Whether the age of the data is due to be written into the status again.</summary>
    public bool SayAge { get; init; }

    /// <summary>How long the acting epoch has been seen to act, by this process's own clock; null when none does.</summary>
    public TimeSpan? ActingFor { get; init; }

    /// <summary>Why the spec as it is can't become a Pod; null when that is not known.</summary>
    public string? TemplateFault { get; init; }

    /// <summary>Markets that it holds on its account.</summary>
    public IList<string>? Claim { get; init; }

    /// <summary>
    /// Whether nothing of it can act: the epoch is released (or its time is over), and no Pod is left but those that are fenced, or that wait on a dead node for an epoch that will not come.
    /// </summary>
    public bool AtRest => Lease is { } lease ? (lease.Released || lease.Epoch == 0) && Pods.All(p => p.Ended || p.Epoch <= lease.Epoch || (p.Deleting && p.NodeIsLost)) : Pods.All(p => p.Ended);

    /// <summary>Epochs up to this one are to be replaced although nothing has changed (a deaf feed).</summary>
    public long ReplaceThrough { get; init; }
}
