using Kaji.Cel.Checking;
using Kaji.Cel.Costs;
using Kaji.Cel.Evaluating;
using Kaji.Cel.Functions;
using Kaji.Cel.Lexing;
using Kaji.Cel.Parsing;

namespace Kaji.Cel;

/// <summary>
/// What expressions may use: variables with their types, functions, types to construct. Immutable: every <c>With…</c> makes a new one, so hosts build one
/// for each kind of expression at start and compile many expressions with it, from any thread.
/// </summary>
public sealed class CelEnvironment
{
    private readonly Dictionary<string, CelType> variables;
    private readonly Dictionary<string, CelType> types;
    private readonly Dictionary<string, CelOverload[]> functions;
    private readonly Func<string, CelType?>? typeResolver;

    private CelEnvironment(Dictionary<string, CelType> variables, Dictionary<string, CelType> types, Dictionary<string, CelOverload[]> functions, Func<string, CelType?>? typeResolver, string container)
    {
        this.variables = variables;
        this.types = types;
        this.functions = functions;
        this.typeResolver = typeResolver;
        Container = container;
    }

    /// <summary>The language with its standard functions only.</summary>
    public static CelEnvironment Standard { get; } = new CelEnvironment([], BasicTypes(), [], null, string.Empty).WithLibraries(StandardLibraries.Core);

    /// <summary>The language as Kubernetes 1.36 offers it, without the authorizer, which the host adds.</summary>
    public static CelEnvironment Kubernetes { get; } = Standard.WithLibraries(StandardLibraries.Kubernetes);

    /// <summary>The namespace in which names are looked up first; empty for Kubernetes.</summary>
    public string Container { get; }

    public CelEnvironment WithVariable(string name, CelType type) => WithVariables([new(name, type)]);

    public CelEnvironment WithVariables(IEnumerable<KeyValuePair<string, CelType>> added)
    {
        var all = new Dictionary<string, CelType>(variables, StringComparer.Ordinal);
        foreach (var (name, type) in added)
        {
            all[name] = type;
        }

        return new CelEnvironment(all, types, functions, typeResolver, Container);
    }

    public CelEnvironment WithLibraries(params IEnumerable<CelLibrary> libraries)
    {
        var all = new Dictionary<string, CelOverload[]>(functions, StringComparer.Ordinal);
        var named = new Dictionary<string, CelType>(types, StringComparer.Ordinal);
        foreach (var library in libraries)
        {
            foreach (var group in library.Functions.GroupBy(f => f.Function, StringComparer.Ordinal))
            {
                all[group.Key] = [.. all.GetValueOrDefault(group.Key) ?? [], .. group];
            }

            foreach (var type in library.Types)
            {
                named[type.Name] = type;
            }
        }

        return new CelEnvironment(variables, named, all, typeResolver, Container);
    }

    /// <summary>Types that expressions may construct (<c>Object{…}</c>) or compare with <c>type(x)</c>.</summary>
    public CelEnvironment WithTypes(params IEnumerable<CelType> added)
    {
        var all = new Dictionary<string, CelType>(types, StringComparer.Ordinal);
        foreach (var type in added)
        {
            all[type.Name] = type;
        }

        return new CelEnvironment(variables, all, functions, typeResolver, Container);
    }

    /// <summary>Asked for type names that nobody declared.</summary>
    public CelEnvironment WithTypeResolver(Func<string, CelType?> resolver) => new(variables, types, functions, resolver, Container);

    public CelEnvironment WithContainer(string container) => new(variables, types, functions, typeResolver, container);

    /// <summary>Parses and checks an expression, and makes the program that evaluates it.</summary>
    /// <param name="expression">The text.</param>
    /// <param name="expectedResult">What it must evaluate to; dyn fits everything.</param>
    public CelCompilation Compile(string expression, CelType? expectedResult = null)
    {
        var source = new Source(expression);
        var expr = Parser.Parse(source);
        var checker = new Checker(this, source);
        if (expr is not null)
        {
            checker.Check(expr);
        }

        if (expr is null || source.Issues.Count > 0)
        {
            return new CelCompilation(expression, source.Issues, null, CelType.Error, default, null);
        }

        var wrongResult = expectedResult is null || TypeUnifier.Fits(expectedResult, expr.Type) ? null : $"must evaluate to {expectedResult}";
        return new CelCompilation(expression, [], wrongResult is null ? new Planner().Plan(expr) : null, expr.Type, CostEstimator.Estimate(expr), wrongResult, checker.References);
    }

    internal IReadOnlyList<CelOverload> FindFunction(string name) => functions.GetValueOrDefault(name) ?? [];

    internal Declaration? FindIdentifier(string name)
    {
        if (variables.TryGetValue(name, out var variable))
        {
            return new Declaration(name, variable, null);
        }

        var type = FindType(name);
        return type is null ? null : new Declaration(name, CelType.TypeOf(type), type);
    }

    internal CelType? FindType(string name) => types.GetValueOrDefault(name) ?? typeResolver?.Invoke(name);

    /// <summary>The names that a name may mean, the innermost container first.</summary>
    internal IEnumerable<string> Candidates(string name)
    {
        if (name.StartsWith('.'))
        {
            yield return name[1..];
            yield break;
        }

        for (var container = Container; container.Length > 0; container = container.Contains('.', StringComparison.Ordinal) ? container[..container.LastIndexOf('.')] : string.Empty)
        {
            yield return $"{container}.{name}";
        }

        yield return name;
    }

    private static Dictionary<string, CelType> BasicTypes()
    {
        CelType[] basic =
        [
            CelType.Bool, CelType.Int, CelType.Uint, CelType.Double, CelType.String, CelType.Bytes, CelType.Null, CelType.Timestamp, CelType.Duration,
            CelType.List(CelType.Dyn), CelType.Map(CelType.Dyn, CelType.Dyn), CelType.TypeOf(CelType.Dyn), CelType.Optional(CelType.Dyn),
        ];
        return basic.ToDictionary(type => type.Name, StringComparer.Ordinal);
    }
}
