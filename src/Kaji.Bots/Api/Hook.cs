using System.Text.Json.Serialization;

namespace Kaji.Bots.Api;

/// <summary>How a bot is told or asked something: one of the three. A hook has done its work when it answers 2xx, or exits with 0.</summary>
public sealed record Hook
{
    /// <summary>A POST to the Pod with a JSON body that says bot, epoch, how the last stop went, and what to do with orders.</summary>
    public HttpHook? HttpPost { get; init; }

    public HttpHook? HttpGet { get; init; }

    public ExecHook? Exec { get; init; }

    /// <summary>Seconds until it has failed; 5 by default.</summary>
    public int? TimeoutSeconds { get; init; }

    [JsonIgnore]
    public TimeSpan Timeout => TimeSpan.FromSeconds(TimeoutSeconds ?? 5);
}

/// <summary>A request to a port of the Pod.</summary>
public sealed record HttpHook
{
    public string Path { get; init; } = "/";

    public int Port { get; init; }
}

/// <summary>A command in the bot's container (the first of the template).</summary>
public sealed record ExecHook
{
    public IList<string> Command { get; init; } = [];
}
