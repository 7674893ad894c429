using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Admission.PodSecurity;

internal enum PodSecurityLevel
{
    Privileged,
    Baseline,
    Restricted,
}

/// <summary>A level at a version, as a namespace's labels name it: <c>restricted:latest</c>.</summary>
internal sealed record PodSecurityPolicy(PodSecurityLevel Level, string Version, int Minor)
{
    private const string Prefix = "pod-security.kubernetes.io/";
    private const string Latest = "latest";

    /// <summary>enforce, audit or warn of a namespace. A label that can't be read counts as the strictest for enforce, and as nothing otherwise.</summary>
    public static PodSecurityPolicy Of(JsonObject? labels, string mode)
    {
        var level = labels.Str(Prefix + mode) switch
        {
            "" or "privileged" => PodSecurityLevel.Privileged,
            "baseline" => PodSecurityLevel.Baseline,
            "restricted" => PodSecurityLevel.Restricted,
            _ => mode == "enforce" ? PodSecurityLevel.Restricted : PodSecurityLevel.Privileged,
        };
        var version = labels.Str($"{Prefix}{mode}-version");
        return TryMinor(version, out var minor) ? new(level, version.Length == 0 ? Latest : version, minor) : new(level, Latest, int.MaxValue - 1);
    }

    /// <summary>What is wrong with a namespace's labels.</summary>
    public static void Validate(JsonObject? labels, ICollection<FieldError> errors)
    {
        foreach (var mode in (ReadOnlySpan<string>)["enforce", "audit", "warn"])
        {
            if (labels?[Prefix + mode] is { } level && level.Text() is not ("privileged" or "baseline" or "restricted"))
            {
                errors.Invalid($"metadata.labels[{Prefix}{mode}]", level.Text(), "must be one of privileged, baseline, restricted");
            }

            if (labels?[$"{Prefix}{mode}-version"] is { } version && (version.Text().Length == 0 || !TryMinor(version.Text(), out _)))
            {
                errors.Invalid($"metadata.labels[{Prefix}{mode}-version]", version.Text(), "must be \"latest\" or \"v1.x\"");
            }
        }
    }

    public override string ToString() => $"{Level.ToString().ToLowerInvariant()}:{Version}";

    private static bool TryMinor(string version, out int minor)
    {
        minor = int.MaxValue - 1;
        return version is "" or Latest || (version.StartsWith("v1.", StringComparison.Ordinal) && int.TryParse(version.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out minor));
    }
}
