using System.Globalization;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>isSorted, sum, min, max, indexOf, lastIndexOf of Kubernetes; slice, flatten, distinct, sort, reverse, range, first, last of cel-go's lists.</summary>
internal static class ListFunctions
{
    private const long MaxRange = 100_000;
    private static readonly CelType[] Ordered = [Int, Uint, CelType.Double, Bool, Duration, Timestamp, Text, Bytes];

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        .. Ordered.SelectMany(OfOrdered),
        .. new[] { Int, Uint, CelType.Double, Duration }.Select(type => Member("sum", $"list_{type}_sum", [List(type)], type, a => Sum((CelList)a[0]!, type), CallCosts.Elements)),
        Member("indexOf", "list_a_index_of_int", [ListOfA, A], Int, a => IndexOf((CelList)a[0]!, a[1], last: false), CallCosts.Elements),
        Member("lastIndexOf", "list_a_last_index_of_int", [ListOfA, A], Int, a => IndexOf((CelList)a[0]!, a[1], last: true), CallCosts.Elements),
        Member("slice", "list_slice", [ListOfA, Int, Int], ListOfA, Slice, CallCosts.Elements),
        Member("flatten", "list_flatten", [List(ListOfA)], ListOfA, a => Flatten((CelList)a[0]!, 1), CallCosts.Elements),
        Member("flatten", "list_flatten_int", [List(Dyn), Int], List(Dyn), a => (long)a[1]! < 0 ? new CelError("level must be non-negative") : Flatten((CelList)a[0]!, (long)a[1]!), CallCosts.Elements),
        Member("distinct", "list_distinct", [ListOfA], ListOfA, Distinct, Squared),
        Member("reverse", "list_reverse", [ListOfA], ListOfA, a => new CelArray([.. ((CelList)a[0]!).Reverse()]), CallCosts.Elements),
        Member("first", "list_first", [ListOfA], Optional(A), a => a[0] is CelList { Count: > 0 } list ? CelOptional.Of(list[0]) : CelOptional.None),
        Member("last", "list_last", [ListOfA], Optional(A), a => a[0] is CelList { Count: > 0 } list ? CelOptional.Of(list[^1]) : CelOptional.None),
        Member("@sortByAssociatedKeys", "list_sort_by_keys", [ListOfA, List(B)], ListOfA, a => SortBy((CelList)a[0]!, (CelList)a[1]!), CallCosts.Sort),
        Global("lists.range", "lists_range", [Int], List(Int), a => (long)a[0]! is >= 0 and <= MaxRange ? new CelArray([.. Enumerable.Range(0, (int)(long)a[0]!).Select(n => (object?)(long)n)]) : new CelError($"lists.range() size must be between 0 and {MaxRange}"), new CelCallCost(
            (a, _) => (ulong)Math.Clamp((long)a[0]!, 1, MaxRange),
            s => s.Literals[0] is long and >= 0 ? new CelCallEstimate(CelRange.Fixed((ulong)(long)s.Literals[0]!), CelRange.Fixed((ulong)(long)s.Literals[0]!)) : new CelCallEstimate(new CelRange(1, (ulong)MaxRange), new CelRange(0, (ulong)MaxRange)))),
    ];

    private static CelCallCost Squared => new(
        (a, _) => CelRange.Add((ulong)CelValues.Size(a[0]) * (ulong)CelValues.Size(a[0]), 1),
        s => new CelCallEstimate(s.Sizes[0].Multiply(s.Sizes[0]).Add(1), s.Sizes[0]));

    private static IEnumerable<CelOverload> OfOrdered(CelType type)
    {
        var list = List(type);
        yield return Member("isSorted", $"list_{type}_is_sorted_bool", [list], Bool, IsSorted, CallCosts.Elements);
        yield return Member("min", $"list_{type}_min_{type}", [list], type, a => Extreme((CelList)a[0]!, -1, "min"), CallCosts.Elements);
        yield return Member("max", $"list_{type}_max_{type}", [list], type, a => Extreme((CelList)a[0]!, 1, "max"), CallCosts.Elements);
        yield return Member("sort", $"list_{type}_sort", [list], list, a => SortBy((CelList)a[0]!, (CelList)a[0]!), CallCosts.Sort);
    }

    private static object IsSorted(object?[] a)
    {
        var list = (CelList)a[0]!;
        for (var i = 1; i < list.Count; i++)
        {
            if (!CelValues.TryCompare(list[i - 1], list[i], out var order))
            {
                return CelError.NoSuchOverload;
            }

            if (order > 0)
            {
                return false;
            }
        }

        return true;
    }

    private static object? Extreme(CelList list, int sign, string function)
    {
        if (list.Count == 0)
        {
            return new CelError($"{function} called on empty list");
        }

        var found = list[0];
        foreach (var item in list.Skip(1))
        {
            if (!CelValues.TryCompare(item, found, out var order))
            {
                return CelError.NoSuchOverload;
            }

            found = Math.Sign(order) == sign ? item : found;
        }

        return found;
    }

    private static object Sum(CelList list, CelType type)
    {
        try
        {
            checked
            {
                // A list without a type comes here through any of the overloads: its elements decide.
                return (list.Count > 0 ? CelValues.TypeOf(list[0]) : type).Kind switch
                {
                    CelTypeKind.Int => list.Aggregate(0L, (sum, item) => sum + (long)item!),
                    CelTypeKind.Uint => list.Aggregate(0UL, (sum, item) => sum + (ulong)item!),
                    CelTypeKind.Double => list.Aggregate(0.0, (sum, item) => sum + (double)item!),
                    CelTypeKind.Duration => new CelDuration(list.Aggregate(0L, (sum, item) => sum + ((CelDuration)item!).Nanoseconds)),
                    _ => CelError.NoSuchOverload,
                };
            }
        }
        catch (OverflowException)
        {
            return type.Kind == CelTypeKind.Uint ? CelError.UintOverflow : CelError.IntOverflow;
        }
        catch (InvalidCastException)
        {
            return CelError.NoSuchOverload;
        }
    }

    private static object IndexOf(CelList list, object? value, bool last)
    {
        for (var i = 0; i < list.Count; i++)
        {
            var at = last ? list.Count - 1 - i : i;
            if (CelValues.AreEqual(list[at], value))
            {
                return (long)at;
            }
        }

        return -1L;
    }

    private static object Slice(object?[] a)
    {
        var (list, start, end) = ((CelList)a[0]!, (long)a[1]!, (long)a[2]!);
        if (start < 0 || end < 0)
        {
            return new CelError(string.Create(CultureInfo.InvariantCulture, $"cannot slice({start}, {end}), negative indexes not supported"));
        }

        if (start > end)
        {
            return new CelError(string.Create(CultureInfo.InvariantCulture, $"cannot slice({start}, {end}), start index must be less than or equal to end index"));
        }

        return end > list.Count ? new CelError(string.Create(CultureInfo.InvariantCulture, $"cannot slice({start}, {end}), list is length {list.Count}")) : new CelArray([.. list.Skip((int)start).Take((int)(end - start))]);
    }

    private static CelArray Flatten(CelList list, long depth)
    {
        var flat = new List<object?>();
        foreach (var item in list)
        {
            if (item is CelList inner && depth > 0)
            {
                flat.AddRange(Flatten(inner, depth - 1));
            }
            else
            {
                flat.Add(item);
            }
        }

        return new CelArray(flat);
    }

    private static object Distinct(object?[] a)
    {
        var seen = new List<object?>();
        foreach (var item in (CelList)a[0]!)
        {
            if (!seen.Exists(other => CelValues.AreEqual(other, item)))
            {
                seen.Add(item);
            }
        }

        return new CelArray(seen);
    }

    private static object SortBy(CelList list, CelList keys)
    {
        if (list.Count != keys.Count)
        {
            return new CelError("@sortByAssociatedKeys() expected a list of the same size as the associated keys list");
        }

        // Keys have to be of one ordered type; the sort is stable.
        for (var i = 1; i < keys.Count; i++)
        {
            if (!CelValues.TryCompare(keys[0], keys[i], out _) || CelValues.TypeOf(keys[0]).Name != CelValues.TypeOf(keys[i]).Name)
            {
                return new CelError("list elements must have the same type");
            }
        }

        var order = Comparer<object?>.Create((x, y) => CelValues.TryCompare(x, y, out var result) ? result : 0);
        return new CelArray([.. Enumerable.Range(0, list.Count).OrderBy(i => keys[i], order).Select(i => list[i])]);
    }
}
