using Fleet.Http;

namespace Fleet.Executor;

/// <summary>Settings of an executor: one pair, one account.</summary>
internal sealed record ExecutorOptions
{
    public int Port { get; init; } = 8080;

    public required string Pair { get; init; }

    public required Address Exchange { get; init; }

    /// <summary>Null in churn mode.</summary>
    public Address? Detector { get; init; }

    /// <summary>Begins passive, and acts when a hook activates it.</summary>
    public bool Hooks { get; init; }

    /// <summary>Places and cancels small orders far from the market at each step, whatever the signals: for tests of who may act.</summary>
    public bool Churn { get; init; }

    /// <summary>A version that fails soon after it was activated, for demonstrations.</summary>
    public bool Broken { get; init; }

    public required string ApiKey { get; init; }

    public required string ApiSecret { get; init; }

    /// <summary>Sent with each order when given: number of this activation.</summary>
    public string? Epoch { get; init; }

    /// <summary>USDT an entry.</summary>
    public decimal OrderSize { get; init; } = 200;

    /// <summary>Profit at which the resting sell order stands.</summary>
    public decimal TakeProfit { get; init; } = 0.001m;

    /// <summary>Older data is not acted on.</summary>
    public double MaxDataAge { get; init; } = 3;

    /// <summary>Where whoever runs it listens for its status; null for nobody.</summary>
    public string? NotifySocket { get; init; }

    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(500);

    public static ExecutorOptions FromEnvironment() => new()
    {
        Port = Settings.Port(8080),
        Pair = Settings.Text("KAJI_MARKETS", "") is { Length: > 0 } markets ? markets.Split(',')[0] : Settings.Text("PAIR"),
        Exchange = Address.Parse(Settings.Text("EXCHANGE_URL")),
        Detector = Settings.Text("DETECTOR_URL", "") is { Length: > 0 } detector ? Address.Parse(detector) : null,
        Hooks = Settings.Text("HOOKS", "") == "true",
        Churn = Settings.Text("MODE", "") == "churn",
        Broken = Settings.Text("BROKEN", "") == "true",
        ApiKey = Settings.Text("API_KEY"),
        ApiSecret = Settings.Text("API_SECRET"),
        Epoch = Environment.GetEnvironmentVariable("KAJI_EPOCH") ?? Environment.GetEnvironmentVariable("EPOCH"),
        OrderSize = (decimal)Settings.Number("ORDER_USDT", 200),
        TakeProfit = (decimal)Settings.Number("TAKE_PROFIT", 0.001),
        NotifySocket = Environment.GetEnvironmentVariable("NOTIFY_SOCKET"),
        MaxDataAge = Settings.Number("MAX_DATA_AGE_SECONDS", 3),
        Interval = TimeSpan.FromMilliseconds(Settings.Number("INTERVAL_MS", 500)),
    };
}
