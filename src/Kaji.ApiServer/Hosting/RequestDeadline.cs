using System.Globalization;
using System.Text.RegularExpressions;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Hosting;

/// <summary>Ends requests that take too long: after <c>?timeout=</c>, a minute at most. What goes on for as long as the client likes, and loops of this process, have none.</summary>
internal sealed partial class RequestDeadline : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);
    private readonly CancellationTokenSource _source;

    private RequestDeadline(CancellationTokenSource source) => _source = source;

    public bool HasPassed => _source.IsCancellationRequested;

    /// <returns>Null when the request has none.</returns>
    /// <exception cref="ApiErrorException">400: the timeout is no duration.</exception>
    public static RequestDeadline? Of(HttpContext context, RequestInfo info)
    {
        if (info.IsLongRunning || context.Features.Get<TrustedUserFeature>() is not null)
        {
            return null;
        }

        var limit = Longest;
        if (context.Request.Query["timeout"].ToString() is { Length: > 0 } text)
        {
            limit = Parse(text) is { } asked ? asked > TimeSpan.Zero && asked < Longest ? asked : Longest : throw new ApiErrorException(ApiErrors.BadRequest($"invalid timeout specified in the request URL - time: invalid duration \"{text}\""));
        }

        var source = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        source.CancelAfter(limit);
        context.RequestAborted = source.Token;
        return new RequestDeadline(source);
    }

    public void Dispose() => _source.Dispose();

    /// <summary>As Go writes durations: <c>1m30s</c>, <c>500ms</c>; null when it is none.</summary>
    private static TimeSpan? Parse(string text)
    {
        if (text == "0")
        {
            return TimeSpan.Zero;
        }

        var match = Duration().Match(text);
        if (!match.Success)
        {
            return null;
        }

        var seconds = 0.0;
        for (var i = 0; i < match.Groups[1].Captures.Count; i++)
        {
            seconds += double.Parse(match.Groups[1].Captures[i].Value, CultureInfo.InvariantCulture) * match.Groups[2].Captures[i].Value switch { "h" => 3600, "m" => 60, "s" => 1, "ms" => 1e-3, "ns" => 1e-9, _ => 1e-6 };
        }

        return seconds < 1e6 ? TimeSpan.FromSeconds(seconds) : TimeSpan.FromDays(1);
    }

    [GeneratedRegex(@"^(?:([0-9]+(?:\.[0-9]*)?)(h|ms|m|s|us|µs|ns))+$", RegexOptions.CultureInvariant)]
    private static partial Regex Duration();
}
