namespace Fleet.Exchange;

/// <summary>Someone who may trade.</summary>
internal sealed record ApiKey(string Account, string Key, string Secret);

/// <summary>Settings of the exchange.</summary>
internal sealed record ExchangeOptions
{
    public int Port { get; init; } = 8080;

    public required IReadOnlyList<string> Pairs { get; init; }

    public required IReadOnlyList<ApiKey> Keys { get; init; }

    public int Seed { get; init; } = 42;

    /// <summary>Standard deviation of one step.</summary>
    public double Volatility { get; init; } = 0.0003;

    public TimeSpan Step { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>USDT that each account begins with.</summary>
    public decimal Deposit { get; init; } = 10000;

    public static ExchangeOptions FromEnvironment() => new()
    {
        Port = Settings.Port(8080),
        Pairs = Settings.Text("PAIRS", "BTC-USDT,ETH-USDT,SOL-USDT").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
        Keys = [.. ParseKeys(Settings.Text("API_KEYS", "")), .. Numbered((int)Settings.Number("API_KEYS_COUNT", 0))],
        Seed = (int)Settings.Number("SEED", 42),
        Volatility = Settings.Number("VOLATILITY", 0.0003),
        Step = TimeSpan.FromMilliseconds(Settings.Number("STEP_MS", 250)),
        Deposit = (decimal)Settings.Number("DEPOSIT", 10000),
    };

    /// <summary>Accounts bot0, bot1 … with keys bot0-key and secrets bot0-secret, for tests with many bots.</summary>
    private static IEnumerable<ApiKey> Numbered(int count) => Enumerable.Range(0, count).Select(i => new ApiKey($"bot{i}", $"bot{i}-key", $"bot{i}-secret"));

    /// <summary><c>ACCOUNT:KEY:SECRET</c>, separated by commas or lines.</summary>
    internal static List<ApiKey> ParseKeys(string text)
    {
        var keys = new List<ApiKey>();
        foreach (var line in text.Split((char[])[',', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(':');
            if (parts.Length != 3 || parts.Any(p => p.Length == 0))
            {
                throw new SettingException("API_KEYS must be ACCOUNT:KEY:SECRET, separated by commas");
            }

            keys.Add(new ApiKey(parts[0], parts[1], parts[2]));
        }

        return keys;
    }
}
