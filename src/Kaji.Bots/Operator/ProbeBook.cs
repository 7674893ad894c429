using System.Net.Sockets;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Operator;

/// <summary>
/// Asks exchanges how new their newest data is, once a period for each address. What counts is when the answer changed, by this machine's clock: clocks are never
/// compared. The change lies between two looks; the earlier one is taken, so that the reference is never younger than the truth.
/// </summary>
public sealed partial class ProbeBook(IApiClient client, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Unwanted = TimeSpan.FromMinutes(1);
    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30) }) { Timeout = Limit, MaxResponseContentBufferSize = 1024 * 1024 };
    private readonly Dictionary<(string Namespace, string Url, string Field), Probed> _probes = [];
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _end = new();

    /// <summary>Seconds since the exchange's newest data changed; null when it can't be asked. The first call begins the asking.</summary>
    public double? AgeOf(string ns, FreshnessProbe probe)
    {
        Probed probed;
        lock (_gate)
        {
            var key = (ns, probe.Url, probe.Field);
            if (!_probes.TryGetValue(key, out probed!))
            {
                _probes[key] = probed = new Probed { Wanted = time.GetTimestamp() };
                _ = FollowAsync(key, probed, probe.PeriodSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : Often);
            }
        }

        probed.Wanted = time.GetTimestamp();
        return probed.Changed is { } changed ? time.GetElapsedTime(changed).TotalSeconds : null;
    }

    public void Dispose()
    {
        _end.Cancel();
        _http.Dispose();
    }

    private async Task FollowAsync((string Namespace, string Url, string Field) key, Probed probed, TimeSpan period)
    {
        long? before = null;
        try
        {
            while (time.GetElapsedTime(probed.Wanted) < Unwanted)
            {
                var began = time.GetTimestamp();
                var value = await AskAsync(key);
                if (value is null)
                {
                    // Out of reach: nothing is known until two answers have come again.
                    (probed.Changed, probed.Value, before) = (null, null, null);
                }
                else
                {
                    if (probed.Value is not null && value != probed.Value)
                    {
                        probed.Changed = before ?? began;
                    }

                    (probed.Value, before) = (value, began);
                }

                var left = period - time.GetElapsedTime(began);
                await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(10), time, _end.Token);
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            lock (_gate)
            {
                _probes.Remove(key);
            }
        }
    }

    private async Task<string?> AskAsync((string Namespace, string Url, string Field) key)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            limit.CancelAfter(Limit);
            using var response = key.Url.StartsWith("service://", StringComparison.Ordinal)
                ? await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, ServicePath(key.Namespace, new Uri(key.Url))), limit.Token)
                : await _http.GetAsync(new Uri(key.Url), limit.Token);
            var text = await response.Content.ReadAsStringAsync(limit.Token);
            if (response.IsSuccessStatusCode && BotReader.Node(text, key.Field)?.ToString() is { } value)
            {
                return value;
            }

            NoAnswer(key.Url, response.IsSuccessStatusCode ? $"there is no field {key.Field}" : $"status {(int)response.StatusCode}");
            return null;
        }
        catch (Exception e) when ((e is OperationCanceledException && !_end.IsCancellationRequested) || e is HttpRequestException or IOException or SocketException)
        {
            NoAnswer(key.Url, e.Message);
            return null;
        }
    }

    private static string ServicePath(string ns, Uri url) => $"/api/v1/namespaces/{ns}/services/{url.Host}:{url.Port}/proxy{url.PathAndQuery}";

    private sealed class Probed
    {
        public string? Value { get; set; }

        public long? Changed { get; set; }

        public long Wanted { get; set; }
    }

    [LoggerMessage(1, LogLevel.Debug, "probe {url}: {why}")]
    private partial void NoAnswer(string url, string why);
}
