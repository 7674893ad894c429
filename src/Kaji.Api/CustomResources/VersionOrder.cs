using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaji.Api.CustomResources;

/// <summary>
/// The order of preference among versions: v10, v2, v1, v11beta2, v3beta1, v12alpha1, then others by name.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority
/// </summary>
public sealed partial class VersionOrder : IComparer<string>
{
    public static VersionOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        var (a, b) = (Rank(x ?? ""), Rank(y ?? ""));
        var order = b.Stability.CompareTo(a.Stability);
        order = order != 0 ? order : b.Major.CompareTo(a.Major);
        order = order != 0 ? order : b.Minor.CompareTo(a.Minor);
        return order != 0 ? order : string.CompareOrdinal(x, y);
    }

    private static (int Stability, long Major, long Minor) Rank(string version)
    {
        if (Known().Match(version) is not { Success: true } match)
        {
            return (0, 0, 0);
        }

        var stability = match.Groups[2].Value switch { "" => 3, "beta" => 2, _ => 1 };
        return (stability, Number(match.Groups[1].Value), Number(match.Groups[3].Value));
    }

    private static long Number(string text) => text.Length == 0 ? 0 : long.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^v([0-9]{1,9})(?:(alpha|beta)([0-9]{1,9}))?$")]
    private static partial Regex Known();
}
