using System.Globalization;
using System.Numerics;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>quantity('1.5Gi') and its arithmetic.</summary>
internal static class QuantityFunctions
{
    public static CelType Quantity { get; } = Named("kubernetes.Quantity");

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("quantity", "string_to_quantity", [Text], Quantity, a => QuantityValue.Parse((string)a[0]!) ?? (object)new CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"), CallCosts.Walk(sized: false)),
        Global("isQuantity", "is_quantity_string", [Text], Bool, a => QuantityValue.Parse((string)a[0]!) is not null, CallCosts.Walk(sized: false)),
        Member("sign", "quantity_sign", [Quantity], Int, a => (long)Q(a, 0).Nano.Sign),
        Member("isInteger", "quantity_is_integer", [Quantity], Bool, a => Q(a, 0).Whole is not null),
        Member("asInteger", "quantity_get_int", [Quantity], Int, a => Q(a, 0).Whole ?? (object)new CelError("cannot convert value to integer")),
        Member("asApproximateFloat", "quantity_get_float", [Quantity], CelType.Double, a => (double)Q(a, 0).Nano / 1e9),
        Member("add", "quantity_add", [Quantity, Quantity], Quantity, a => new QuantityValue(Q(a, 0).Nano + Q(a, 1).Nano)),
        Member("add", "quantity_add_int", [Quantity, Int], Quantity, a => new QuantityValue(Q(a, 0).Nano + ((long)a[1]! * QuantityValue.Nanos))),
        Member("sub", "quantity_sub", [Quantity, Quantity], Quantity, a => new QuantityValue(Q(a, 0).Nano - Q(a, 1).Nano)),
        Member("sub", "quantity_sub_int", [Quantity, Int], Quantity, a => new QuantityValue(Q(a, 0).Nano - ((long)a[1]! * QuantityValue.Nanos))),
        Member("isLessThan", "quantity_is_less_than", [Quantity, Quantity], Bool, a => Q(a, 0).Nano < Q(a, 1).Nano),
        Member("isGreaterThan", "quantity_is_greater_than", [Quantity, Quantity], Bool, a => Q(a, 0).Nano > Q(a, 1).Nano),
        Member("compareTo", "quantity_compare_to", [Quantity, Quantity], Int, a => (long)Q(a, 0).Nano.CompareTo(Q(a, 1).Nano)),
    ];

    private static QuantityValue Q(object?[] a, int index) => (QuantityValue)a[index]!;

    /// <summary>A quantity in billionths, the finest that Kubernetes keeps.</summary>
    private sealed class QuantityValue(BigInteger nano) : ICelOpaque
    {
        public static readonly BigInteger Nanos = 1_000_000_000;
        private static readonly BigInteger Most = new BigInteger(long.MaxValue) * Nanos;

        public BigInteger Nano => nano;

        public CelType CelType => Quantity;

        public long? Whole => nano % Nanos == 0 && nano / Nanos >= long.MinValue && nano / Nanos <= long.MaxValue ? (long)(nano / Nanos) : null;

        public bool CelEquals(object? other) => other is QuantityValue quantity && quantity.Nano == nano;

        public override string ToString() => nano % Nanos == 0 ? (nano / Nanos).ToString(CultureInfo.InvariantCulture) : nano.ToString(CultureInfo.InvariantCulture) + "n";

        // [+-]digits[.digits] and one of Ki…Ei, n u m k…E, e<exponent>.
        public static QuantityValue? Parse(string text)
        {
            var rest = text.AsSpan();
            if (rest.Length is 0 or > 512)
            {
                return null;
            }

            var negative = rest[0] == '-';
            rest = rest[0] is '+' or '-' ? rest[1..] : rest;
            var length = rest.IndexOfAnyExcept("0123456789.");
            var number = length < 0 ? rest : rest[..length];
            var suffix = length < 0 ? [] : rest[length..];
            var dot = number.IndexOf('.');
            if (number.IsEmpty || number.Length == 1 && dot == 0 || dot >= 0 && number[(dot + 1)..].Contains('.'))
            {
                return null;
            }

            var digits = BigInteger.Parse("0" + number.ToString().Replace(".", string.Empty, StringComparison.Ordinal), CultureInfo.InvariantCulture);
            var scale = dot < 0 ? 0 : number.Length - dot - 1;
            BigInteger factor = 1;
            var power = 0;
            switch (suffix)
            {
                case "Ki" or "Mi" or "Gi" or "Ti" or "Pi" or "Ei":
                    factor = BigInteger.Pow(1024, "KMGTPE".IndexOf(suffix[0], StringComparison.Ordinal) + 1);
                    break;
                case "" or "n" or "u" or "m" or "k" or "M" or "G" or "T" or "P" or "E":
                    power = suffix.IsEmpty ? 0 : suffix[0] switch { 'n' => -9, 'u' => -6, 'm' => -3, 'k' => 3, 'M' => 6, 'G' => 9, 'T' => 12, 'P' => 15, _ => 18 };
                    break;
                default:
                    if (suffix[0] is not ('e' or 'E') || !int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out power) || power is < -1000 or > 1000)
                    {
                        return null;
                    }

                    break;
            }

            var exponent = power - scale + 9;
            var value = digits * factor;
            if (exponent >= 0)
            {
                value *= BigInteger.Pow(10, exponent);
            }
            else
            {
                // What is finer than a billionth is rounded up.
                value = BigInteger.DivRem(value, BigInteger.Pow(10, -exponent), out var remainder);
                value += remainder.IsZero ? 0 : 1;
            }

            value = BigInteger.Min(value, Most);
            return new QuantityValue(negative ? -value : value);
        }
    }
}
