using Kaji.Cel.Costs;

namespace Kaji.Cel.Functions;

/// <summary>Short forms in which libraries list their overloads.</summary>
internal static class Declare
{
    public static CelType A { get; } = CelType.Parameter("A");

    public static CelType B { get; } = CelType.Parameter("B");

    public static CelType Text => CelType.String;

    public static CelType ListOfA { get; } = CelType.List(A);

    public static CelOverload Global(string function, string id, CelType[] arguments, CelType result, CelFunction body, CelCallCost? cost = null) => new(function, id, false, arguments, result, body) { Cost = cost };

    public static CelOverload Member(string function, string id, CelType[] arguments, CelType result, CelFunction body, CelCallCost? cost = null) => new(function, id, true, arguments, result, body) { Cost = cost };
}
