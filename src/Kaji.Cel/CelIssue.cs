namespace Kaji.Cel;

/// <summary>What is wrong with an expression, and where: line from 1, column from 1, in code points.</summary>
public sealed record CelIssue(string Message, int Line, int Column);
