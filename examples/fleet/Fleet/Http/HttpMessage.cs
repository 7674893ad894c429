using System.Text;

namespace Fleet.Http;

/// <summary>A request as the server hands it on. Header names are lower case.</summary>
internal sealed record HttpRequest(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string? Header(string name) => Headers.GetValueOrDefault(name);

    /// <summary>A value of the query string, or null.</summary>
    public string? Value(string name)
    {
        foreach (var part in Query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=');
            if ((equals < 0 ? part : part[..equals]) == name)
            {
                return equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..].Replace('+', ' '));
            }
        }

        return null;
    }
}

/// <summary>An answer; with <see cref="Upgrade"/> the connection becomes a WebSocket.</summary>
internal sealed record HttpAnswer(int Status, string ContentType, byte[] Body)
{
    public Func<System.Net.WebSockets.WebSocket, CancellationToken, Task>? Upgrade { get; init; }

    /// <summary>Set when the answer takes a while: it is waited for.</summary>
    public Func<CancellationToken, Task<HttpAnswer>>? Deferred { get; init; }

    public static HttpAnswer Later(Func<CancellationToken, Task<HttpAnswer>> answer) => new(202, "", []) { Deferred = answer };

    public static HttpAnswer Json(string json, int status = 200) => new(status, "application/json", Encoding.UTF8.GetBytes(json));

    public static HttpAnswer Text(string text, int status = 200) => new(status, "text/plain; charset=utf-8", Encoding.UTF8.GetBytes(text));

    public static HttpAnswer Metrics(string text) => new(200, "text/plain; version=0.0.4", Encoding.UTF8.GetBytes(text));

    public static HttpAnswer Error(int status, string message) => Json($"{{\"error\":\"{JsonText.Escape(message)}\"}}", status);

    public static HttpAnswer WebSocket(Func<System.Net.WebSockets.WebSocket, CancellationToken, Task> serve) => new(101, "", []) { Upgrade = serve };
}
