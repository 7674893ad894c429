using System.Globalization;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>semver('1.2.3-rc.1') and its order.</summary>
internal static class SemverFunctions
{
    public static CelType Semver { get; } = Named("kubernetes.Semver");

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("semver", "string_to_semver", [Text], Semver, a => Make((string)a[0]!, normalize: false), CallCosts.Walk(sized: false)),
        Global("semver", "string_bool_to_semver", [Text, Bool], Semver, a => Make((string)a[0]!, (bool)a[1]!), CallCosts.Walk(sized: false)),
        Global("isSemver", "is_semver_string", [Text], Bool, a => SemverValue.Parse((string)a[0]!, normalize: false) is not null, CallCosts.Walk(sized: false)),
        Global("isSemver", "is_semver_string_bool", [Text, Bool], Bool, a => SemverValue.Parse((string)a[0]!, (bool)a[1]!) is not null, CallCosts.Walk(sized: false)),
        Member("major", "semver_major", [Semver], Int, a => (long)S(a, 0).Major),
        Member("minor", "semver_minor", [Semver], Int, a => (long)S(a, 0).Minor),
        Member("patch", "semver_patch", [Semver], Int, a => (long)S(a, 0).Patch),
        Member("isLessThan", "semver_is_less_than", [Semver, Semver], Bool, a => S(a, 0).CompareTo(S(a, 1)) < 0),
        Member("isGreaterThan", "semver_is_greater_than", [Semver, Semver], Bool, a => S(a, 0).CompareTo(S(a, 1)) > 0),
        Member("compareTo", "semver_compare_to", [Semver, Semver], Int, a => (long)Math.Sign(S(a, 0).CompareTo(S(a, 1)))),
    ];

    private static SemverValue S(object?[] a, int index) => (SemverValue)a[index]!;

    private static object Make(string text, bool normalize) => SemverValue.Parse(text, normalize) ?? (object)new CelError($"Invalid semantic version \"{text}\"");

    private sealed class SemverValue(ulong major, ulong minor, ulong patch, string[] pre, string build) : ICelOpaque, IComparable<SemverValue>
    {
        public ulong Major => major;

        public ulong Minor => minor;

        public ulong Patch => patch;

        public string[] Pre => pre;

        public CelType CelType => Semver;

        public static SemverValue? Parse(string text, bool normalize)
        {
            if (text.Length > 1024)
            {
                return null;
            }

            if (normalize)
            {
                text = Normalize(text.StartsWith('v') ? text[1..] : text);
            }

            var plus = text.IndexOf('+', StringComparison.Ordinal);
            var build = plus < 0 ? string.Empty : text[(plus + 1)..];
            var core = plus < 0 ? text : text[..plus];
            var dash = core.IndexOf('-', StringComparison.Ordinal);
            var pre = dash < 0 ? [] : core[(dash + 1)..].Split('.');
            var parts = (dash < 0 ? core : core[..dash]).Split('.');
            if (parts.Length != 3 || (plus >= 0 && !build.Split('.').All(IsIdentifier)) || !pre.All(part => IsIdentifier(part) && !(part.Length > 1 && part[0] == '0' && part.All(char.IsAsciiDigit))))
            {
                return null;
            }

            return Number(parts[0]) is { } major && Number(parts[1]) is { } minor && Number(parts[2]) is { } patch ? new SemverValue(major, minor, patch, pre, build) : null;
        }

        public bool CelEquals(object? other) => other is SemverValue version && CompareTo(version) == 0;

        public int CompareTo(SemverValue? other)
        {
            if (other is null)
            {
                return 1;
            }

            var order = (major, minor, patch).CompareTo((other.Major, other.Minor, other.Patch));
            if (order != 0 || (pre.Length == 0 && other.Pre.Length == 0))
            {
                return order;
            }

            // A version with a pre-release comes before the one without.
            if (pre.Length == 0 || other.Pre.Length == 0)
            {
                return pre.Length == 0 ? 1 : -1;
            }

            for (var i = 0; i < Math.Min(pre.Length, other.Pre.Length); i++)
            {
                var (a, b) = (Number(pre[i]), Number(other.Pre[i]));
                order = (a, b) switch
                {
                    ({ } x, { } y) => x.CompareTo(y),
                    ({ }, null) => -1,
                    (null, { }) => 1,
                    _ => string.CompareOrdinal(pre[i], other.Pre[i]),
                };
                if (order != 0)
                {
                    return order;
                }
            }

            return pre.Length.CompareTo(other.Pre.Length);
        }

        public override string ToString() => $"{major}.{minor}.{patch}{(pre.Length > 0 ? "-" + string.Join('.', pre) : string.Empty)}{(build.Length > 0 ? "+" + build : string.Empty)}";

        private static ulong? Number(string text) =>
            text.Length > 0 && text.All(char.IsAsciiDigit) && (text.Length == 1 || text[0] != '0') && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

        private static bool IsIdentifier(string part) => part.Length > 0 && part.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

        private static string Normalize(string text)
        {
            var parts = text.Split('.', 3);
            for (var i = 0; i < parts.Length; i++)
            {
                if (parts[i].Length > 1)
                {
                    var trimmed = parts[i].TrimStart('0');
                    parts[i] = trimmed.Length == 0 || !char.IsAsciiDigit(trimmed[0]) ? "0" + trimmed : trimmed;
                }
            }

            return parts.Length == 3 ? string.Join('.', parts) : parts[^1].AsSpan().ContainsAny('+', '-') ? string.Empty : string.Join('.', parts.Concat(Enumerable.Repeat("0", 3 - parts.Length)));
        }
    }
}
