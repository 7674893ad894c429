using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaji.Api.CustomResources;

/// <summary>Numbers of JSON trees, whatever they were made of.</summary>
internal static class JsonNumbers
{
    public static double Of(JsonValue value) =>
        value.TryGetValue<double>(out var real) ? real
        : value.TryGetValue<long>(out var whole) ? whole
        : value.TryGetValue<int>(out var small) ? small
        : double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    public static bool IsWhole(JsonValue value) =>
        value.TryGetValue<long>(out _) || value.TryGetValue<int>(out _) || (Of(value) is var real && double.IsInteger(real) && Math.Abs(real) < 9.2e18);

    /// <summary>As Go prints a number: whole ones without a point.</summary>
    public static string Show(double number) =>
        double.IsInteger(number) && Math.Abs(number) < 1e15 ? ((long)number).ToString(CultureInfo.InvariantCulture) : number.ToString("R", CultureInfo.InvariantCulture);
}
