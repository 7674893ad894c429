using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Bots.Api;

namespace Kaji.Bots.Warden;

/// <summary>What a hook answered.</summary>
/// <param name="Fault">Null when it went well.</param>
/// <param name="Text">Its answer, at most 16 KiB.</param>
public sealed record HookResult(string? Fault, string Text)
{
    /// <summary>The field openOrders of a JSON answer, or the answer as a number; null when it says neither.</summary>
    public int? OpenOrders
    {
        get
        {
            if (int.TryParse(Text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var plain))
            {
                return plain;
            }

            try
            {
                return JsonNode.Parse(Text)?["openOrders"] is JsonValue value && value.TryGetValue<int>(out var count) ? count : null;
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
            {
                // No JSON, or none with one such field: then it has not said.
                return null;
            }
        }
    }
}

/// <summary>Calls a bot's hooks and reads its pages. Every failure is a sentence, none an exception.</summary>
public sealed class HookCaller : IDisposable
{
    private const int LongestAnswer = 16 * 1024;
    private const int LongestPage = 1024 * 1024;
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(2), PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30), UseCookies = false })
    {
        Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = LongestPage,
    };

    public async Task<HookResult> CallAsync(Hook hook, IHolder holder, HookBody body, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit = limit < hook.Timeout ? limit : hook.Timeout;
        limit = limit > Least ? limit : Least;
        bounded.CancelAfter(limit);
        try
        {
            if (hook.Exec is { } exec)
            {
                var (code, output) = await holder.ExecAsync([.. exec.Command], limit, bounded.Token);
                return new HookResult(code == 0 ? null : $"command {string.Join(' ', exec.Command)} exited with {code}: {Short(output)}", output);
            }

            var http = hook.HttpPost ?? hook.HttpGet ?? throw new InvalidOperationException("A hook has httpPost, httpGet or exec.");
            if (holder.Address is not { } address)
            {
                return new HookResult("the Pod has no address yet", "");
            }

            using var request = new HttpRequestMessage(hook.HttpPost is null ? HttpMethod.Get : HttpMethod.Post, Url(address, http.Port, http.Path));
            if (hook.HttpPost is not null)
            {
                request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, BotJson.Default.HookBody));
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            }

            using var response = await _http.SendAsync(request, bounded.Token);
            var text = await TextAsync(response, bounded.Token);
            text = text.Length > LongestAnswer ? text[..LongestAnswer] : text;
            return new HookResult(response.IsSuccessStatusCode ? null : $"{http.Path} answered {(int)response.StatusCode}: {Short(text)}", text);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new HookResult($"{Name(hook)} did not answer within {limit.TotalSeconds:0.#} s", "");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever a program answers, or a runtime makes of a command: a stop must come to its end.
            return new HookResult($"{Name(hook)}: {e.Message}", "");
        }
    }

    /// <summary>A page of the bot; null when it can't be had in time.</summary>
    public async Task<string?> PageAsync(string address, int port, string path, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(limit);
        try
        {
            using var response = await _http.GetAsync(Url(address, port, path), bounded.Token);
            return response.IsSuccessStatusCode ? await TextAsync(response, bounded.Token) : null;
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // A bot that does not answer has nothing new to say; what it said last grows older in the report.
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    public static string Name(Hook hook) => hook.HttpPost?.Path ?? hook.HttpGet?.Path ?? string.Join(' ', hook.Exec?.Command ?? []);

    private static Uri Url(string address, int port, string path) => new($"http://{(address.Contains(':') ? $"[{address}]" : address)}:{port.ToString(CultureInfo.InvariantCulture)}{path}");

    /// <summary>As UTF-8, whatever character set it is said to be in: some programs name one that nobody knows.</summary>
    private static async Task<string> TextAsync(HttpResponseMessage response, CancellationToken cancellationToken) => Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync(cancellationToken));

    private static string Short(string text) => (text.Length > 200 ? text[..200] : text).ReplaceLineEndings(" ").Trim();
}
