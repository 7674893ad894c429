namespace Kaji.Cel.Values;

/// <summary>What holds for values of any type: their type, equality across types, order, size.</summary>
public static class CelValues
{
    private static readonly CelType DynList = CelType.List(CelType.Dyn);
    private static readonly CelType DynMap = CelType.Map(CelType.Dyn, CelType.Dyn);
    private static readonly CelType DynOptional = CelType.Optional(CelType.Dyn);
    private static readonly CelType DynType = CelType.TypeOf(CelType.Dyn);

    public static CelType TypeOf(object? value) => value switch
    {
        null => CelType.Null,
        bool => CelType.Bool,
        long => CelType.Int,
        ulong => CelType.Uint,
        double => CelType.Double,
        string => CelType.String,
        byte[] => CelType.Bytes,
        CelTimestamp => CelType.Timestamp,
        CelDuration => CelType.Duration,
        CelList => DynList,
        CelMap => DynMap,
        CelObject o => o.CelType,
        CelOptional => DynOptional,
        CelType => DynType,
        ICelOpaque opaque => opaque.CelType,
        _ => CelType.Error,
    };

    /// <summary>Whether a value may stand where an overload wants a type; what lists and maps hold is not looked at.</summary>
    internal static bool Fits(object? value, CelType type) => type.Kind switch
    {
        CelTypeKind.Dyn or CelTypeKind.Parameter => value is not CelError,
        CelTypeKind.Null => value is null,
        CelTypeKind.Bool => value is bool,
        CelTypeKind.Int => value is long,
        CelTypeKind.Uint => value is ulong,
        CelTypeKind.Double => value is double,
        CelTypeKind.String => value is string,
        CelTypeKind.Bytes => value is byte[],
        CelTypeKind.Timestamp => value is CelTimestamp,
        CelTypeKind.Duration => value is CelDuration,
        CelTypeKind.List => value is CelList,
        CelTypeKind.Map => value is CelMap or CelObject,
        CelTypeKind.Optional => value is CelOptional,
        CelTypeKind.Type => value is CelType,
        CelTypeKind.Object => value is CelObject o && o.CelType.Name == type.Name,
        CelTypeKind.Named => value is ICelOpaque opaque && opaque.CelType.Name == type.Name,
        _ => false,
    };

    /// <summary>Equality as CEL's runtime knows it: numbers across their types, everything else of different types is unequal.</summary>
    public static bool AreEqual(object? a, object? b)
    {
        switch (a)
        {
            case null:
                return b is null;
            case string s:
                return b is string t && string.Equals(s, t, StringComparison.Ordinal);
            case bool x:
                return b is bool y && x == y;
            case long or ulong or double:
                return b is long or ulong or double && TryCompareNumbers(a, b, out var order) && order == 0;
            case byte[] x:
                return b is byte[] z && x.AsSpan().SequenceEqual(z);
            case CelList x:
                return b is CelList list && AreListsEqual(x, list);
            case CelMap x:
                return b is CelMap map && AreMapsEqual(x, map);
            case CelObject x:
                return b is CelObject o && AreObjectsEqual(x, o);
            case CelOptional x:
                return b is CelOptional optional && x.HasValue == optional.HasValue && (!x.HasValue || AreEqual(x.Value, optional.Value));
            case CelType x:
                return b is CelType type && x.Name == type.Name;
            case ICelOpaque x:
                return x.CelEquals(b);
            default:
                return a.Equals(b);
        }
    }

    /// <summary>Order of two values that have one; false when they don't (a NaN, or different types).</summary>
    public static bool TryCompare(object? a, object? b, out int order)
    {
        switch (a, b)
        {
            case (string x, string y):
                order = CelText.Compare(x, y);
                return true;
            case (bool x, bool y):
                order = x.CompareTo(y);
                return true;
            case (byte[] x, byte[] y):
                order = x.AsSpan().SequenceCompareTo(y);
                return true;
            case (CelTimestamp x, CelTimestamp y):
                order = x.CompareTo(y);
                return true;
            case (CelDuration x, CelDuration y):
                order = x.CompareTo(y);
                return true;
            case (IComparable x and ICelOpaque, ICelOpaque y) when x.GetType() == y.GetType():
                order = x.CompareTo(y);
                return true;
            default:
                return TryCompareNumbers(a, b, out order);
        }
    }

