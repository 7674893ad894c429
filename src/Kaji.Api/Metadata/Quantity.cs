using System.Globalization;
using System.Numerics;

namespace Kaji.Api.Metadata;

/// <summary>
/// A resource quantity (<c>100m</c>, <c>1.5Gi</c>, <c>1e3</c>), exact: kept in nano units, rounded up beyond them as Kubernetes does.
/// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
/// </summary>
public readonly struct Quantity : IComparable<Quantity>, IEquatable<Quantity>
{
    private static readonly BigInteger Nano = 1_000_000_000;

    private static readonly (string Suffix, BigInteger Factor)[] Suffixes =
    [
        ("Ki", BigInteger.Pow(2, 10)), ("Mi", BigInteger.Pow(2, 20)), ("Gi", BigInteger.Pow(2, 30)), ("Ti", BigInteger.Pow(2, 40)), ("Pi", BigInteger.Pow(2, 50)), ("Ei", BigInteger.Pow(2, 60)),
        ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("P", 1_000_000_000_000_000), ("E", 1_000_000_000_000_000_000),
    ];

    private static readonly string[] DecimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

    private readonly BigInteger _nano;
    private readonly QuantityFormat _format;

    private Quantity(BigInteger nano, QuantityFormat format = QuantityFormat.DecimalSI) => (_nano, _format) = (nano, format);

    /// <summary>Whole units, rounded up (bytes, Pods).</summary>
    public long Value => (long)BigInteger.Min(long.MaxValue, BigInteger.Max(long.MinValue, RoundUp(_nano, Nano)));

    /// <summary>Thousandths, rounded up (CPU).</summary>
    public long MilliValue => (long)BigInteger.Min(long.MaxValue, BigInteger.Max(long.MinValue, RoundUp(_nano, 1_000_000)));

    public int Sign => _nano.Sign;

    public static Quantity operator +(Quantity a, Quantity b) => new(a._nano + b._nano, a._nano.IsZero ? b._format : a._format);

    public static Quantity operator -(Quantity a, Quantity b) => new(a._nano - b._nano, a._nano.IsZero ? b._format : a._format);

    public static bool operator <(Quantity a, Quantity b) => a._nano < b._nano;

    public static bool operator >(Quantity a, Quantity b) => a._nano > b._nano;

    public static bool operator <=(Quantity a, Quantity b) => a._nano <= b._nano;

    public static bool operator >=(Quantity a, Quantity b) => a._nano >= b._nano;

    public static bool operator ==(Quantity a, Quantity b) => a._nano == b._nano;

    public static bool operator !=(Quantity a, Quantity b) => a._nano != b._nano;

    public static Quantity FromMilli(long milli) => new((BigInteger)milli * 1_000_000);

    public static Quantity FromValue(long value) => new(value * Nano);

    public static Quantity Parse(string text) => TryParse(text, out var quantity) ? quantity : throw new FormatException($"\"{text}\" is not a quantity");

    public static bool TryParse(string? text, out Quantity quantity)
    {
        quantity = default;
        if (string.IsNullOrEmpty(text) || text.Length > 64)
        {
            return false;
        }

        var at = text[0] is '+' or '-' ? 1 : 0;
        var from = at;
        while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.'))
        {
            at++;
        }

        var number = text[from..at];
        var suffix = text[at..];
        var point = number.IndexOf('.', StringComparison.Ordinal);
        var digits = point < 0 ? number : number[..point] + number[(point + 1)..];
        if (digits.Length == 0 || digits.Contains('.', StringComparison.Ordinal))
        {
            return false;
        }

        var scale = point < 0 ? 0 : number.Length - point - 1;
        var format = QuantityFormat.DecimalSI;
        var value = BigInteger.Parse(digits, CultureInfo.InvariantCulture) * Nano;
        if (suffix.Length > 1 && suffix[0] is 'e' or 'E' && int.TryParse(suffix.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var exponent))
        {
            if (Math.Abs(exponent) > 100)
            {
                return false;
            }

            scale -= exponent;
            format = QuantityFormat.DecimalExponent;
        }
        else
        {
            switch (suffix)
            {
                case "":
                    break;
                case "m":
                    scale += 3;
                    break;
                case "u":
                    scale += 6;
                    break;
                case "n":
                    scale += 9;
                    break;
                default:
                    var found = Array.Find(Suffixes, s => s.Suffix == suffix);
                    if (found.Suffix is null)
                    {
                        return false;
                    }

                    value *= found.Factor;
                    format = suffix.EndsWith('i') ? QuantityFormat.BinarySI : format;
                    break;
            }
        }

        value = scale >= 0 ? RoundUp(value, BigInteger.Pow(10, scale)) : value * BigInteger.Pow(10, -scale);
        quantity = new Quantity(text[0] == '-' ? -value : value, format);
        return true;
    }

    public int CompareTo(Quantity other) => _nano.CompareTo(other._nano);

    public bool Equals(Quantity other) => _nano == other._nano;

    public override bool Equals(object? obj) => obj is Quantity other && Equals(other);

    public override int GetHashCode() => _nano.GetHashCode();

    /// <summary>In Kubernetes' canonical form: the suffixes it was written with (binary, decimal or an exponent), the largest that keeps it whole.</summary>
    public override string ToString()
    {
        if (_nano.IsZero)
        {
            return "0";
        }

        return _format switch
        {
            // Below 1024, and where binary suffixes would round, decimal ones are shown.
            QuantityFormat.BinarySI when BigInteger.Abs(_nano) >= 1024 * Nano && (_nano % Nano).IsZero => Binary(),
            QuantityFormat.DecimalExponent => Decimal(exponent => exponent == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"e{exponent}")),
            _ => Decimal(exponent => DecimalSuffixes[(exponent / 3) + 3]),
        };
    }

    private string Binary()
    {
        var (value, power) = (_nano / Nano, 0);
        while (power < 6 && (value % 1024).IsZero)
        {
            (value, power) = (value / 1024, power + 1);
        }

        return value.ToString(CultureInfo.InvariantCulture) + (power == 0 ? "" : Suffixes[power - 1].Suffix);
    }

    private string Decimal(Func<int, string> suffix)
    {
        var (value, exponent) = (_nano, -9);
        while (exponent < 18 && (value % 1000).IsZero)
        {
            (value, exponent) = (value / 1000, exponent + 3);
        }

        return value.ToString(CultureInfo.InvariantCulture) + suffix(exponent);
    }

    private static BigInteger RoundUp(BigInteger value, BigInteger divisor)
    {
        var result = BigInteger.DivRem(value, divisor, out var rest);
        return rest.Sign > 0 ? result + 1 : result;
    }
}

/// <summary>How a quantity was written, and is shown.</summary>
internal enum QuantityFormat
{
    DecimalSI,
    BinarySI,
    DecimalExponent,
}
