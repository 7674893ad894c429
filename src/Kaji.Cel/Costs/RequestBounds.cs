namespace Kaji.Cel.Costs;

/// <summary>
/// Sizes that a schema leaves open are bounded by the largest request that an API server takes: a list of strings has at most as many elements as
/// <c>"",</c> fits into 3 MB. Without this no rule over an unbounded list would have an estimate.
/// </summary>
public static class RequestBounds
{
    public const long MaxRequestBytes = 3 * 1024 * 1024;

    /// <summary>The type with every open size bounded, all the way down.</summary>
    public static CelType WithRequestBounds(this CelType type)
    {
        switch (type.Kind)
        {
            case CelTypeKind.String or CelTypeKind.Bytes or CelTypeKind.Dyn:
                return type.MaxSize is null ? type.WithMaxSize(MaxRequestBytes - 2) : type;
            case CelTypeKind.List:
                var element = type.Parameters[0].WithRequestBounds();
                return type.With([element]).WithMaxSize(type.MaxSize ?? (MaxRequestBytes - 2) / (MinJsonBytes(element) + 1));
            case CelTypeKind.Map:
                var value = type.Parameters[1].WithRequestBounds();
                return type.With([type.Parameters[0].WithRequestBounds(), value]).WithMaxSize(type.MaxSize ?? (MaxRequestBytes - 2) / (MinJsonBytes(value) + 6));
            case CelTypeKind.Object when !type.IsOpen:
                return type.WithFields(() => type.Fields.ToDictionary(field => field.Key, field => field.Value.WithRequestBounds(), StringComparer.Ordinal));
            default:
                return type;
        }
    }

    /// <summary>Fewest bytes that a value's JSON has.</summary>
    private static long MinJsonBytes(CelType type) => type.MinJsonSize ?? type.Kind switch
    {
        CelTypeKind.Bool => 4,
        CelTypeKind.Int or CelTypeKind.Uint or CelTypeKind.Double or CelTypeKind.Dyn => 1,
        CelTypeKind.Timestamp => type.IsDate ? 12 : 21,
        CelTypeKind.Duration => 4,
        _ => 2,
    };
}
