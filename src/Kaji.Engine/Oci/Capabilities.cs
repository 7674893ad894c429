using Kaji.Linux.Processes;

namespace Kaji.Engine.Oci;

/// <summary>The capabilities a container gets: the usual defaults, what is added, less what is dropped, and never more than we have ourselves.</summary>
internal static class Capabilities
{
    private static readonly string[] Default =
    [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ];

    public static IReadOnlyList<string> For(SecurityOptions security, IReadOnlyList<string> bounding)
    {
        if (security.Privileged)
        {
            return bounding;
        }

        var add = security.AddCapabilities.Select(Plain).ToList();
        var drop = security.DropCapabilities.Select(Plain).ToList();
        foreach (var name in add.Concat(drop).Where(n => n != "ALL" && !ProcessFacts.IsCapability(n)))
        {
            throw new EngineException(EngineFault.Invalid, $"unknown capability \"{name}\"");
        }

        var chosen = drop.Contains("ALL") ? [] : Default.ToHashSet(StringComparer.Ordinal);
        chosen.UnionWith(add.Contains("ALL") ? bounding : add);
        chosen.ExceptWith(drop);
        return [.. bounding.Where(chosen.Contains)];
    }

    private static string Plain(string name) => name.ToUpperInvariant() is var upper && upper.StartsWith("CAP_", StringComparison.Ordinal) ? upper[4..] : upper;
}
