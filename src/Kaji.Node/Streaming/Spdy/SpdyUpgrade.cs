using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kaji.Node.Streaming.Spdy;

/// <summary>The handshake of Kubernetes' SPDY: <c>Upgrade: SPDY/3.1</c> and the protocol on top in <c>X-Stream-Protocol-Version</c>.</summary>
internal static class SpdyUpgrade
{
    /// <summary>Of exec and attach.</summary>
    public const string RemoteCommand = "v4.channel.k8s.io";

    public const string PortForward = "portforward.k8s.io";

    private const string Upgrade = "SPDY/3.1", Version = "X-Stream-Protocol-Version", Accepted = "X-Accepted-Stream-Protocol-Versions";

    public static bool IsRequested(HttpContext context) =>
        context.Request.Headers.Upgrade.ToString().Contains(Upgrade, StringComparison.OrdinalIgnoreCase) && context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true };

    /// <summary>Switches the connection over; null when the client does not offer <paramref name="protocol"/>, which it has then been told.</summary>
    public static async Task<SpdySession?> AcceptAsync(HttpContext context, string protocol)
    {
        var offered = context.Request.Headers[Version].SelectMany(v => (v ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).ToList();
        var response = context.Response;
        if (!offered.Contains(protocol, StringComparer.Ordinal))
        {
            response.Headers[Accepted] = protocol;
            response.StatusCode = StatusCodes.Status403Forbidden;
            await response.WriteAsync($"unable to upgrade: unable to negotiate protocol: client supports [{string.Join(' ', offered)}], server accepts [{protocol}]", context.RequestAborted);
            return null;
        }

        response.Headers.Connection = "Upgrade";
        response.Headers.Upgrade = Upgrade;
        response.Headers[Version] = protocol;
        return new SpdySession(await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync());
    }
}
