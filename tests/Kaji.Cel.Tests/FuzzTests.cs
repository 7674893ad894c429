using System.Diagnostics;
using System.Text;

namespace Kaji.Cel.Tests;

/// <summary>Whatever the text is, compiling tells issues or makes a program, evaluating tells a value or an error, and both end. A failure names its seed.</summary>
public sealed class FuzzTests
{
    private static readonly CelEnvironment Environment = CelEnvironment.Kubernetes.WithVariable("self", CelType.Dyn).WithVariable("n", CelType.Int).WithVariable("s", CelType.String).WithVariable("l", CelType.List(CelType.Int)).WithMutation();

    private static readonly Dictionary<string, object?> Values = new(StringComparer.Ordinal)
    {
        ["self"] = CelJson.FromJson(System.Text.Json.Nodes.JsonNode.Parse("""{"a": {"b": [1, "x", null]}, "c": 1.5}""")),
        ["n"] = 7L,
        ["s"] = "text😀",
        ["l"] = CelJson.FromJson(System.Text.Json.Nodes.JsonNode.Parse("[3, 1, 2]"), CelType.List(CelType.Int)),
    };

    private static readonly string[] Words =
    [
        "1", "0", "2u", "1.5", "-1", "'a'", "\"b\"", "b'c'", "r'\\d'", "true", "false", "null", "self", "n", "s", "l", "x", "y", "a", "b", "c", "in", "has", "size", "map", "all", "exists", "filter", "matches", "int", "string",
        "type", "dyn", "optional", "of", "none", "orValue", "sets", "contains", "quantity", "ip", "cidr", "semver", "format", "timestamp", "duration", "Object", "spec", "JSONPatch", "cel", "bind", "math", "greatest", "lists", "range",
        "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "+", "-", "*", "/", "%", "!", "==", "!=", "<", "<=", ">", ">=", "&&", "||", ".?", "[?", "'", "\"", "\\", "@", "\n", "//", " ", "😀", "9223372036854775807", "0x", "1e999",
    ];

    private static readonly string[] Valid =
    [
        "self.a.b.exists(x, type(x) == int && x > 0) || has(self.c)", "l.map(x, x * n).filter(y, y % 2 == 0).size() > 0 ? s + 'a' : string(n)", "[1, 2, 3].sort().reverse()[?0].orValue(n)",
        "'%s %d %.3f %x'.format([s, n, 1.5, b'ab'])", "quantity('1.5Gi').add(quantity('3m')).compareTo(quantity('1'))", "cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))", "s.matches('^[a-z]+(x|y){2,3}$') && s.find('e.t') != ''",
        "timestamp('2023-01-02T03:04:05Z').getHours('+01:00') + int(duration('1h') + dyn(duration('1m')))", "Object{spec: Object.spec{replicas: n, ?x: optional.of(1)}}", "cel.bind(v, l.sum(), v * v > n && l.all(i, e, i <= e))",
        "l.transformMap(i, v, v).transformMapEntry(k, v, {v: k})", "semver('1.2.3-rc.1+b').isLessThan(semver('v1.3', true))", "url('https://a:80/b?c=d').getQuery()", "s.split('').join('-').replace('t', '', 2).substring(1, 2)",
        "format.dns1123Label().validate(s).optMap(e, e.size()).orValue(0)", "math.greatest(1, 2.5, n) > 2 && math.bitShiftLeft(n, 3) != 0", "sets.equivalent(l, [1, 2, 3]) && l.sortBy(e, -e) == [3, 2, 1]",
    ];

    [Fact]
    public void RandomWords_NeverThrow()
    {
        for (var seed = 0; seed < 30_000; seed++)
        {
            var random = new Random(seed);
            var text = new StringBuilder();
            for (var i = random.Next(1, 25); i > 0; i--)
            {
                text.Append(Words[random.Next(Words.Length)]).Append(random.Next(3) == 0 ? " " : string.Empty);
            }

            Try(text.ToString(), seed);
        }
    }

    [Fact]
    public void MutatedExpressions_NeverThrow()
    {
        for (var seed = 0; seed < 30_000; seed++)
        {
            var random = new Random(seed);
            var text = Valid[random.Next(Valid.Length)];
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                var at = random.Next(text.Length);
                var length = Math.Min(random.Next(6), text.Length - at);
                text = random.Next(4) switch
                {
                    0 => text.Remove(at, length),
                    1 => text.Insert(at, Words[random.Next(Words.Length)]),
                    2 => text.Remove(at, length).Insert(at, Words[random.Next(Words.Length)]),
                    _ => text.Insert(at, Valid[random.Next(Valid.Length)]),
                };
                text = text.Length == 0 ? "1" : text;
            }

            Try(text, seed);
        }
    }

    [Fact]
    public void ValidExpressions_Evaluate()
    {
        foreach (var expression in Valid)
        {
            var compilation = Environment.Compile(expression);
            Assert.True(compilation.Program is not null, $"{expression}\n{compilation}");
        }
    }

    private static void Try(string expression, int seed)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            var compilation = Environment.Compile(expression);
            Assert.True(compilation.Program is not null || compilation.Issues.Count > 0, $"seed {seed}: neither a program nor issues");
            Assert.True(compilation.Issues.Count == 0 || compilation.ToString().StartsWith("ERROR: <input>:", StringComparison.Ordinal), $"seed {seed}: {compilation}");
            if (compilation.Program?.Evaluate(new CelBindings(Values), 100_000, TestContext.Current.CancellationToken) is { } result)
            {
                Assert.True(result.Error is null || result.Error.Length > 0, $"seed {seed}");
                CelJson.TryToJson(result.Value, out _);
            }
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"seed {seed}: {expression}\n{e}");
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"seed {seed} took {watch.Elapsed}: {expression}");
    }
}
