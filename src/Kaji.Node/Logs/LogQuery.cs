using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Kaji.Node.Logs;

/// <summary>What part of a container's log is asked for: PodLogOptions as query parameters.</summary>
public sealed record LogQuery
{
    public bool Follow { get; init; }

    /// <summary>Lines from the end; null for all.</summary>
    public long? TailLines { get; init; }

    /// <summary>Only lines written at or after this time.</summary>
    public DateTimeOffset? Since { get; init; }

    public bool Timestamps { get; init; }

    /// <summary>Bytes of output after which it ends.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>Of the attempt before the present one.</summary>
    public bool Previous { get; init; }

    /// <summary><c>stdout</c> or <c>stderr</c>; null for both.</summary>
    public string? Stream { get; init; }

    /// <summary>Reads a query string; null with a sentence when a value makes no sense.</summary>
    public static LogQuery? Parse(IQueryCollection query, DateTimeOffset now, out string error)
    {
        error = "";
        var since = (DateTimeOffset?)null;
        if (query.TryGetValue("sinceTime", out var time) && time.ToString() is { Length: > 0 } text)
        {
            if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed))
            {
                error = $"sinceTime: {text} is not an RFC 3339 time";
                return null;
            }

            since = parsed;
        }

        if (!Number(query, "tailLines", 0, out var tail, ref error) || !Number(query, "sinceSeconds", 1, out var seconds, ref error) || !Number(query, "limitBytes", 1, out var limit, ref error))
        {
            return null;
        }

        var stream = query["stream"].ToString();
        if (stream is not ("" or "All" or "Stdout" or "Stderr"))
        {
            error = $"stream: {stream} is not one of All, Stdout, Stderr";
            return null;
        }

        if (seconds is { } ago)
        {
            since = now - TimeSpan.FromSeconds(Math.Min(ago, (now - DateTimeOffset.UnixEpoch).TotalSeconds));
        }

        return new LogQuery
        {
            Follow = Flag(query, "follow"),
            Previous = Flag(query, "previous"),
            Timestamps = Flag(query, "timestamps"),
            TailLines = tail,
            LimitBytes = limit,
            Since = since,
            Stream = stream is "" or "All" ? null : stream.ToLowerInvariant(),
        };
    }

    private static bool Flag(IQueryCollection query, string name) => query[name].ToString() is "true" or "1" or "True";

    private static bool Number(IQueryCollection query, string name, long least, out long? value, ref string error)
    {
        value = null;
        if (!query.TryGetValue(name, out var values) || values.ToString() is not { Length: > 0 } text)
        {
            return true;
        }

        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number < least)
        {
            error = $"{name}: {text} is not a number of at least {least}";
            return false;
        }

        value = number;
        return true;
    }
}