    /// <summary>What <c>size()</c> tells; 1 for what has no size: the measure of costs.</summary>
    public static long Size(object? value) => value switch
    {
        string s => CelText.Length(s),
        byte[] bytes => bytes.Length,
        CelList list => list.Count,
        CelMap map => map.Count,
        CelObject o => o.FieldNames.Count(),
        ICelSized sized => sized.CelSize,
        _ => 1,
    };

    /// <summary>Costs of walking a value as a tree.</summary>
    internal static double Traversal(object? value) => value switch
    {
        string s => Math.Floor(s.Length * 0.1),
        byte[] bytes => Math.Floor(bytes.Length * 0.1),
        CelList list => list.Sum(Traversal),
        CelMap map => map.Keys.Sum(key => Traversal(key) + (map.TryGet(key, out var item) ? Traversal(item) : 0)),
        _ => 1,
    };

    internal static bool TryCompareNumbers(object? a, object? b, out int order)
    {
        switch (a, b)
        {
            case (long x, long y):
                order = x.CompareTo(y);
                return true;
            case (ulong x, ulong y):
                order = x.CompareTo(y);
                return true;
            case (double x, double y):
                order = x.CompareTo(y);
                return !double.IsNaN(x) && !double.IsNaN(y);
            case (long x, ulong y):
                order = x < 0 ? -1 : ((ulong)x).CompareTo(y);
                return true;
            case (ulong x, long y):
                order = y < 0 ? 1 : x.CompareTo((ulong)y);
                return true;
            case (long x, double y):
                order = CompareWhole(x, y);
                return !double.IsNaN(y);
            case (ulong x, double y):
                order = CompareWhole(x, y);
                return !double.IsNaN(y);
            case (double x, long y):
                order = -CompareWhole(y, x);
                return !double.IsNaN(x);
            case (double x, ulong y):
                order = -CompareWhole(y, x);
                return !double.IsNaN(x);
            default:
                order = 0;
                return false;
        }
    }

    private static int CompareWhole(Int128 whole, double real)
    {
        if (real is > 1e20 or < -1e20)
        {
            return real > 0 ? -1 : 1;
        }

        var floor = Math.Floor(real);
        var order = whole.CompareTo((Int128)floor);
        return order == 0 && real > floor ? -1 : order;
    }

    private static bool AreListsEqual(CelList a, CelList b)
    {
        if (a.Count != b.Count)
        {
            return false;
        }

        var kind = a.Kind != CelListKind.Atomic ? a.Kind : b.Kind;
        if (kind == CelListKind.Atomic)
        {
            for (var i = 0; i < a.Count; i++)
            {
                if (!AreEqual(a[i], b[i]))
                {
                    return false;
                }
            }

            return true;
        }

        // Sets and lists of keyed objects have no order: each element needs a partner of its own, among those of its key.
        var mapKeys = a.Kind != CelListKind.Atomic ? a.MapKeys : b.MapKeys;
        var free = new Dictionary<object, List<object?>>();
        foreach (var item in b)
        {
            var key = Json.SchemaKey.Of(item, kind, mapKeys) ?? kind;
            if (!free.TryGetValue(key, out var same))
            {
                free[key] = same = [];
            }

            same.Add(item);
        }

        foreach (var item in a)
        {
            if (!free.TryGetValue(Json.SchemaKey.Of(item, kind, mapKeys) ?? kind, out var same))
            {
                return false;
            }

            var at = same.FindIndex(other => AreEqual(item, other));
            if (at < 0)
            {
                return false;
            }

            same.RemoveAt(at);
        }

        return true;
    }

    private static bool AreMapsEqual(CelMap a, CelMap b)
    {
        if (a.Count != b.Count)
        {
            return false;
        }

        foreach (var key in a.Keys)
        {
            if (!b.TryGet(key, out var other) || !a.TryGet(key, out var own) || !AreEqual(own, other))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreObjectsEqual(CelObject a, CelObject b)
    {
        var count = 0;
        foreach (var name in a.FieldNames)
        {
            count++;
            if (!b.TryGetByName(name, out var other) || !a.TryGetByName(name, out var own) || !AreEqual(own, other))
            {
                return false;
            }
        }

        return count == b.FieldNames.Count();
    }
}

/// <summary>An opaque value that has a size for costs (an address: its bytes).</summary>
public interface ICelSized
{
    long CelSize { get; }
}
