using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>Lists as sets: sets.contains, sets.equivalent, sets.intersects.</summary>
internal static class SetFunctions
{
    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("sets.contains", "list_sets_contains_list", [ListOfA, ListOfA], Bool, a => Contains((CelList)a[0]!, (CelList)a[1]!), CallCosts.Sets(1)),
        Global("sets.equivalent", "list_sets_equivalent_list", [ListOfA, ListOfA], Bool, a => Contains((CelList)a[0]!, (CelList)a[1]!) && Contains((CelList)a[1]!, (CelList)a[0]!), CallCosts.Sets(2)),
        Global("sets.intersects", "list_sets_intersects_list", [ListOfA, ListOfA], Bool, a => ((CelList)a[0]!).Any(x => ((CelList)a[1]!).Any(y => CelValues.AreEqual(x, y))), CallCosts.Sets(1)),
    ];

    private static bool Contains(CelList all, CelList some) => some.All(x => all.Any(y => CelValues.AreEqual(x, y)));
}
