namespace Kaji.Cel;

/// <summary>Functions, constants and types that a host adds to the language: an authorizer, say.</summary>
public sealed record CelLibrary(string Name, IReadOnlyList<CelOverload> Functions)
{
    /// <summary>Types that expressions may name.</summary>
    public IReadOnlyList<CelType> Types { get; init; } = [];
}
