namespace Kaji.Cel.Checking;

/// <summary>What a name stands for: a variable, or a type as a value.</summary>
internal sealed record Declaration(string Name, CelType Type, CelType? Value);
