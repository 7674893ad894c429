using System.Globalization;

namespace Kaji.Bots.Warden;

/// <summary>Reads the Prometheus text format. https://prometheus.io/docs/instrumenting/exposition_formats/</summary>
public static class PrometheusText
{
    /// <summary>The samples' values, summed by metric name over their labels.</summary>
    /// <example><code>bot_orders_total{pair="BTC-USDT"} 17 1700000000000</code></example>
    public static Dictionary<string, double> Sums(string text, Func<string, bool>? wanted = null)
    {
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan(range).Trim();
            if (line.IsEmpty || line[0] == '#')
            {
                continue;
            }

            var end = line.IndexOfAny(' ', '{', '\t');
            if (end <= 0)
            {
                continue;
            }

            var rest = line[end] == '{' ? line[(line.LastIndexOf('}') + 1)..] : line[end..];
            rest = rest.Trim();
            var space = rest.IndexOfAny(' ', '\t');
            var number = space < 0 ? rest : rest[..space];
            var name = line[..end].ToString();
            if (wanted?.Invoke(name) != false && TryNumber(number, out var value))
            {
                sums[name] = sums.GetValueOrDefault(name) + value;
            }
        }

        return sums;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out double value)
    {
        value = text switch
        {
            "+Inf" or "Inf" => double.PositiveInfinity,
            "-Inf" => double.NegativeInfinity,
            _ => 0,
        };
        return value != 0 || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }
}
