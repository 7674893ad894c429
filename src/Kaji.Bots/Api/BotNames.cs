namespace Kaji.Bots.Api;

/// <summary>Names by which operator, wardens and people find what belongs to a bot: labels, annotations, environment.</summary>
public static class BotNames
{
    public const string Group = "bots.kaji.dev";
    public const string Version = "v1alpha1";

    /// <summary>Label of a bot's Pods and Lease: the bot's name.</summary>
    public const string BotLabel = Group + "/bot";

    /// <summary>Label of a bot's Pods: the epoch under which it may act, once that is granted.</summary>
    public const string EpochLabel = Group + "/epoch";

    /// <summary>Label of a bot's Pods: which of the bot's revisions it runs.</summary>
    public const string RevisionLabel = Group + "/revision";

    /// <summary>Label of the Bots of a fleet.</summary>
    public const string FleetLabel = Group + "/fleet";

    /// <summary>Label of a Lease: a warden has proven the holder dead.</summary>
    public const string ReleasedLabel = Group + "/released";

    /// <summary>Annotation of a Pod: what its warden has to do (<see cref="Warden.WardenPlan"/>).</summary>
    public const string PlanAnnotation = Group + "/warden";

    /// <summary>Annotation of the acting Pod: the Pod that waits to take over; its warden ends it in order when the bot has agreed.</summary>
    public const string YieldAnnotation = Group + "/yield-to";

    /// <summary>Annotation of a Pod that the operator is about to delete: why, for the record of its stop.</summary>
    public const string WhyAnnotation = Group + "/stop-why";

    /// <summary>Annotation of a Lease: what the holder's warden last saw of it (<see cref="Warden.BotReport"/>).</summary>
    public const string ReportAnnotation = Group + "/report";

    /// <summary>Annotation of a Lease: how the last activation ended (<see cref="StopResult"/>).</summary>
    public const string StopAnnotation = Group + "/last-stop";

    /// <summary>Finalizer of a Bot until its last holder is proven stopped, and of an Account while it is claimed.</summary>
    public const string Finalizer = Group + "/stopped";

    /// <summary>ClusterRole of the operator.</summary>
    public const string OperatorRole = "kaji:bot-operator";

    public const string EpochVariable = "KAJI_EPOCH";

    /// <summary>Name of a bot's Lease; it outlives the Bot, so that no epoch is ever given twice under one name.</summary>
    public static string LeaseOf(string bot) => "bot-" + bot;

    /// <summary>Name of the Pod of an epoch.</summary>
    public static string PodOf(string bot, long epoch) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bot}-{epoch}");
}
