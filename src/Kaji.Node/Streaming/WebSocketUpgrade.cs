using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kaji.Node.Streaming;

/// <summary>The opening handshake of RFC 6455, on Kestrel's upgrade feature: no middleware, and the subprotocol is ours to choose.</summary>
internal static class WebSocketUpgrade
{
    private const string Magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    public static bool IsRequested(HttpContext context) =>
        context.Request.Headers.Upgrade.ToString().Contains("websocket", StringComparison.OrdinalIgnoreCase) && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true };

    /// <summary>The subprotocols the client offers, in its order.</summary>
    public static IReadOnlyList<string> Offered(HttpContext context) =>
        context.Request.Headers.SecWebSocketProtocol.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Switches the connection over.</summary>
    /// <param name="subprotocol">One of those offered; null when none was.</param>
    public static async Task<WebSocket> AcceptAsync(HttpContext context, string? subprotocol, TimeSpan keepAlive)
    {
        var response = context.Response.Headers;
        response.Connection = "Upgrade";
        response.Upgrade = "websocket";
        response.SecWebSocketAccept = Accept(context.Request.Headers.SecWebSocketKey.ToString());
        if (subprotocol is not null)
        {
            response.SecWebSocketProtocol = subprotocol;
        }

        var stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();

        // The subprotocol is not told to .NET's WebSocket, which refuses the slash in SPDY/3.1+portforward.k8s.io.
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = keepAlive });
    }

    // SHA-1 is what the RFC says; it proves that the server speaks WebSocket, nothing else.
    private static string Accept(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + Magic)));
}
