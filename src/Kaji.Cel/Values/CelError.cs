namespace Kaji.Cel.Values;

/// <summary>A failed evaluation, carried as a value: <c>&amp;&amp;</c>, <c>||</c> and comprehensions may absorb it.</summary>
public sealed record CelError(string Message)
{
    public static CelError NoSuchOverload { get; } = new("no such overload");

    public static CelError IntOverflow { get; } = new("integer overflow");

    public static CelError UintOverflow { get; } = new("unsigned integer overflow");

    public static CelError NoSuchKey(object? key) => new($"no such key: {CelText.Show(key)}");
}
