using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Kaji.Conformance;

/// <summary>An answer of the API server.</summary>
public sealed record Answer(int Code, string Text, IReadOnlyList<string> Warnings)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    public string? Reason => (string?)Json["reason"];

    public string? Message => (string?)Json["message"];

    public Answer Ok(int code = 200)
    {
        Assert.True(Code == code, $"answered {Code}, not {code}: {Text}");
        return this;
    }

    public Answer Refused(int code, string? part = null)
    {
        Assert.True(Code == code, $"answered {Code}, not {code}: {Text}");
        if (part is not null)
        {
            Assert.Contains(part, Message ?? Text, StringComparison.Ordinal);
        }

        return this;
    }
}

/// <summary>Plain requests, as <c>kubectl get --raw</c> sends them.</summary>
public sealed class Api(HttpClient http) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public HttpClient Http => http;

    public Task<Answer> GetAsync(string path, string accept = "application/json") => SendAsync(HttpMethod.Get, path, null, "", accept);

    public Task<Answer> PostAsync(string path, string body, string type = "application/json", string accept = "application/json") => SendAsync(HttpMethod.Post, path, body, type, accept);

    public Task<Answer> PutAsync(string path, string body) => SendAsync(HttpMethod.Put, path, body, "application/json");

    public Task<Answer> PatchAsync(string path, string body, string type = "application/merge-patch+json") => SendAsync(HttpMethod.Patch, path, body, type);

    public Task<Answer> ApplyAsync(string path, string body, string manager = "test", string more = "") =>
        SendAsync(HttpMethod.Patch, $"{path}?fieldManager={manager}{more}", body, "application/apply-patch+yaml");

    public Task<Answer> DeleteAsync(string path, string? options = null) => SendAsync(HttpMethod.Delete, path, options, "application/json");

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? body, string type, string accept = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }

        using var response = await http.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.TryGetValues("Warning", out var warnings) ? [.. warnings] : []);
    }

    /// <summary>Reads again and again until it holds.</summary>
    public async Task<Answer> UntilAsync(string path, Func<Answer, bool> holds)
    {
        var end = TimeProvider.System.GetUtcNow() + Patience;
        while (true)
        {
            var answer = await GetAsync(path);
            if (holds(answer))
            {
                return answer;
            }

            Assert.True(TimeProvider.System.GetUtcNow() < end, $"{path} did not come to hold what was awaited; last: {answer.Code} {answer.Text}");
            await Task.Delay(20); // poll interval of a condition
        }
    }

    /// <summary>Opens a watch; its events are read with <see cref="Watch.NextAsync"/>.</summary>
    public async Task<Watch> WatchAsync(string path)
    {
        var response = await http.GetAsync(path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "watch=true", HttpCompletionOption.ResponseHeadersRead);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
        }

        return new Watch(response);
    }

    public void Dispose() => http.Dispose();
}

/// <summary>An open watch.</summary>
public sealed class Watch : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly HttpResponseMessage _response;
    private readonly Channel<JsonNode> _events = Channel.CreateUnbounded<JsonNode>();
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _reading;

    internal Watch(HttpResponseMessage response)
    {
        _response = response;
        _reading = ReadAsync();
    }

    public async Task<(string Type, JsonNode Object)> NextAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        var next = await _events.Reader.ReadAsync(limit.Token);
        return ((string)next["type"]!, next["object"]!);
    }

    /// <summary>The next event, of the type and name that are expected.</summary>
    public async Task<JsonNode> ExpectAsync(string type, string name)
    {
        var (seen, obj) = await NextAsync();
        Assert.Equal((type, name), (seen, (string)obj["metadata"]!["name"]!));
        return obj;
    }

    public async ValueTask DisposeAsync()
    {
        // The read ends before the response goes: the connection takes one read at a time.
        await _closing.CancelAsync();
        await _reading;
        _response.Dispose();
        _closing.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            using var lines = new StreamReader(await _response.Content.ReadAsStreamAsync(_closing.Token));
            while (await lines.ReadLineAsync(_closing.Token) is { } line)
            {
                _events.Writer.TryWrite(JsonNode.Parse(line)!);
            }

            _events.Writer.Complete();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or HttpRequestException or OperationCanceledException)
        {
            // Closed by the test.
            _events.Writer.TryComplete();
        }
    }
}
