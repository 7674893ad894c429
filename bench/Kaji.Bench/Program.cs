using Kaji.Bench;

// Usage: dotnet run -c Release --project bench/Kaji.Bench [store|api|watch|definitions|pods|bots|crash]...   (root; all of them when none is named)
var benches = new Dictionary<string, Func<Task>>(StringComparer.Ordinal)
{
    ["store"] = StoreBench.RunAsync,
    ["api"] = ApiBench.RunAsync,
    ["watch"] = WatchBench.RunAsync,
    ["definitions"] = DefinitionBench.RunAsync,
    ["pods"] = PodBench.RunAsync,
    ["bots"] = BotBench.RunAsync,
    ["crash"] = CrashBench.RunAsync,
};
foreach (var name in args.Length > 0 ? args : [.. benches.Keys])
{
    if (!benches.TryGetValue(name, out var run))
    {
        Console.Error.WriteLine($"no benchmark {name}: there are {string.Join(", ", benches.Keys)}");
        return 2;
    }

    Console.WriteLine($"== {name}");
    await run();
}

return 0;
